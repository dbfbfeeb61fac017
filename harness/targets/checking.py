"""Stage 1: a document held against its JSON Schema; every error at once, in words that teach."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from harness.targets.document import KeyPath, dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from jsonschema.exceptions import ValidationError

    from harness.model.problems import Problem
    from harness.targets.document import Document

__all__ = ["check", "did_you_mean"]

_PATTERNS = (
    ("[A-Z]{3}-", "isn't the id of a check", "ids look like REC-001"),
    ("[-a-z0-9]*[a-z0-9])?)+$", "isn't a custom resource", "write <plural>.<group>"),
    ("[-a-z0-9]*[a-z0-9])?)*$", "isn't a resource", "write <plural>.<group>, or <plural>"),
    ("^[a-z0-9](", "isn't a Kubernetes name", "use lower-case letters, digits and dashes"),
    ("^[A-Z][", "isn't a kind", "kinds look like ServiceMonitor"),
    ("^[a-z][a-z0-9_]", "isn't the name of a measurement", "names look like knee_rate"),
    ("^[A-Za-z_]", "isn't the name of an environment variable", ""),
    ("^[a-zA-Z_]", "isn't a package's name in Python", "write it as in `import`"),
    ("^/", "must begin with /", ""),
    ("^(/", "isn't a JSON Pointer", "it is empty or begins with /"),
)
_CLIP = 60
_ALIKE = 0.6  # ratio of difflib from which a word may be meant
_AS_ALIKE = 0.05  # how much less alike than the best a word may be


def check(document: Document, schema: dict[str, Any]) -> list[Problem]:
    """Returns every error of a document, each at its line.

    Args:
        document: As it was read.
        schema: A JSON Schema made by `harness.targets.surface`.
    """
    import jsonschema  # noqa: PLC0415 - takes 0.1 s to import

    if not isinstance(document.data, dict):
        message = f"a mapping must be here, not {_named(document.data)}"
        return [document.problem((), message, hint="begin with `apiVersion: harness/v1`")]
    problems: list[Problem] = []
    for error in jsonschema.Draft202012Validator(schema).iter_errors(document.data):
        for problem in _problems(document, error):
            if problem not in problems:
                problems.append(problem)
    return problems


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns "did you mean 'x'?", with up to three close words; else the known ones, or ""."""
    names = sorted(known)
    folded = {name.casefold().replace("_", "").replace("-", ""): name for name in names}
    plain = folded.get(word.casefold().replace("_", "").replace("-", ""))
    close = [plain] if plain else _closest(word, names)
    if close:
        return f"did you mean {' or '.join(repr(name) for name in close)}?"
    return f"known: {', '.join(names)}" if names else ""


def _closest(word: str, names: list[str]) -> list[str]:
    ratios = {name: difflib.SequenceMatcher(None, name, word).ratio() for name in names}
    enough = max(_ALIKE, max(ratios.values(), default=0.0) - _AS_ALIKE)
    return [name for name in names if ratios[name] >= enough][:3]


