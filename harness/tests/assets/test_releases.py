"""Official release files: taken where they are what their checksums say, else never used."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from harness import assets, command
from harness.assets import network as network_module
from harness.assets.components import CONTROL_PLANE, PINS, Component
from harness.assets.network import MIRROR, OFFLINE, DownloadError, Network, Sink
from harness.assets.releases import expected_sha256, release_of
from harness.assets.store import Store
from harness.clock import SYSTEM_CLOCK
from harness.errors import AssetError, CommandError, UsageError
from harness.tests.assets.server import Answer, ReleaseServer, serving
from harness.tests.assets.test_concurrency import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.tests.assets.fakes import Machine

ETCD = Component.ETCD
SCHEDULER = Component.KUBE_SCHEDULER
BUILT = "built from Go modules"
_MOUNT, _UMOUNT = "/bin/mount", "/bin/umount"
HASH = "0123456789abcdef" * 4


@pytest.fixture
def server(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReleaseServer]:
    assert machine.cache.is_dir()
    monkeypatch.setattr(network_module, "_PAUSE_S", 0.0)
    network_module._network.cache_clear()
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving() as server:
        monkeypatch.setenv(MIRROR, server.url)
        monkeypatch.delenv(OFFLINE)
        yield server
    network_module._network.cache_clear()


def path_of(component: Component) -> str:
    release = release_of(component, PINS)
    assert release
    return f"/{release.place}"


def drafts() -> list[Path]:
    return list(Store().root.glob(".draft-*"))


def test_every_component_is_taken_from_its_release(server: ReleaseServer) -> None:
    server.publish(*Component)
    said: list[str] = []
    found = assets.resolve(tuple(Component), on_progress=said.append)
    assert {asset.source for asset in found.assets} == {"release mirror"}
    assert [asset.version for asset in found.assets] == [PINS.version(c) for c in Component]
    assert found.notes == ()
    assert any(text.startswith("downloading kube-apiserver 1.34.4: ") for text in said)
    assert drafts() == []


def test_what_was_downloaded_is_in_the_cache_and_asked_for_no_more(server: ReleaseServer) -> None:
    server.publish(ETCD)
    assets.resolve([ETCD])
    asked = len(server.paths)
    assert assets.resolve([ETCD], verify=True).asset(ETCD).source == "cache"
    assert len(server.paths) == asked


def test_an_archive_is_downloaded_once_for_all_that_it_holds(server: ReleaseServer) -> None:
    server.publish(ETCD)
    assets.resolve([ETCD, Component.ETCDCTL, Component.ETCDUTL])
    assert server.paths.count(path_of(ETCD)) == 1


def test_helm_is_only_looked_for_where_it_is_asked_for(server: ReleaseServer) -> None:
    server.publish(*Component)
    assert {asset.component for asset in assets.resolve().assets} == set(CONTROL_PLANE)
    assert path_of(Component.HELM) not in server.paths
    assert assets.resolve([Component.HELM]).asset(Component.HELM).source == "release mirror"


def test_a_changed_file_is_never_used(server: ReleaseServer, machine: Machine) -> None:
    server.publish(ETCD, change=lambda content: content[:-1] + b"!")
    machine.go()
    found = assets.resolve([ETCD])
    assert found.asset(ETCD).source == BUILT
    (note,) = found.notes
    assert f"isn't taken from {server.url}{path_of(ETCD)}: its SHA-256 is " in note
    assert server.paths.count(path_of(ETCD)) == 1, "it isn't fetched again in the hope of luck"


def test_without_go_the_error_says_why_the_release_was_not_taken(server: ReleaseServer) -> None:
    server.publish(ETCD, change=lambda content: content[:-1] + b"!")
    with pytest.raises(
        AssetError, match=r"Can't build etcd: There is no `go`.* its SHA-256 is"
    ) as e:
        assets.resolve([ETCD])
    assert "\n" not in f"{e.value}{e.value.hint}"
    assert assets.survey([ETCD]).missing == (ETCD,)


def test_a_truncated_file_is_fetched_again_and_then_left(
    server: ReleaseServer, machine: Machine
) -> None:
    server.publish(SCHEDULER, padding=1000)
    server.answers[path_of(SCHEDULER)].sent = 500
    machine.go()
    found = assets.resolve([SCHEDULER])
    assert found.asset(SCHEDULER).source == BUILT
    assert "the transfer broke off after 500 bytes" in found.notes[0]
    assert server.paths.count(path_of(SCHEDULER)) == 3
    assert drafts() == []


def test_a_transfer_that_breaks_off_once_does_no_harm(server: ReleaseServer) -> None:
    server.publish(SCHEDULER, padding=1000)
    answer = server.answers[path_of(SCHEDULER)]
    answer.sent, answer.times = 500, 1
    found = assets.resolve([SCHEDULER])
    assert found.asset(SCHEDULER).source == "release mirror"
    assert found.path(SCHEDULER).stat().st_size > 1000


def test_a_server_that_is_busy_is_asked_again(server: ReleaseServer) -> None:
    server.publish(SCHEDULER)
    server.answers[path_of(SCHEDULER)].statuses = [503, 429]
    assert assets.resolve([SCHEDULER]).asset(SCHEDULER).source == "release mirror"


def test_what_is_not_published_is_left_to_go(server: ReleaseServer, machine: Machine) -> None:
    server.publish(ETCD)
    machine.go()
    found = assets.resolve([ETCD, SCHEDULER])
    assert [asset.source for asset in found.assets] == ["release mirror", BUILT]
    (note,) = found.notes
    assert note.startswith("kube-scheduler 1.34.4 isn't taken from ")
    assert "127.0.0.1" in note
    assert note.endswith(" answered 404.")


def test_without_a_published_checksum_nothing_is_taken(
    server: ReleaseServer, machine: Machine
) -> None:
    server.publish(SCHEDULER)
    server.answers[f"{path_of(SCHEDULER)}.sha256"] = Answer(b"<html>sign in</html>")
    machine.go()
    found = assets.resolve([SCHEDULER])
    assert found.asset(SCHEDULER).source == BUILT
    assert "no SHA-256 of it is published" in found.notes[0]
    assert path_of(SCHEDULER) not in server.paths


def test_an_archive_that_lacks_a_binary_is_left_to_go(
    server: ReleaseServer, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.tests.assets.server._file", lambda *_: b"no archive")
    server.publish(ETCD)
    machine.go()
    found = assets.resolve([ETCD])
    assert found.asset(ETCD).source == BUILT
    assert "the archive isn't as it should be" in found.notes[0]


def test_a_file_of_another_version_is_an_error(server: ReleaseServer) -> None:
    server.publish(SCHEDULER, says="1.2.3")
    with pytest.raises(AssetError, match=r"says version 1\.2\.3, not 1\.34\.4") as caught:
        assets.resolve([SCHEDULER])
    assert MIRROR in caught.value.hint
    assert assets.survey([SCHEDULER]).missing == (SCHEDULER,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_is_one_paragraph_and_leaves_nothing(
    server: ReleaseServer, machine: Machine
) -> None:
    server.publish(SCHEDULER, padding=1 << 20)
    folder = machine.cache / "harness"
    folder.mkdir()
    argv = (_MOUNT, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder))
    try:
        command.run(argv, timeout=10)
    except CommandError:
        pytest.skip("file systems can't be mounted here")
    try:
        with pytest.raises(AssetError, match="No space left on device") as caught:
            assets.resolve([SCHEDULER])
        assert "free space" in caught.value.hint
        assert drafts() == []
        assert assets.survey([SCHEDULER]).missing == (SCHEDULER,)
    finally:
        command.run([_UMOUNT, folder], timeout=10)


def test_offline_asks_nobody_and_says_nothing(
    server: ReleaseServer, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OFFLINE, "1")
    server.publish(ETCD)
    script = machine.go()
    script.write_text(script.read_text().replace("$GOTOOLCHAIN", "$GOPROXY"))
    found = assets.resolve([ETCD])
    assert found.asset(ETCD).source == BUILT
    assert found.notes == ()
    assert server.paths == []
    assert machine.go_settings.read_text().split()[-1] == "off"


def test_a_run_killed_half_way_leaves_nothing_that_is_used(server: ReleaseServer) -> None:
    server.publish(ETCD, SCHEDULER, padding=1 << 20)
    answer = server.answers[path_of(SCHEDULER)]
    answer.sent, answer.gate = 600_000, threading.Event()
    with running("kube-scheduler") as run:
        run.await_text("downloading kube-scheduler 1.34.4: ")
    assert [path.name for path in drafts()[0].iterdir()] == ["kube-scheduler"]
    assert assets.survey([SCHEDULER]).missing == (SCHEDULER,)
    answer.gate.set()
    server.publish(SCHEDULER)
    assert assets.resolve([SCHEDULER]).asset(SCHEDULER).source == "release mirror"
    assert drafts() == []


def test_nobody_there_costs_one_note_and_is_remembered(
    server: ReleaseServer, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv(MIRROR, f"http://127.0.0.1:{closed.getsockname()[1]}")
        machine.go()
        start = SYSTEM_CLOCK.now().mono_ns
        found = assets.resolve([ETCD, SCHEDULER])
        assert (SYSTEM_CLOCK.now().mono_ns - start) / 1e9 < 60, "nothing is waited for"
        (note,) = found.notes
        assert note.startswith("The release mirror can't be reached (127.0.0.1:")
        assert "Connection refused" in note

        def forbidden(*_: object, **__: object) -> socket.socket:
            raise AssertionError("it knocked again")

        monkeypatch.setattr(socket, "create_connection", forbidden)
        assert assets.resolve([Component.KWOK]).asset(Component.KWOK).source == BUILT
    assert server.paths == []


def test_a_network_that_swallows_everything_is_given_up_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    never = threading.Event()

    def swallow(*_: object, **__: object) -> socket.socket:
        never.wait(30.0)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", swallow)
    monkeypatch.setattr(network_module, "_PROBE_S", 0.05)
    silent = Network()
    silent.probe(["one.test/a", "two.test/b", "one.test/c"])
    with pytest.raises(DownloadError, match=r"^two\.test: no answer$") as caught:
        silent.text("two.test/b")
    assert caught.value.unreachable
    never.set()


def test_redirects_are_followed_without_the_credentials(
    server: ReleaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.publish(SCHEDULER)
    with serving() as other:
        other.answers["/elsewhere"] = server.answers[path_of(SCHEDULER)]
        server.answers[path_of(SCHEDULER)] = Answer(location=f"{other.url}/elsewhere")
        monkeypatch.setenv(MIRROR, server.url.replace("://", "://someone:s3cret@"))
        found = assets.resolve([SCHEDULER])
        assert found.asset(SCHEDULER).source == "release mirror"
        assert {who for _, who in server.requests} == {"someone:s3cret"}
        assert other.requests == [("/elsewhere", "")]
    manifest = found.path(SCHEDULER).with_name("manifest.json").read_text()
    assert "s3cret" not in manifest


def test_a_redirect_that_never_ends_is_an_end(server: ReleaseServer) -> None:
    server.answers["/here"] = Answer(location="/here")
    with pytest.raises(DownloadError, match="redirects too often"):
        Network(mirror=server.url).text("here")


def test_nothing_is_fetched_in_the_clear_after_https(
    server: ReleaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/here"] = Answer(location=f"{server.url}/there")
    secure = Network(mirror="https://mirror.test")
    send = Network._request

    def plain(self: Network, url: str, headers: dict[str, str]) -> object:
        return send(self, url.replace("https://mirror.test", server.url), headers)

    monkeypatch.setattr(Network, "_request", plain)
    with pytest.raises(DownloadError, match="isn't https"):
        secure.text("here")


def test_proxies_are_used_but_not_where_no_proxy_says_so(
    server: ReleaseServer, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.publish(ETCD)
    monkeypatch.setenv(MIRROR, "http://mirror.test")
    monkeypatch.setenv("http_proxy", server.url)
    assert assets.resolve([ETCD]).asset(ETCD).source == "release mirror"
    monkeypatch.setenv("no_proxy", "mirror.test")
    network_module._network.cache_clear()
    monkeypatch.setattr(socket, "create_connection", refuse)
    machine.go()
    assert "can't be reached" in assets.resolve([SCHEDULER]).notes[0]


def refuse(*_: object, **__: object) -> socket.socket:
    raise ConnectionRefusedError(111, "Connection refused")


@pytest.mark.parametrize("value", ["mirror.test", "ftp://mirror.test", "https://"])
def test_a_mirror_that_is_no_url_is_the_users_mistake(value: str) -> None:
    with pytest.raises(UsageError, match=MIRROR):
        Network(mirror=value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HASH, HASH),
        (f"{HASH.upper()}\n", HASH),
        (f"{'f' * 64}  other\n{HASH}  file\n", HASH),
        (f"{HASH} *file\n", HASH),
        (f'{{"assets": [{{"name": "file", "digest": "sha256:{HASH}"}}]}}', HASH),
        ('{"assets": [{"name": "file", "digest": null}]}', ""),
        ('{"assets": [{"name": "other", "digest": "sha256:0"}]}', ""),
        ('{"message": "rate limit exceeded"}', ""),
        (f"{'f' * 64}  other\n", ""),
        ("not a hash", ""),
        ("", ""),
    ],
)
def test_checksums_are_read_in_each_form_in_which_they_are_published(
    text: str, expected: str
) -> None:
    assert expected_sha256(text, "file") == expected


def test_a_file_without_end_is_not_taken(server: ReleaseServer) -> None:
    server.answers["/long"] = Answer(b"x" * 100)
    with pytest.raises(DownloadError, match="longer than 10 bytes"):
        Network(mirror=server.url).save("long", Sink(limit=10))
