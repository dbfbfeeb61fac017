"""What holds for the repository as a whole."""

import ast
import re
from pathlib import Path

import pytest

import harness
from harness import command

ROOT = Path(harness.__file__).resolve().parent.parent
PACKAGE = ROOT / "harness"

# Hosts of package indexes: a lock file or a note that names one ties users to it.
INDEX_HOSTS = re.compile(
    r"(?:" + "|".join(("pypi", "files", "test")) + r")\.(?:python" + r"hosted|py" + r"pi)\.org"
    r"|py" + r"pi\.org/simple|registry\." + r"npmjs|proxy\." + r"golang\.org|sum\." + r"golang\.org"
    r"|repo1?\.maven" + r"\.(?:org|apache)|deb\." + r"debian\.org"
)


def tracked() -> list[Path]:
    listed = command.run(["git", "ls-files", "-co", "--exclude-standard"], timeout=30, cwd=ROOT)
    return [ROOT / line for line in listed.output.splitlines() if (ROOT / line).is_file()]


def modules() -> list[Path]:
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if "tests" not in path.parts and "_bundled" not in path.parts
    ]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no list of tracked files")
    found = {}
    for path in tracked():
        try:
            found[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


def test_no_file_names_a_package_index(texts: dict[str, str]) -> None:
    named = [name for name, text in texts.items() if INDEX_HOSTS.search(text)]
    assert named == []


def test_no_file_holds_a_private_key_or_a_token(texts: dict[str, str]) -> None:
    secret = re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]{40}|eyJhbGciOi[\w-]{20}"
    )
    assert [name for name, text in texts.items() if secret.search(text)] == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_it_is_and_exports(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a module begins with what it is"
    if path.name in {"__main__.py"}:
        return
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not node.decorator_list  # a command or a fixture is reached by its decorator
    }
    exported = next(
        (
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and any(isinstance(name, ast.Name) and name.id == "__all__" for name in node.targets)
        ),
        None,
    )
    defined = {name for name in defined if not name.startswith("pytest_")}  # called by pytest
    if defined:
        assert exported is not None, "a module with public names has __all__"
        assert defined <= set(exported), "what is public is exported"


def test_only_the_clock_reads_the_time() -> None:
    allowed = {PACKAGE / "clock.py"}
    pattern = re.compile(r"^\s*(import time\b|from time import)", re.MULTILINE)
    found = [
        str(path.relative_to(ROOT))
        for path in modules()
        if path not in allowed and pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []
