"""Sample files are read as Kubernetes reads them."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.model.target import Install, Kind, Manifests, Target
from harness.stimulus.samples import Sample, samples


def read(file: Path, text: str) -> tuple[Sample, ...]:
    file.write_text(text, encoding="utf-8")
    return samples(target(file))


def target(file: Path) -> Target:
    return Target(
        name="x",
        folder=str(file.parent),
        install=Install(manifests=Manifests(files=("x",))),
        kinds=(Kind(resource="things.example.org", samples=(str(file),)),),
    )


THING = """\
apiVersion: example.org/v1
kind: Thing
metadata: {name: a, namespace: elsewhere}
spec:
"""


def test_dates_and_times_stay_text(tmp_path: Path) -> None:
    text = THING + "  day: 2026-01-31\n  at: 12:30\n  since: 2026-01-31T10:00:00Z\n  n: 3\n"
    (sample,) = read(tmp_path / "thing.yaml", text)
    assert sample.name == "thing"
    assert sample.body["spec"] == {
        "day": "2026-01-31",
        "at": "12:30",
        "since": "2026-01-31T10:00:00Z",
        "n": 3,
    }


def test_a_sample_is_placed_without_its_own_namespace(tmp_path: Path) -> None:
    (sample,) = read(tmp_path / "thing.yaml", THING + "  n: 3\n")
    assert sample.place(namespace="ns")["metadata"] == {"name": "a", "namespace": "ns"}
    assert sample.place(namespace="", name="a-1")["metadata"] == {"name": "a-1"}
    assert sample.body["metadata"] == {"name": "a", "namespace": "elsewhere"}


@pytest.mark.parametrize("text", ["", f"{THING}  n: 1\n---\n{THING}  n: 2\n", "- a list\n", "{"])
def test_what_is_not_one_object_is_refused_with_its_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"thing\.yaml"):
        read(tmp_path / "thing.yaml", text)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.yaml: the sample can't be read"):
        samples(target(tmp_path / "gone.yaml"))
