"""Kubeconfigs that are good: files merged, one context taken out, identities, plugins, proxies."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from harness.clock import SYSTEM_CLOCK
from harness.errors import ApiError, ClusterError, UsageError
from harness.kube.client import KubeClient
from harness.kube.connection import Connection
from harness.kube.execplugin import ExecPlugin, PluginSpec
from harness.kube.kubeconfig import default_paths, flatten, read_kubeconfig
from harness.kube.proxies import environment_proxy
from harness.kube.watch import Watch
from harness.tests.kube.certificates import self_signed
from harness.tests.kube.connectproxy import ConnectProxy
from harness.tests.kube.scripted import ScriptedServer, answer, status

if TYPE_CHECKING:
    from harness.model.resource import Resource
    from harness.tests.kube.control_plane import ControlPlane

V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"


def write(
    file: Path,
    *,
    name: str = "x",
    user: dict[str, Any] | None = None,
    current: str = "",
    server: str = "https://127.0.0.1:1",
    **cluster: Any,
) -> Path:
    """Writes a kubeconfig of one context, cluster and user, all of one name."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, **cluster}}],
        "users": [{"name": name, "user": user or {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": current or name,
    }
    file.write_text(json.dumps(document))
    return file


# Which files


def test_without_kubeconfig_it_is_the_file_in_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_paths() == (tmp_path / ".kube" / "config",)


def test_of_several_files_the_missing_ones_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, absent, two = write(tmp_path / "1"), tmp_path / "absent", write(tmp_path / "2")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, (one, absent, "", two))))
    assert default_paths() == (one, two)
    monkeypatch.setenv("KUBECONFIG", str(absent))
    assert default_paths() == (absent,)


def test_files_are_merged_and_the_first_one_counts(tmp_path: Path) -> None:
    one = write(tmp_path / "1", name="a", server="https://first", current="b")
    two = write(tmp_path / "2", name="b", server="https://second")
    three = write(tmp_path / "3", name="a", server="https://third")
    access = read_kubeconfig(one, two, three)
    assert (access.context, access.server, access.contexts) == ("b", "https://second", ("a", "b"))
    assert read_kubeconfig(one, two, three, context="a").server == "https://first"


def test_one_context_is_taken_out_and_works_from_anywhere(tmp_path: Path) -> None:
    pair = self_signed()
    home = tmp_path / "home"
    home.mkdir()
    (home / "ca.crt").write_bytes(pair.certificate)
    (home / "token").write_text("t0ken\n")
    one = write(home / "1", name="a", user={"token": "other"})
    two = write(
        home / "2",
        name="b",
        user={"tokenFile": "token"},
        **{"certificate-authority": "ca.crt", "tls-server-name": "inside"},
    )
    (tmp_path / "flat").write_bytes(flatten(one, two, context="b"))
    assert b"other" not in (tmp_path / "flat").read_bytes()
    access = read_kubeconfig(tmp_path / "flat")
    assert (access.context, access.contexts, access.way) == ("b", ("b",), "token file")
    assert access.credentials.authorization() == "Bearer t0ken"
    assert access.credentials.server_name == "inside"


# Who we are


def test_a_token_in_a_file_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    with ScriptedServer(answer({}), answer({})) as server:
        file = write(tmp_path / "k", user={"tokenFile": "token"}, server=server.url)
        connection = Connection.from_kubeconfig(file)
        connection.open("GET", "/")
        (tmp_path / "token").write_text("second\n")
        connection.open("GET", "/")
        (tmp_path / "token").unlink()
        with pytest.raises(ClusterError, match="token can't be read: No such file"):
            connection.open("GET", "/")
    told = [request.headers["Authorization"] for request in server.requests]
    assert told == ["Bearer first", "Bearer second"]


def test_a_user_name_and_password_are_sent_and_noted(tmp_path: Path) -> None:
    access = read_kubeconfig(write(tmp_path / "k", user={"username": "me", "password": "p"}))
    assert access.credentials.authorization() == "Basic bWU6cA=="
    assert "Kubernetes itself takes none" in access.notes[0]


def test_what_weakens_the_way_is_noted(tmp_path: Path) -> None:
    plain = read_kubeconfig(write(tmp_path / "k", server="http://127.0.0.1:1/"))
    assert plain.notes == ("Nothing is encrypted on the way to http://127.0.0.1:1.",)
    open_to_all: dict[str, Any] = {"insecure-skip-tls-verify": True}
    unchecked = read_kubeconfig(write(tmp_path / "k", **open_to_all))
    assert "isn't checked (insecure-skip-tls-verify)" in unchecked.notes[0]


# Plugins


