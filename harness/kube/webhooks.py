"""What the API server says when a webhook that it asked failed: whose fault a refusal is."""

from __future__ import annotations

import re

__all__ = ["failed_conversion", "failed_webhook"]

_ADMISSION = re.compile(r'(?:admission webhook|failed calling webhook) "([^"]+)"')
_CONVERSION = re.compile(r"conversion webhook for ([^ ,]+), Kind=([^\s,]+),? (?:failed|returned)")


def failed_webhook(message: str) -> str:
    """Returns which webhook a refusal comes from, in words; empty where none is named.

    Args:
        message: The server's words, for example those of an ApiError.
    """
    admission = _ADMISSION.search(message)
    if admission:
        return f"the webhook {admission[1]}"
    return failed_conversion(message)


def failed_conversion(message: str) -> str:
    """Returns which conversion webhook a refusal comes from, in words; empty where it's another.

    The answer has status 500, as if the API server itself were broken.

    Args:
        message: The server's words.
    """
    found = _CONVERSION.search(message)
    return f"the conversion webhook of {found[2]} ({found[1]})" if found else ""
