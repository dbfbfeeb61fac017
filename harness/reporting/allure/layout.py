"""Allure's file format, as far as we write and read it; times in milliseconds since 1970."""

from __future__ import annotations

import msgspec

__all__ = [
    "Attachment",
    "Container",
    "Details",
    "Label",
    "Link",
    "Parameter",
    "RawResult",
    "Result",
    "Step",
]


class _Part(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):  # Allure reads what is absent as empty
    """Base of all parts of a file."""


class Attachment(_Part, frozen=True, kw_only=True):
    """A file beside the results.

    Attributes:
        source: Its name.
        type: Its media type.
    """

    name: str = ""
    source: str = ""
    type: str = ""


class Details(_Part, frozen=True, kw_only=True):
    """Why something isn't passed."""

    message: str = ""
    trace: str = ""


class Step(_Part, frozen=True, kw_only=True):
    """A step of a test, or a test as a step of a check; also a fixture of a test."""

    name: str = ""
    status: str = ""
    status_details: Details = Details()
    start: int = 0
    stop: int = 0
    steps: tuple[Step, ...] = ()
    attachments: tuple[Attachment, ...] = ()


class Label(_Part, frozen=True, kw_only=True):
    """What a result can be grouped and filtered by."""

    name: str
    value: str


class Link(_Part, frozen=True, kw_only=True):
    """A link that is shown beside a result."""

    name: str = ""
    url: str = ""
    type: str = "link"


class Parameter(_Part, frozen=True, kw_only=True):
    """What tells results of the same test apart; results with others have another history."""

    name: str
    value: str


class Result(_Part, frozen=True, kw_only=True):
    """A `<uuid>-result.json`.

    Attributes:
        test_case_id: The same for the case in every run.
        history_id: The same for the case with the same parameters.
        description: Markdown.
    """

    uuid: str
    history_id: str
    test_case_id: str
    full_name: str
    name: str
    status: str
    stage: str
    status_details: Details = Details()
    description: str = ""
    start: int = 0
    stop: int = 0
    title_path: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    links: tuple[Link, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    steps: tuple[Step, ...] = ()
    attachments: tuple[Attachment, ...] = ()


class RawResult(_Part, frozen=True, kw_only=True):
    """What we read of a `<uuid>-result.json` that allure-pytest wrote."""

    uuid: str = ""
    name: str = ""
    full_name: str = ""
    start: int = 0
    stop: int = 0
    steps: tuple[Step, ...] = ()
    attachments: tuple[Attachment, ...] = ()


class Container(_Part, frozen=True, kw_only=True):
    """What we read of a `<uuid>-container.json`: the fixtures of some results."""

    children: tuple[str, ...] = ()
    befores: tuple[Step, ...] = ()
    afters: tuple[Step, ...] = ()
