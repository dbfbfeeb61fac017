"""Kubeconfigs: what is accepted, how faults are told, and that keys leave no trace."""

from __future__ import annotations

import base64
import json
import ssl
import stat
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from harness import command
from harness.errors import UsageError
from harness.kube.connection import Connection
from harness.tests.kube.certificates import self_signed
from harness.tests.kube.scripted import ScriptedServer, answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.tests.kube.certificates import Pair


@pytest.fixture(scope="module")
def pair() -> Pair:
    return self_signed()


@pytest.fixture
def secure(pair: Pair, tmp_path: Path) -> Iterator[str]:
    """URL of a TLS server that wants the client's certificate and tells its name."""
    (tmp_path / "server.crt").write_bytes(pair.certificate)
    (tmp_path / "server.key").write_bytes(pair.key)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            peer: Any = self.connection.getpeercert()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(peer["subject"]).encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tmp_path / "server.crt")
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def kubeconfig(folder: Path, *, user: dict[str, Any], **cluster: Any) -> Path:
    path = folder / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(document))
    return path


def inline(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_inline_certificates_work_and_leave_no_file_behind(
    pair: Pair, secure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    user = {
        "client-certificate-data": inline(pair.certificate),
        "client-key-data": inline(pair.key),
    }
    path = kubeconfig(
        tmp_path,
        user=user,
        server=secure,
        **{"certificate-authority-data": inline(pair.certificate)},
    )
    for _ in range(2):  # the second load meets the first one's remembered paths
        connection = Connection.from_kubeconfig(path)
        assert list(scratch.iterdir()) == []
        assert b"canary" in connection.open("GET", "/").data
        connection.close()


def test_certificates_in_files_work_relative_to_the_kubeconfig(
    pair: Pair, secure: str, tmp_path: Path
) -> None:
    (tmp_path / "client.crt").write_bytes(pair.certificate)
    (tmp_path / "client.key").write_bytes(pair.key)
    path = kubeconfig(
        tmp_path,
        user={"client-certificate": "client.crt", "client-key": "client.key"},
        server=secure,
        **{"certificate-authority": "client.crt", "tls-server-name": "inside"},
    )
    connection = Connection.from_kubeconfig(path)
    assert b"canary" in connection.open("GET", "/").data
    connection.close()


def test_a_token_goes_into_the_authorization_header_and_into_no_text(tmp_path: Path) -> None:
    with ScriptedServer(answer({})) as server:
        path = kubeconfig(tmp_path, user={"token": "s3cret"}, server=server.url)
        connection = Connection.from_kubeconfig(path)
        connection.open("GET", "/")
        connection.close()
    assert server.requests[0].headers["Authorization"] == "Bearer s3cret"
    assert server.requests[0].headers["User-Agent"].startswith("operator-harness/")
    assert "s3cret" not in f"{connection!r}{vars(connection)}"


def test_an_exec_plugin_is_asked_for_a_token(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    plugin.write_text(f"#!{sys.executable}\nprint('''{json.dumps(credential)}''')\n")
    plugin.chmod(stat.S_IRWXU)
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "interactiveMode": "Never",
        }
    }
    with ScriptedServer(answer({})) as server:
        connection = Connection.from_kubeconfig(kubeconfig(tmp_path, user=user, server=server.url))
        connection.open("GET", "/")
        connection.close()
    assert server.requests[0].headers["Authorization"] == "Bearer from-plugin"


def test_a_proxy_of_the_environment_is_not_used_for_loopback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ScriptedServer(answer({"ok": True})) as server:
        connection = Connection.from_kubeconfig(kubeconfig(tmp_path, user={}, server=server.url))
        assert connection.open("GET", "/").status == 200
        connection.close()


def test_a_proxy_of_the_kubeconfig_is_used(tmp_path: Path) -> None:
    with ScriptedServer(answer({})) as proxy:
        path = kubeconfig(
            tmp_path, user={}, server="http://cluster.invalid", **{"proxy-url": proxy.url}
        )
        connection = Connection.from_kubeconfig(path)
        connection.open("GET", "/version")
        connection.close()
    assert proxy.requests[0].headers["Host"] == "cluster.invalid"


def test_a_path_in_the_servers_url_is_kept(tmp_path: Path) -> None:
    with ScriptedServer(answer({})) as server:
        path = kubeconfig(tmp_path, user={}, server=f"{server.url}/clusters/1/")
        connection = Connection.from_kubeconfig(path)
        connection.open("GET", "/version", query={"a": "b c"})
        connection.close()
    assert server.requests[0].path == "/clusters/1/version"
    assert server.requests[0].query == {"a": "b c"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "No kubeconfig at"),
        ("", "is empty"),
        ("s3cret: [", ":2:1: this isn't YAML: a bracket isn't closed"),
        ("[s3cret]", ":1:1: a mapping must be here, not a list"),
        ("s3cret", ":1:1: a mapping must be here, not a text"),
        ("\x00\x01", ":1: a character isn't allowed"),
        ("apiVersion: v1\nkind: Config\ns3cret: 1", "no context is current"),
    ],
)
def test_a_broken_kubeconfig_is_named_and_not_quoted(
    tmp_path: Path, text: str | None, told: str
) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=told) as caught:
        Connection.from_kubeconfig(path)
    assert str(path) in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.hint


def test_broken_keys_are_not_quoted(tmp_path: Path) -> None:
    user = {
        "client-certificate-data": inline(b"s3cret"),
        "client-key-data": inline(b"s3cret"),
    }
    path = kubeconfig(tmp_path, user=user, server="https://127.0.0.1:1")
    with pytest.raises(UsageError) as caught:
        Connection.from_kubeconfig(path)
    assert "s3cret" not in str(caught.value)


def test_an_unknown_context_is_named(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, user={}, server="http://127.0.0.1:1")
    with pytest.raises(UsageError, match="nowhere"):
        Connection.from_kubeconfig(path, context="nowhere")


def test_importing_the_client_imports_no_yaml() -> None:
    code = "import sys, harness.kube.client, harness.kube.watch\nassert 'yaml' not in sys.modules"
    command.run([sys.executable, "-c", code], timeout=30)
