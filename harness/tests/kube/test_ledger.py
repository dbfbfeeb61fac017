"""The ledger: what was made, by whichever process, and whatever became of its writer."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

from harness.kube.ledger import Ledger
from harness.model.resource import Resource

if TYPE_CHECKING:
    from pathlib import Path

PODS = Resource(group="", version="v1", plural="pods", kind="Pod", namespaced=True)


def body(name: str, uid: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": uid, **metadata}}


def test_what_was_made_is_read_in_the_order_of_the_requests(tmp_path: Path) -> None:
    ledger = Ledger.begin(tmp_path)
    first, second = (ledger.ask(PODS, name, "ns") for name in ("b", "a"))
    ledger.made(second, body("a", "2"))
    ledger.made(first, body("b", "1"))
    assert [(item.name, item.uid) for item in ledger.read()] == [("b", "1"), ("a", "2")]


def test_what_was_refused_or_changed_only_is_not_ours(tmp_path: Path) -> None:
    ledger = Ledger.begin(tmp_path)
    ledger.not_made(ledger.ask(PODS, "theirs", "ns"))
    assert ledger.read() == ()


def test_what_was_asked_for_when_the_writer_died_may_have_been_made(tmp_path: Path) -> None:
    ledger = Ledger.begin(tmp_path)
    ledger.ask(PODS, "perhaps", "ns")
    (found,) = ledger.read()
    assert (found.name, found.uid) == ("perhaps", "")


def test_such_an_object_is_known_by_its_manager_and_age(tmp_path: Path) -> None:
    made = Ledger.begin(tmp_path).ask(PODS, "perhaps", "ns")
    ours = [{"manager": "operator-harness"}]
    young, old = "2999-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
    assert made.is_it(body("perhaps", "1", managedFields=ours, creationTimestamp=young))
    assert not made.is_it(body("perhaps", "1", managedFields=ours, creationTimestamp=old))
    others = [{"manager": "kubectl"}]
    assert not made.is_it(body("perhaps", "1", managedFields=others, creationTimestamp=young))


def test_a_known_uid_alone_decides(tmp_path: Path) -> None:
    ledger = Ledger.begin(tmp_path)
    ledger.made(ledger.ask(PODS, "a", "ns"), body("a", "1"))
    (made,) = ledger.read()
    assert made.is_it(body("a", "1"))
    assert not made.is_it(body("a", "2"))


def test_the_name_that_the_server_gave_is_kept(tmp_path: Path) -> None:
    ledger = Ledger.begin(tmp_path)
    ledger.made(ledger.ask(PODS, "", "ns"), body("made-x7", "1"))
    (found,) = ledger.read()
    assert (found.name, found.uid) == ("made-x7", "1")


def test_what_is_gone_is_not_read_again(tmp_path: Path) -> None:
    ledger = Ledger.begin(tmp_path)
    ledger.made(ledger.ask(PODS, "a", "ns"), body("a", "1"))
    ledger.ask(PODS, "b", "ns")
    for item in ledger.read():
        ledger.gone(item)
    assert ledger.read() == ()


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    ledger = Ledger.begin(tmp_path)
    ledger.made(ledger.ask(PODS, "a", "ns"), body("a", "1"))
    with ledger.path.open("ab") as file:
        file.write(b'{"what":"asked","made":{"resou')
    assert [item.name for item in ledger.read()] == ["a"]


def write_many(folder: Path, prefix: str) -> None:
    ledger = Ledger(folder / "made.ndjson")
    for number in range(100):
        name = f"{prefix}-{number}"
        ledger.made(ledger.ask(PODS, name, "ns"), body(name, name))


def test_several_processes_write_one_ledger(tmp_path: Path) -> None:
    ledger = Ledger.begin(tmp_path)
    spawning = multiprocessing.get_context("spawn")
    writers = [spawning.Process(target=write_many, args=(tmp_path, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30.0)
    assert len(ledger.read()) == 200


def test_no_ledger_is_kept_unless_one_lies_beside_the_kubeconfig(tmp_path: Path) -> None:
    assert Ledger.beside(tmp_path / "kubeconfig") is None
    ledger = Ledger.begin(tmp_path)
    found = Ledger.beside(tmp_path / "kubeconfig")
    assert found is not None
    assert found.path == ledger.path
