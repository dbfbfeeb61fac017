"""CEL over `self`: as Kubernetes reads it, with errors in words and never as a crash."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.readiness import Expression, ExpressionError
from harness.readiness.expression import MAX_LENGTH

OBJECT: dict[str, Any] = json.loads("""{
  "metadata": {"generation": 3, "labels": {"example.com/tier": "web"}},
  "spec": {"size": 3, "text": "3", "share": 0.5, "big": 9007199254740993, "none": null},
  "status": {"observedGeneration": 3, "ready": 3, "phase": "Running", "conditions": [
    {"type": "Ready", "status": "True"}, {"type": "Degraded", "status": "False"}]}
}""")

TRUE = [
    "self.status.ready == self.spec.size",
    "self.status.observedGeneration >= self.metadata.generation",
    "has(self.status.ready) && !has(self.status.nothing)",
    "self.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')",
    "self.status.conditions.all(c, c.status in ['True', 'False'])",
    "self.status.conditions.exists_one(item, item.type == 'Ready')",
    "self.status.conditions.filter(c, c.status == 'True').size() == 1",
    "self.status.conditions.map(c, c.type) == ['Ready', 'Degraded']",
    "size(self.status.conditions) == 2",
    "self.metadata.labels['example.com/tier'] == 'web'",
    "'example.com/tier' in self.metadata.labels",
    "self.spec.text != 3 && int(self.spec.text) == 3 && string(self.spec.size) == '3'",
    "self.spec.share < 1.0 && self.spec.share < 1",
    "self.spec.big == 9007199254740993",
    "self.spec.none == null",
    "self.status.phase.startsWith('Run') && self.status.phase.matches('^R.*g$')",
    "self.status.nothing == 1 || true",
    "duration('1m') > duration('59s')",
    "timestamp('2026-01-01T00:00:00Z').getFullYear() == 2026",
    "type(self.spec.size) == int",
    "self.spec.size > 2 ? true : false",
]

NOT_TRUE = [
    ("self.status.ready == 4", "is false"),
    ("self.status.nothing == 1", "there is no 'nothing' (yet)"),
    ("has(self.nothing.x)", "there is no 'nothing' (yet)"),
    ("self.status.conditions[9].type == 'x'", "index out of bounds: 9"),
    ("self.status.conditions.exists(c, c.nothing == 'x')", "there is no 'nothing' (yet)"),
    ("1 / 0 == 1", "division by zero"),
    ("self.spec.text > 3", ""),
    ("self.status.ready", "gives 3, which isn't true or false"),
    ("self.status.conditions", "gives [{"),
    ("int(self.status.phase) == 1", ""),
]

BROKEN = [
    ("", "at line 1, column 1: it ends too early"),
    ("self.", "at line 1, column 6: "),
    ("self.x ==", "at line 1, column 10: it ends too early"),
    ("self.x = 1", "at line 1, column 8: token recognition error at: '= '"),
    ("self.a\n  && b c", "at line 2, column 8: extraneous input 'c'"),
    ("status.ready == 1", "nothing is named 'status'; the object is `self`, as in self.status"),
    ("object.x", "nothing is named 'object'"),
    ("self.a.exists(c)", "nothing is named 'c'"),
    ("self.a.all(self)", "all is written as list.all(item, expression)"),
    ("self.a.lowerAscii() == 'x'", "there is no function 'lowerAscii'"),
    ("quantity(self.a) == 1", "there is no function 'quantity'"),
    ("self.?a.hasValue()", "at line 1, column 5: unsupported syntax '.?'"),
    ("(" * 1000 + "true" + ")" * 1000, "column 97: it is nested too deeply"),
    ("true" + " || true" * MAX_LENGTH, f"characters; at most {MAX_LENGTH} may be"),
]


@pytest.mark.parametrize("source", TRUE)
def test_true_expressions_hold(source: str) -> None:
    assert Expression(source).holds(OBJECT) == (True, "")


@pytest.mark.parametrize(("source", "reason"), NOT_TRUE)
def test_what_is_not_true_gives_a_reason(source: str, reason: str) -> None:
    holds, why = Expression(source).holds(OBJECT)
    assert not holds
    assert reason in why
    assert source in why
    assert len(why) < 320


@pytest.mark.parametrize(("source", "message"), BROKEN)
def test_a_broken_expression_is_refused_before_anything_runs(source: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(source)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 200


def test_an_expression_is_compiled_once() -> None:
    assert Expression.of("self.a == 1") is Expression.of("self.a == 1")
    assert Expression.of("self.a == 1").source == "self.a == 1"
