"""Links between the texts lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import harness

ROOT = Path(harness.__file__).resolve().parent.parent
TEXTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md")
    for path in ROOT.glob(pattern)
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """Returns the anchors that GitHub makes of a text's headings."""
    text = _FENCED.sub("", path.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(name: str, text: str) -> list[str]:
    """Returns the links of a text that lead to no file, or to no heading of it."""
    found = []
    for link in _LINK.findall(_FENCED.sub("", text)):
        place, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        path = ((ROOT / name).parent / place) if place else ROOT / name
        if not path.exists() or (anchor and anchor not in anchors(path)):
            found.append(link)
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_within_the_repository_leads_somewhere(name: str) -> None:
    assert broken(name, (ROOT / name).read_text(encoding="utf-8")) == []


def test_a_link_to_nowhere_is_found() -> None:
    text = "[a](docs/faq.md#no-such-question) [b](docs/none.md) [c](docs/faq.md) [d](https://e.f/)"
    assert broken("README.md", text) == ["docs/faq.md#no-such-question", "docs/none.md"]