class Plugin:
    """A plugin that counts its runs and answers by a script in Python."""

    def __init__(self, folder: Path, code: str, *, version: str = V1, **status: Any) -> None:
        self.folder = folder
        self.version = version
        program = folder / "plugin"
        document = {"apiVersion": version, "kind": "ExecCredential", "status": status}
        program.write_text(
            f"#!{sys.executable}\nimport json, os, sys\nfrom pathlib import Path\n"
            f"runs = Path({str(folder / 'runs')!r})\n"
            "number = len(runs.read_text()) if runs.exists() else 0\n"
            "runs.write_text('x' * (number + 1))\n"
            f"answer = json.loads({json.dumps(document)!r})\n{code}\nprint(json.dumps(answer))\n"
        )
        program.chmod(0o700)

    @property
    def runs(self) -> int:
        counted = self.folder / "runs"
        return len(counted.read_text()) if counted.exists() else 0

    def user(self, **more: Any) -> dict[str, Any]:
        mode = {"interactiveMode": "IfAvailable"} if self.version == V1 else {}
        return {"exec": {"apiVersion": self.version, "command": "./plugin", **mode, **more}}

    def spec(self) -> PluginSpec:
        command = str(self.folder / "plugin")
        return PluginSpec(place="k:1", command=command, api_version=self.version)


@pytest.mark.parametrize("version", [V1, V1BETA1])
def test_a_plugin_is_asked_once_and_told_what_kubectl_tells_it(
    tmp_path: Path, version: str
) -> None:
    code = (
        "assert sys.stdin.read() == ''\n"
        "print('please ignore', file=sys.stderr)\n"
        "told = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "told |= {'args': sys.argv[1:], 'region': os.environ['REGION']}\n"
        f"Path({str(tmp_path / 'told')!r}).write_text(json.dumps(told))"
    )
    plugin = Plugin(tmp_path, code, version=version, token="t0")
    env = [{"name": "REGION", "value": "north"}]
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    with ScriptedServer(answer({}), answer({})) as server:
        file = write(
            tmp_path / "k",
            user=plugin.user(args=["--for", "me"], env=env, provideClusterInfo=True),
            server=server.url,
            extensions=[extension],
        )
        connection = Connection.from_kubeconfig(file)
        assert plugin.runs == 0, "reading runs nothing"
        connection.open("GET", "/")
        connection.open("GET", "/")
    assert plugin.runs == 1
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer t0"] * 2
    assert json.loads((tmp_path / "told").read_text()) == {
        "apiVersion": version,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {"server": server.url, "config": {"audience": "x"}},
        },
        "args": ["--for", "me"],
        "region": "north",
    }


