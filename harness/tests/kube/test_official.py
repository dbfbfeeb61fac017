"""The official client library, as suites get it."""

from __future__ import annotations

import base64
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from harness.kube.official import api_client
from harness.tests.kube.certificates import self_signed
from harness.tests.kube.scripted import answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.kube.connection import Connection
    from harness.tests.kube.scripted import ScriptedServer

    Serve = Callable[..., tuple[ScriptedServer, Connection]]

NODE = {"metadata": {"name": "here"}}
TOKEN = "canary-token-1234"


def kubeconfig(folder: Path, server: str, *, proxy: str = "", **user: str) -> Path:
    file = folder / "private" / "kubeconfig"
    file.parent.mkdir(mode=0o700)
    way = {"proxy-url": proxy} if proxy else {}
    config = {
        "clusters": [{"name": "c", "cluster": {"server": server, **way}}],
        "users": [{"name": "u", "user": {"token": TOKEN, **user}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


def test_it_has_the_kubeconfig_s_identity_whatever_the_environment_says_of_proxies(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes import client  # noqa: PLC0415 - takes a second to load

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server, _ = serve(answer({"kind": "Node", **NODE}))
    with api_client(kubeconfig(tmp_path, server.url)) as made:
        assert client.CoreV1Api(made).read_node("here").kind == "Node"
    (asked,) = server.requests
    assert asked.path == "/api/v1/nodes/here"
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"


def test_keys_are_written_beside_the_kubeconfig_alone(tmp_path: Path) -> None:
    pair = self_signed()
    user = {
        "client-certificate-data": base64.b64encode(pair.certificate).decode(),
        "client-key-data": base64.b64encode(pair.key).decode(),
    }
    file = kubeconfig(tmp_path, "https://127.0.0.1:1", **user)
    before = file.read_bytes()
    with api_client(file) as made:
        settings = made.configuration
    assert {Path(settings.cert_file).parent, Path(settings.key_file).parent} == {file.parent}
    assert stat.S_IMODE(Path(settings.key_file).stat().st_mode) == 0o600
    assert file.read_bytes() == before


def test_a_proxy_that_leads_there_is_taken(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, "https://192.0.2.1", proxy="http://127.0.0.1:3128")
    with api_client(file) as made:
        assert made.configuration.proxy == "http://127.0.0.1:3128"


def test_who_does_not_ask_for_it_does_not_load_it() -> None:
    loaded = "import sys, harness.pytest_plugin, harness.kube.official; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", loaded], capture_output=True, text=True, check=True
    )
    assert "harness.kube.official" in done.stdout.split()
    assert "kubernetes" not in done.stdout.split()