class _Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A validation error, reduced to what words need.

    Attributes:
        keyword: Of the schema, for example "required".
        expected: The keyword's value.
        schema: The mapping that holds the keyword.
        instance: The value that breaks it, at `path`.
    """

    keyword: str
    expected: Any  # any JSON
    schema: dict[str, Any]  # a JSON Schema
    instance: Any  # any JSON
    path: KeyPath


def _problems(document: Document, error: ValidationError) -> Iterator[Problem]:
    fault = _Fault(
        keyword=str(error.validator),
        expected=error.validator_value,
        schema=dict(error.schema) if isinstance(error.schema, Mapping) else {},
        instance=error.instance,
        path=tuple(error.absolute_path),
    )
    if fault.keyword == "enum" and not isinstance(fault.instance, str):
        return  # its type is a problem already
    special = _SPECIAL.get(fault.keyword)
    if special is not None:
        yield from special(document, fault)
        return
    message, hint = _WORDS[fault.keyword](fault)
    if "propertyNames" in error.absolute_schema_path:
        path = (*fault.path, str(fault.instance))
        yield document.problem(path, message, hint=hint, of_key=True)
    else:
        yield document.problem(fault.path, message, hint=hint)


def _unknown_keys(document: Document, fault: _Fault) -> Iterator[Problem]:
    known = fault.schema["properties"]
    for key in fault.instance:
        here = (*fault.path, key)
        if key not in known:
            hint = did_you_mean(key, [name for name in known if name not in fault.instance])
            where = dotted(fault.path) or "the top level"
            message = f"there is no key {_shown(key)} in {where}"
            yield document.problem(here, message, hint=hint, of_key=True)


def _missing_keys(document: Document, fault: _Fault) -> Iterator[Problem]:
    for key in fault.expected:
        if key not in fault.instance:
            about = fault.schema["properties"][key]
            fixed = about.get("const")
            hint = f"add `{key}: {fixed}`" if fixed else _sentence(about)
            message = f"the key {key!r} is missing"
            yield document.problem(fault.path, message, hint=hint, of_key=True)


_SPECIAL: dict[str, Callable[[Document, _Fault], Iterator[Problem]]] = {
    "additionalProperties": _unknown_keys,
    "required": _missing_keys,
}


def _type(fault: _Fault) -> tuple[str, str]:
    wanted, value = fault.expected, fault.instance
    names: Sequence[str] = [wanted] if isinstance(wanted, str) else wanted
    message = f"must be {' or '.join(_NOUNS[name] for name in names)}, not {_named(value)}"
    return message, _type_hint(names[0], value) if len(names) == 1 else ""


def _type_hint(wanted: str, value: Any) -> str:  # noqa: ANN401 - any JSON
    if value is None:
        return "write a value, or leave the key out"
    if wanted == "string" and isinstance(value, bool | int | float):
        return f'write "{str(value).lower() if isinstance(value, bool) else value}" in quotes'
    if wanted == "array" and isinstance(value, str):
        return f"write [{', '.join(_split(value))}]"
    if wanted == "array":
        return "begin each item with a dash"
    if wanted == "integer" and isinstance(value, str) and value.isdecimal():
        return f"write {value} without quotes"
    return ""


def _split(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:
        return [value]


def _pattern(fault: _Fault) -> tuple[str, str]:
    pattern = str(fault.expected)
    if fault.instance == "":
        return "must not be empty", ""
    words = ((message, hint) for part, message, hint in _PATTERNS if part in pattern)
    message, hint = next(words, (f"doesn't match {pattern}", ""))
    return f"{_shown(fault.instance)} {message}", hint


def _choice(fault: _Fault) -> tuple[str, str]:
    values = [str(value) for value in fault.expected]
    message = f"{_shown(fault.instance)} isn't one of {', '.join(values)}"
    hint = did_you_mean(str(fault.instance), values)
    return message, hint if hint.endswith("?") else ""


def _properties(fault: _Fault) -> tuple[str, str]:
    names = list(fault.schema["properties"])
    few = "exactly" if "minProperties" in fault.schema else "at most"
    found = ", ".join(fault.instance) or "none"
    return f"{few} one of {', '.join(names)} may be set, not {found}", ""


def _items(fault: _Fault) -> tuple[str, str]:
    return "must have at least one item", _sentence(fault.schema)


def _range(fault: _Fault) -> tuple[str, str]:
    low, high = fault.schema["minimum"], fault.schema["maximum"]
    return f"{fault.instance} isn't between {low} and {high}", ""


def _const(fault: _Fault) -> tuple[str, str]:
    return f"must be {fault.expected!r}, not {_named(fault.instance)}", ""


def _empty(_: _Fault) -> tuple[str, str]:
    return "must not be empty", ""


def _unique(_: _Fault) -> tuple[str, str]:
    return "names something twice", ""


_WORDS: dict[str, Callable[[_Fault], tuple[str, str]]] = {
    "type": _type,
    "pattern": _pattern,
    "enum": _choice,
    "const": _const,
    "minProperties": _properties,
    "maxProperties": _properties,
    "minItems": _items,
    "minLength": _empty,
    "minimum": _range,
    "maximum": _range,
    "uniqueItems": _unique,
}
_NOUNS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


def _sentence(schema: dict[str, Any]) -> str:
    """Returns the first sentence of a schema's description."""
    first, _, _ = str(schema["description"]).partition(". ")
    return first.rstrip(".")


def _named(value: Any) -> str:  # noqa: ANN401 - any JSON
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return _shown(value)
    return "a list" if isinstance(value, list) else "a mapping"


def _shown(value: object) -> str:
    words = repr(value)
    return words if len(words) <= _CLIP else words[: _CLIP - 1] + "…"