class Later:
    """The system's clock, and how far it is ahead."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> Any:
        stamp = SYSTEM_CLOCK.now()
        ahead = int(self.seconds * 1e9)
        return type(stamp)(mono_ns=stamp.mono_ns + ahead, wall_ns=stamp.wall_ns + ahead)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def test_a_credential_that_expired_is_asked_for_again(tmp_path: Path) -> None:
    code = (
        "from datetime import UTC, datetime, timedelta\n"
        "end = datetime.now(UTC) + timedelta(hours=1 + number)\n"
        "answer['status'] = {'token': f't{number}', 'expirationTimestamp': end.isoformat()}"
    )
    made, clock = Plugin(tmp_path, code), Later()
    plugin = ExecPlugin(made.spec(), tls=None, clock=clock)
    assert [plugin.authorization(), plugin.authorization()] == ["Bearer t0"] * 2
    clock.sleep(3700)
    assert [plugin.authorization(), plugin.authorization()] == ["Bearer t1"] * 2
    assert made.runs == 2


def test_a_credential_that_is_not_accepted_is_renewed_once(tmp_path: Path) -> None:
    made, clock = Plugin(tmp_path, "answer['status'] = {'token': f't{number}'}"), Later()
    plugin = ExecPlugin(made.spec(), tls=None, clock=clock)
    first = plugin.authorization()
    assert not plugin.renew(first), "it's new: a server that refuses it refuses the next one too"
    clock.sleep(60)
    assert plugin.renew(first)
    assert plugin.renew(first), "another thread was faster"
    assert (plugin.authorization(), made.runs) == ("Bearer t1", 2)


def test_a_request_that_was_refused_is_sent_again_with_the_new_credential(tmp_path: Path) -> None:
    made = Plugin(tmp_path, "answer['status'] = {'token': f't{number}'}")
    with ScriptedServer(status(401), answer({"ok": True})) as server:
        access = read_kubeconfig(write(tmp_path / "k", user=made.user(), server=server.url))
        clock = Later()
        plugin = ExecPlugin(made.spec(), tls=None, clock=clock)
        access.credentials.authorization, access.credentials.renew = (
            plugin.authorization,
            plugin.renew,
        )
        plugin.authorization()
        clock.sleep(60)
        assert Connection(access.credentials).open("POST", "/", body=b"{}").status == 200
    told = [request.headers["Authorization"] for request in server.requests]
    assert told == ["Bearer t0", "Bearer t1"]


def test_without_a_plugin_a_refusal_stays_one(tmp_path: Path) -> None:
    with ScriptedServer(status(401, "Unauthorized", "no")) as server:
        file = write(tmp_path / "k", user={"token": "x"}, server=server.url)
        with pytest.raises(ApiError, match="401 Unauthorized"):
            KubeClient.from_kubeconfig(file).version()
    assert len(server.requests) == 1


# Proxies


def port_of(file: Path) -> int:
    server = json.loads(file.read_text())["clusters"][0]["cluster"]["server"]
    return urlsplit(server).port or 0


def behind(control_plane: ControlPlane, file: Path, **cluster: Any) -> Path:
    """Writes a kubeconfig of the real server, under a name that only a proxy can lead to."""
    document = json.loads(control_plane.kubeconfig.read_text())
    told = document["clusters"][0]["cluster"]
    told |= {"server": "https://cluster.invalid:6443", "tls-server-name": "127.0.0.1", **cluster}
    file.write_text(json.dumps(document))
    return file


@pytest.mark.controlplane
@pytest.mark.parametrize("how", ["kubeconfig", "environment"])
def test_a_real_server_is_reached_through_a_proxy(
    control_plane: ControlPlane,
    configmaps: Resource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    with ConnectProxy(port_of(control_plane.kubeconfig)) as proxy:
        with_login = proxy.url.replace("//", "//me:p%40ss@")
        told = {"proxy-url": with_login} if how == "kubeconfig" else {}
        if how == "environment":
            monkeypatch.setenv("HTTPS_PROXY", with_login)
            monkeypatch.delenv("https_proxy", raising=False)
        file = behind(control_plane, tmp_path / "k", **told)
        access = read_kubeconfig(file)
        assert access.proxy == proxy.url, "without its password"
        client = KubeClient(Connection(access.credentials))
        assert client.version().startswith("v1.")
        watch = Watch(client.connection, configmaps, namespace="default")
        events = watch.events()
        next(events)
        watch.close()
        assert list(events) == [], "a watch behind a proxy can be cut as well"
        client.connection.close()
    assert {asked.target for asked in proxy.asked} == {"cluster.invalid:6443"}
    assert {asked.login for asked in proxy.asked} == {"Basic bWU6cEBzcw=="}


@pytest.mark.controlplane
def test_a_proxy_that_is_not_there_is_no_answer(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    file = behind(control_plane, tmp_path / "k", **{"proxy-url": "http://127.0.0.1:9"})
    with pytest.raises(ApiError, match=r"(?i)no answer.*proxy.*refused"):
        KubeClient.from_kubeconfig(file).version()


@pytest.mark.parametrize(
    ("server", "excepted", "used"),
    [
        ("https://a.example", "", True),
        ("http://a.example", "", False),
        ("https://a.example", "*", False),
        ("https://a.example", "b.example", True),
        ("https://a.example", "x, a.example", False),
        ("https://a.example", "example", False),
        ("https://a.example", ".example", False),
        ("https://a.example", "*.example", False),
        ("https://aa.example", "a.example", True),
        ("https://a.example:6443", "a.example:6443", False),
        ("https://a.example:6443", "a.example:443", True),
        ("https://a.example", "a.example:443", False),
        ("https://10.1.2.3:6443", "10.0.0.0/8", False),
        ("https://10.1.2.3:6443", "192.168.0.0/16", True),
        ("https://10.1.2.3:6443", "10.1.2.3", False),
        ("https://10.1.2.3:6443", "nonsense/99,,", True),
        ("https://[fd00::1]:6443", "fd00::/8", False),
        ("https://127.0.0.1:6443", "", False),
        ("https://localhost:6443", "", False),
        ("https://[::1]:6443", "", False),
    ],
)
def test_what_the_environment_excepts_is_reached_directly(
    monkeypatch: pytest.MonkeyPatch,
    server: str,
    excepted: str,
    used: bool,  # noqa: FBT001 - a column of the table
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", excepted)
    assert environment_proxy(server).url == ("http://proxy.example:3128" if used else "")


def test_a_wrong_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://me:s3cret@x")
    monkeypatch.setenv("https_proxy", "gopher://me:s3cret@x")
    file = write(tmp_path / "k", server="https://a.example")
    with pytest.raises(UsageError, match="HTTPS_PROXY can't be used: its scheme") as caught:
        read_kubeconfig(file)
    assert "s3cret" not in str(caught.value)
