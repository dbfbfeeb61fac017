"""A chart with a template error is refused before there is a cluster."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from harness import command
from harness.resources import bundled

if TYPE_CHECKING:
    from harness.tests.runner.running import Home

pytestmark = [
    pytest.mark.kind,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operator"),
    pytest.mark.skipif(command.which("docker") is None, reason="needs Docker, for kind"),
]

_USAGE = 4


def test_the_template_and_its_error_are_named(home: Home) -> None:
    folder = home.work / "podtato-head"
    shutil.copytree(bundled("operators_under_test", "podtato-head"), folder)
    template = folder / "chart" / "templates" / "broken.yaml"
    template.write_text("name: {{ .Values.nowhere.at.all }}\n", encoding="utf-8")
    done = home.run("--cluster", "kind", target=folder).finish()
    assert done.exit_code == _USAGE
    assert "templates/broken.yaml" in done.stderr
    assert "nil pointer evaluating interface {}.at" in done.stderr
    assert list(home.runs.glob("*")) == [], "nothing ran"
