"""Every mistake in a kubeconfig is told with its line, in a sentence that quotes no secret."""

from __future__ import annotations

import base64
import copy
import json
import os
import random
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.cli import main
from harness.errors import ApiError, ClusterError, UsageError
from harness.kube import configfile
from harness.kube.client import KubeClient
from harness.kube.connection import Connection
from harness.kube.kubeconfig import flatten, read_kubeconfig
from harness.model.verdict import ExitCode
from harness.tests.kube.certificates import Pair, self_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "s3cret"  # in every value that must not be told
WHOLE = f"""\
apiVersion: v1
kind: Config
current-context: here
contexts:
- name: here
  context:
    cluster: near
    user: me
    namespace: mine
clusters:
- name: near
  cluster:
    server: https://127.0.0.1:6443
users:
- name: me
  user:
    token: {SECRET}
preferences: {{}}
"""

PLUGIN = """\
    exec:
      apiVersion: client.authentication.k8s.io/v1
      interactiveMode: Never
      command: ./plugin
      args: [s3cret]
      env:
      - name: PASSWORD
        value: s3cret
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


def refused(file: Path, told: str | None = None, context: str | None = None) -> str:
    """Returns what is said of a kubeconfig that must be refused."""
    with pytest.raises(UsageError, match=told) as caught:
        read_kubeconfig(file, context=context)
    said = f"{caught.value} {caught.value.hint}"
    assert caught.value.exit_code is ExitCode.USAGE
    assert str(file) in said
    assert SECRET not in said
    return said


def test_the_whole_one_is_good(file: Path) -> None:
    file.write_text(WHOLE)
    access = read_kubeconfig(file)
    assert (access.context, access.cluster, access.user) == ("here", "near", "me")
    assert (access.namespace, access.server, access.way) == (
        "mine",
        "https://127.0.0.1:6443",
        "token",
    )
    assert access.notes == ()
    assert SECRET not in repr(access)


# What is replaced in the good file, by what, and what is told (a pattern).
EDITS = [
    # YAML
    ("  context:\n", "\tcontext:\n", r":6:\d+: a tab can't indent YAML \(use spaces\)"),
    ("  cluster:\n", "  cluster:\n\t\n", r":1[34]:\d+: "),
    (
        "kind: Config",
        "kind: Config\nkind: Config",
        ":3:1: this key is there twice, first in line 2",
    ),
    ("    user: me", "    user: me\n    user: me", ":9:5: this key is there twice"),
    (f"    token: {SECRET}", f"    token: {SECRET}\n    token: {SECRET}", ":18:5: this key"),
    ("preferences: {}", "---\nkind: Config", ":18:1: a second document begins here"),
    ("preferences: {}", "--- {}\n--- {}", ":18:1: a second document"),
    ("preferences: {}", "preferences: {", "a bracket isn't closed"),
    ("preferences: {}", "preferences: [a,, b", ":18:17: "),
    ("preferences: {}", 'preferences: "', "a quote isn't closed"),
    ("preferences: {}", 'preferences: "\\q"', ":18:15: "),
    ("preferences: {}", 'preferences: "\\UFFFFFFFF"', "kubeconfig"),
    ("preferences: {}", "preferences: {} {}", ":18:17: "),
    ("preferences: {}", "preferences", ":19:1: .*a colon is missing"),
    ("preferences: {}", "preferences: a: b", ":18:15: a colon isn't allowed here"),
    ("preferences: {}", "preferences: *nowhere", ":18:14: the alias refers to no anchor"),
    ("preferences: {}", "preferences: &a [*a]", ":18:18: the alias refers to a value that it is"),
    ("preferences: {}", "preferences: &a {b: {c: *a}}", ":18:25: the alias refers to a value"),
    ("preferences: {}", "? [a]\n: b", ":18:3: a key must be a word"),
    ("preferences: {}", "? {a: b}\n: b", ":18:3: a key must be a word"),
    ("preferences: {}", "<<: {}", ":18:1: merge keys"),
    ("preferences: {}", "preferences: !!python/object:os.system x", ":18:14: a tag isn't allowed"),
    ("preferences: {}", "preferences: !!binary c2VjcmV0", ":18:14: a tag isn't allowed"),
    ("preferences: {}", "preferences: !own x", ":18:14: a tag isn't allowed"),
    ("preferences: {}", "preferences: " + "[" * 5000, ":18:.*nested too deeply"),
    ("preferences: {}", "preferences: \x07", ":18: a character isn't allowed"),
    ("preferences: {}", "preferences: @x", ":18:14: "),
    ("preferences: {}", "preferences: `x`", ":18:14: "),
    ("preferences: {}", "preferences: |\nx", ":(19|20):1: "),
    ("contexts:\n", "contexts:\n  - x\n", ":5:5|:6:1"),
    # what it is
    ("apiVersion: v1", "apiVersion: v2", ":1:13: apiVersion: must be v1, or this is no kubeconfig"),
    ("apiVersion: v1", "apiVersion: 1", ":1:13: apiVersion: must be a text, not a number"),
    ("kind: Config", "kind: Deployment", ":2:7: kind: must be Config"),
    ("kind: Config", "kind: [Config]", ":2:7: kind: must be a text, not a list"),
    # context
    ("current-context: here", "", "no context is current"),
    ("current-context: here", "current-context: ''", "no context is current .*there are: 'here'"),
    ("current-context: here", "current-context: on", ":3:18: .*not a boolean .*in quotes"),
    ("current-context: here", "current-context: yes", ":3:18: .*not a boolean"),
    ("current-context: here", "current-context: 5", ":3:18: .*not a number"),
    ("current-context: here", "current-context: there", r":3:18: .* no context 'there' .*'here'"),
    ("- name: here", "- name: there", ":3:18: current-context: there is no context 'here'"),
    ("- name: here", "- nmae: here", r"contexts\[0\]: the key 'name' is missing"),
    ("- name: here", "- name: ''", r":5:3: contexts\[0\].name: must not be empty"),
    ("- name: here", "- name: on", r":5:9: contexts\[0\].name: must be a text, not a boolean"),
    ("- name: here", "- name: 'a\tb'", r":5:9: contexts\[0\].name: isn't a name"),
    ("- name: here", '- name: "a\\0b"', r":5:9: contexts\[0\].name: must not hold a NUL"),
    ("- name: here\n", "- name: here\n- name: here\n", r":6:9: .* twice, first in line 5"),
    ("- name: here\n  context:", "- name: here\n  contextt:", "'here' .*is empty"),
    ("    cluster: near", "    clustr: near", r":7:5: .*: the key 'cluster' is missing"),
    ("    cluster: near", "    cluster:", r":7:5: .*: the key 'cluster' is missing or empty"),
    ("    cluster: near", "    cluster: far", r":7:14: .* no cluster 'far' .*there are: 'near'"),
    ("    cluster: near", "    cluster: {}", r":7:14: .*cluster: must be a text, not a mapping"),
    ("    user: me", "    user: you", r":8:11: .*user: there is no user 'you' .*'me'"),
    ("    user: me", "    user: no", r":8:11: .*user: must be a text, not a boolean"),
    ("    namespace: mine", "    namespace: [a]", r":9:16: .*namespace: must be a text"),
    ("    namespace: mine", "    namespace: 0x1F", r":9:16: .*must be a text, not a number"),
    # cluster
    ("- name: near", "- name: far", ":7:14: .*there is no cluster 'near'"),
    ("- name: near\n  cluster:", "- name: near\n  clutser:", ":7:14: .*cluster 'near' is empty"),
    (
        "- name: near\n",
        "- name: near\n- name: near\n",
        r"clusters\[1\].name: 'near' is there twice",
    ),
    ("https://127.0.0.1:6443", "", ":13:5: .*server: the key 'server' is missing or empty"),
    ("https://127.0.0.1:6443", "'  '", ":13:13: .*server: must not be empty"),
    ("https://127.0.0.1:6443", "127.0.0.1:6443", ":13:13: .*must begin with https:// .*write"),
    ("https://127.0.0.1:6443", "localhost", ":13:13: .*must begin with https://"),
    ("https://127.0.0.1:6443", "https:127.0.0.1", ":13:13: .*must begin with https://"),
    ("https://127.0.0.1:6443", "ftp://127.0.0.1", ":13:13: .*must begin with https://"),
    ("https://127.0.0.1:6443", "unix:///run/x.sock", ":13:13: .*must begin with https://"),
    ("https://127.0.0.1:6443", "https://", ":13:13: .*isn't the URL of a server"),
    ("https://127.0.0.1:6443", "https://a:b:c", ":13:13: .*isn't a URL"),
    ("https://127.0.0.1:6443", "https://a:99999", ":13:13: .*isn't a URL"),
    ("https://127.0.0.1:6443", "https://a:0", ":13:13: .*no such port"),
    ("https://127.0.0.1:6443", "https://[::1", ":13:13: .*isn't a URL"),
    ("https://127.0.0.1:6443", "https://a b", ":13:13: .*isn't the URL of a server"),
    ("https://127.0.0.1:6443", '"https://a\\nb"', ":13:13: "),
    ("https://127.0.0.1:6443", f"https://me:{SECRET}@a", ":13:13: .*must not hold a user name"),
    ("https://127.0.0.1:6443", "https://a?b=c", ":13:13: .*must not hold"),
    ("https://127.0.0.1:6443", "{host: a}", ":13:13: .*must be a text, not a mapping"),
    ("https://127.0.0.1:6443", "6443", ":13:13: .*must be a text, not a number"),
    (
        ":6443\n",
        ":6443\n    certificate-authority: none.crt\n",
        ":14:28: .*none.crt can't be read: No",
    ),
    (
        ":6443\n",
        ":6443\n    certificate-authority: .\n",
        ":14:28: .*can't be read: it isn't a regular",
    ),
    (":6443\n", ":6443\n    certificate-authority: empty\n", ":14:28: .*is empty"),
    (":6443\n", ":6443\n    certificate-authority: rubbish\n", ":14:28: .*no PEM certificate"),
    (":6443\n", f":6443\n    certificate-authority-data: '{SECRET}!'\n", ":14:33: .*isn't base64"),
    (
        ":6443\n",
        ":6443\n    certificate-authority-data: czNjcmV0\n",
        ":14:33: .*no PEM certificate",
    ),
    (
        ":6443\n",
        ":6443\n    certificate-authority-data: [x]\n",
        ":14:33: .*must be a text, not a list",
    ),
    (":6443\n", ":6443\n    certificate-authority-data: ä\n", ":14:33: .*isn't base64"),
    (":6443\n", ":6443\n    insecure-skip-tls-verify: 1\n", ":14:31: .*must be true or false"),
    (":6443\n", ":6443\n    insecure-skip-tls-verify: 'true'\n", ":14:31: .*must be true or false"),
    (":6443\n", ":6443\n    insecure-skip-tls-verify: maybe\n", ":14:31: .*must be true or false"),
    (":6443\n", ":6443\n    tls-server-name: 7\n", ":14:22: .*must be a text, not a number"),
    (":6443\n", ":6443\n    proxy-url: gopher://x\n", ":14:16: .*scheme must be one of http,"),
    (":6443\n", ":6443\n    proxy-url: http://\n", ":14:16: .*names no host .*write http://HOST"),
    (":6443\n", ":6443\n    proxy-url: http://x:y\n", ":14:16: .*isn't a URL"),
    (":6443\n", ":6443\n    proxy-url: http://x/path\n", ":14:16: .*goes on behind"),
    (":6443\n", f":6443\n    proxy-url: socks5://me:{SECRET}@x\n", ":14:16: .*SOCKS"),
    (":6443\n", f":6443\n    proxy-url: http://me:{SECRET}@\n", ":14:16: .*names no host"),
    # user
    ("- name: me\n", "- name: you\n", ":8:11: .*there is no user 'me'"),
    ("- name: me\n", "- name: me\n- name: me\n", r"users\[1\].name: 'me' is there twice"),
    ("- name: me\n", "- me\n- name: me\n", r":15:3: users\[0\]: must be a mapping, not a text"),
    (
        "  user:\n",
        "  user: [x]\n  usr:\n",
        r":16:9: users\[0\].user: must be a mapping, not a list",
    ),
    (f"token: {SECRET}", "token: 12345", ":17:12: .*must be a text, not a number .*in quotes"),
    (f"token: {SECRET}", "token: true", ":17:12: .*must be a text, not a boolean"),
    (f"token: {SECRET}", f"token: '{SECRET} x'", ":17:12: .*holds spaces"),
    (f"token: {SECRET}", f'token: "{SECRET}\\r\\nX-Evil: 1"', ":17:12: .*holds spaces or control"),
    (f"token: {SECRET}", f"token: {SECRET}ß", ":17:12: .*holds spaces or control"),
    (f"token: {SECRET}", f"token: {{a: {SECRET}}}", ":17:12: .*must be a text, not a mapping"),
    (f"token: {SECRET}", "tokenFile: none", ":17:16: .*none can't be read: No such file"),
    (f"token: {SECRET}", "tokenFile: empty", ":17:16: .*holds no token"),
    (f"token: {SECRET}", "tokenFile: .", ":17:16: .*can't be read: it isn't a regular"),
    (f"token: {SECRET}", "tokenFile: rubbish", ":17:16: .*holds no token"),
    (f"token: {SECRET}", f"token: {SECRET}\n    username: me", ":18:15: .*a token and a password"),
    (f"token: {SECRET}", "auth-provider: {name: gcp}", ":17:20: .*removed from Kubernetes in 1.26"),
    (f"token: {SECRET}", "as: admin", ":17:9: .*impersonation isn't supported"),
    (f"token: {SECRET}", "as-groups: [x]", ":17:16: .*impersonation isn't supported"),
    (f"token: {SECRET}", "client-certificate: none", ":17:25: .*none can't be read"),
    (f"token: {SECRET}", "client-certificate: rubbish", ":17:25: .*needs a client-key beside it"),
    (f"token: {SECRET}", "client-key: rubbish", ":17:17: .*needs a client-certificate beside it"),
    (f"token: {SECRET}", f"client-key-data: '{SECRET}!'", ":17:22: .*isn't base64"),
    (
        f"token: {SECRET}",
        "client-key-data: czNjcmV0\n    client-certificate-data: czNjcmV0",
        ":18:30: .*no PEM certificate",
    ),
    # plugin
    (f"    token: {SECRET}\n", "    exec: aws\n", ":17:11: .*exec: must be a mapping, not a text"),
    (f"    token: {SECRET}\n", f"    token: {SECRET}\n{PLUGIN}", ":19:7: .*a token or password is"),
    ("client.authentication.k8s.io/v1\n", "v1\n", ":18:19: .*must be client.authentication"),
    ("k8s.io/v1\n", "k8s.io/v1alpha1\n", ":18:19: .*v1alpha1 was removed in Kubernetes 1.24"),
    ("      apiVersion: client.authentication.k8s.io/v1\n", "", ":18:7: .*'apiVersion' is missing"),
    ("      interactiveMode: Never\n", "", ":18:7: .*'interactiveMode' is missing .*write Never"),
    ("interactiveMode: Never", "interactiveMode: Always", ":19:24: .*nobody is here"),
    ("interactiveMode: Never", "interactiveMode: never", ":19:24: .*must be Never, IfAvailable"),
    ("      command: ./plugin\n", "", ":18:7: .*the key 'command' is missing"),
    ("command: ./plugin", "command: [./plugin]", ":20:16: .*must be a text, not a list"),
    ("command: ./plugin", 'command: "a\\x07b"', ":20:16: .*isn't a program"),
    ("args: [s3cret]", "args: s3cret", ":21:13: .*args: must be a list, not a text"),
    ("args: [s3cret]", "args: [s3cret, 1]", r":21:22: .*args\[1\]: must be a text, not a number"),
    ("args: [s3cret]", 'args: ["s3cret\\0"]', r":21:14: .*args\[0\]: must not hold a NUL"),
    (
        "args: [s3cret]",
        "args: [{s3cret: x}]",
        r":21:14: .*args\[0\]: must be a text, not a mapping",
    ),
    ("- name: PASSWORD", "- nmae: PASSWORD", r":23:9: .*env\[0\]: the key 'name' is missing"),
    ("- name: PASSWORD", "- name: PASS=WORD", ":22:7|:23:7"),
    ("value: s3cret", "value: 5", r":24:16: .*env\[0\].value: must be a text, not a number"),
]


@pytest.mark.parametrize(("old", "new", "told"), EDITS, ids=[edit[1][:40] for edit in EDITS])
def test_a_mistake_is_told_with_its_place(file: Path, old: str, new: str, told: str) -> None:
    (file.parent / "empty").touch()
    (file.parent / "rubbish").write_text(f"{SECRET} is no certificate\n\x01")
    whole = WHOLE if old in WHOLE else WHOLE.replace(f"    token: {SECRET}\n", PLUGIN)
    assert old in whole
    file.write_text(whole.replace(old, new, 1))
    refused(file, told)


CONTENTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty"),
    "a comment": (b"# nothing\n", "the file is empty"),
    "null": (b"null\n", "the file is empty"),
    "blanks": (b" \n\n", "the file is empty"),
    "a list": (b"- a\n", ":1:1: a mapping must be here, not a list"),
    "a word": (SECRET.encode(), ":1:1: a mapping must be here, not a text"),
    "a number": (b"7", ":1:1: a mapping must be here, not a number"),
    "an empty mapping": (b"{}", "no context is current"),
    "another object": (b"apiVersion: apps/v1\nkind: Deployment\n", ":1:13: .*no kubeconfig"),
    "a program": (b"\x7fELF\x02\x01\x01" + bytes(200), "isn't allowed|isn't UTF-8"),
    "random bytes": (random.Random(1).randbytes(4096), "isn't allowed|isn't UTF-8"),  # noqa: S311 - repeatable
    "Latin-1": (WHOLE.replace("mine", "münchen").encode("latin-1"), ":9: this isn't UTF-8 text"),
    "UTF-16": (WHOLE.encode("utf-16"), ":1: this isn't UTF-8 text"),
    "a NUL": (b"a: \x00", ":1: a character isn't allowed"),
    "half of it": (WHOLE[:200].encode(), ":8:11: .*no user 'me'"),
    "cut in a key": (WHOLE[: WHOLE.index("token") + 3].encode(), ":17:|isn't YAML"),
    "a page of HTML": (b"<!doctype html>\n<title>502 Bad Gateway</title>\n", "not a text|YAML"),
    "JSON with a comma too many": (b'{"kind": "Config",, }', ":1:19: "),
    "a certificate": (
        b"-----BEGIN CERTIFICATE-----\nabc\n",
        ":1:1: a mapping must be here, not a text",
    ),
    "too large": (b"# " + b"x" * configfile.MAX_BYTES, "larger than 8 MiB"),
    "too many values": (b"preferences: [" + b"1," * 600_000 + b"]", "it holds too many values"),
    "deep mappings": (b"{a: " * 4000, "nested too deeply"),
    "deep blocks": (b"\n".join(b" " * n + b"a:" for n in range(400)), "nested too deeply"),
}


@pytest.mark.parametrize("what", CONTENTS)
def test_a_file_that_is_no_kubeconfig(file: Path, what: str) -> None:
    content, told = CONTENTS[what]
    file.write_bytes(content)
    refused(file, told)


def test_a_bomb_of_aliases_is_harmless(file: Path) -> None:
    rows = [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 40)]
    file.write_text("\n".join(["x0: &x0 [lol]", *rows, WHOLE]))
    assert read_kubeconfig(file).context == "here"
    bomb = "    extensions: *x39\n"
    file.write_text(file.read_text().replace("    user: me\n", f"    user: me\n{bomb}"))
    with pytest.raises(UsageError, match="more than 10000 values"):
        flatten(file)


def _nothing(path: Path) -> None:
    path.symlink_to("absent")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _unreadable(path: Path) -> None:
    path.symlink_to("/proc/self/mem")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, _nothing, _loop, _unreadable])
def test_a_file_that_is_none(file: Path, make: Callable[[Path], None]) -> None:
    make(file)
    refused(file)


def test_a_path_that_can_be_none(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path / ("x" * 300), tmp_path / "a" / "b"):
        refused(path, "No kubeconfig at|can't be read")


def test_an_unknown_context_lists_the_known_ones(file: Path) -> None:
    file.write_text(WHOLE)
    assert "It has: 'here'." in refused(file, "has no context 'there'", context="there")


def test_several_mistakes_are_told_together_in_the_order_of_the_file(file: Path) -> None:
    text = WHOLE.replace("https://127.0.0.1:6443", "here").replace(SECRET, "12")
    file.write_text(text.replace("namespace: mine", "namespace: []"))
    said = refused(file, "3 problems")
    assert said.index(":9:16") < said.index(":13:13") < said.index(":17:12")


# Certificates


def inline(data: bytes) -> str:
    return base64.b64encode(data).decode()


def with_user(pair: Pair, key: bytes | None = None) -> str:
    rows = (
        f"client-certificate-data: {inline(pair.certificate)}\n"
        f"    client-key-data: {inline(pair.key if key is None else key)}"
    )
    return WHOLE.replace(f"token: {SECRET}", rows)


@pytest.mark.parametrize(
    ("pair", "key", "told"),
    [
        (self_signed(begins_h=-48, ends_h=-24), None, r":17:30: .*expired on \d{4}-"),
        (self_signed(begins_h=24, ends_h=48), None, r":17:30: .*isn't valid before \d{4}-"),
        (self_signed(), self_signed().key, ":17:30: .*key doesn't belong to the certificate"),
        (self_signed(passphrase=b"x"), None, ":17:30: .*protected by a passphrase"),
        (self_signed(), b"s3cret", ":17:30: .*certificate or key can't be read as PEM"),
        (self_signed(), self_signed().certificate, ":17:30: .*can't be read as PEM"),
    ],
    ids=["expired", "not yet valid", "another's key", "passphrase", "no key", "a certificate"],
)
def test_a_client_certificate_that_no_server_would_take(
    file: Path, pair: Pair, key: bytes | None, told: str
) -> None:
    file.write_text(with_user(pair, key))
    refused(file, told)


def test_an_authority_and_none_at_all_exclude_each_other(file: Path) -> None:
    rows = (
        f":6443\n    certificate-authority-data: {inline(self_signed().certificate)}\n"
        "    insecure-skip-tls-verify: true\n"
    )
    file.write_text(WHOLE.replace(":6443\n", rows))
    refused(file, ":14:33: .*together with insecure-skip-tls-verify")


@pytest.fixture
def listener() -> Iterator[Callable[[Pair], str]]:
    """Starts TLS servers that answer nothing, each with a certificate; returns their URLs."""
    open_sockets: list[socket.socket] = []

    def start(pair: Pair, folder: Path) -> str:
        (folder / "pair.pem").write_bytes(pair.certificate + pair.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "pair.pem")
        sock = socket.create_server(("127.0.0.1", 0))
        open_sockets.append(sock)

        def serve() -> None:
            while True:
                try:
                    connection, _ = sock.accept()
                    context.wrap_socket(connection, server_side=True).close()
                except ssl.SSLError:
                    connection.close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        return f"https://127.0.0.1:{sock.getsockname()[1]}"

    yield start  # type: ignore[misc]
    for sock in open_sockets:
        sock.shutdown(socket.SHUT_RDWR)
        sock.close()


@pytest.mark.parametrize(
    ("pair", "trusted", "name", "told"),
    [
        (self_signed(begins_h=-48, ends_h=-24), True, "", "certificate has expired"),
        (self_signed(), False, "", "self.signed certificate"),
        (self_signed(), True, "elsewhere", "[Hh]ostname mismatch|doesn't match"),
    ],
    ids=["expired", "another authority", "another name"],
)
def test_a_servers_certificate_that_isnt_good_is_named(  # noqa: PLR0917 - fixtures and a table
    file: Path,
    listener: Callable[[Pair, Path], str],
    pair: Pair,
    trusted: bool,  # noqa: FBT001 - a column of the table
    name: str,
    told: str,
) -> None:
    trust = inline((pair if trusted else self_signed()).certificate)
    rows = f"{listener(pair, file.parent)}\n    certificate-authority-data: {trust}"
    rows += f"\n    tls-server-name: {name}" if name else ""
    file.write_text(WHOLE.replace("https://127.0.0.1:6443", rows))
    with pytest.raises(ApiError, match=told) as caught:
        KubeClient.from_kubeconfig(file).version()
    assert caught.value.exit_code is ExitCode.ERROR
    assert SECRET not in str(caught.value)


# Exec plugins, at work


def credential(**status: Any) -> str:
    document = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    }
    return f"cat <<'END'\n{json.dumps(document)}\nEND"


PAIR = self_signed()
PLUGINS = {
    "missing": (None, "can't be started: No such file"),
    "not executable": ("", "can't be started: Permission denied"),
    "failing": (f"echo {SECRET}; echo log in first >&2; exit 7", "ended with 7:\nlog in first"),
    "killed": ("kill -9 $$", "ended with -9"),
    "telling a secret": (
        f"echo password={SECRET} >&2; exit 1",
        r"ended with 1:\npassword\[redacted",
    ),
    "silent": ("true", "printed nothing"),
    "rubbish": (f"echo {SECRET}", "isn't an ExecCredential in JSON"),
    "binary": ("head -c 4096 /dev/urandom", "isn't an ExecCredential in JSON"),
    "endless": ("yes s3cret", "printed more than 1 MiB"),
    "endless errors": ("yes oops >&2", "took longer than 2 s"),
    "too slow": ("sleep 60", "took longer than 2 s and was stopped"),
    "too slow behind a child": ("sleep 60 & wait", "took longer than 2 s"),
    "a list": ("echo '[]'", "isn't an ExecCredential in JSON"),
    "another kind": ('echo \'{"kind": "Secret"}\'', "isn't an ExecCredential with a status"),
    "no status": ('echo \'{"kind": "ExecCredential"}\'', "isn't an ExecCredential with a status"),
    "a wrong type": ('echo \'{"kind": "ExecCredential", "status": {"token": 1}}\'', "in JSON"),
    "no version": (
        'echo \'{"kind": "ExecCredential", "status": {"token": "s3cret"}}\'',
        "another apiVersion",
    ),
    "the other version": (
        'echo \'{"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential",'
        ' "status": {"token": "s3cret"}}\'',
        "another apiVersion than client.authentication.k8s.io/v1",
    ),
}
ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "neither a token nor a client certificate"),
    "an empty token": ({"token": ""}, "a token that is empty"),
    "a token of two lines": ({"token": f"{SECRET}\nX: y"}, "holds control characters"),
    "a certificate alone": ({"clientCertificateData": SECRET}, "without its key"),
    "a key alone": ({"clientKeyData": SECRET, "token": "x"}, "without its key"),
    "no certificate": (
        {"clientCertificateData": SECRET, "clientKeyData": SECRET},
        "can't be used: it holds no PEM certificate",
    ),
    "an expired certificate": (
        {
            "clientCertificateData": self_signed(begins_h=-9, ends_h=-8).certificate.decode(),
            "clientKeyData": PAIR.key.decode(),
        },
        "can't be used: the certificate expired",
    ),
    "another's key": (
        {
            "clientCertificateData": PAIR.certificate.decode(),
            "clientKeyData": self_signed().key.decode(),
        },
        "key doesn't belong to the certificate",
    ),
    "an expired token": (
        {"token": SECRET, "expirationTimestamp": "2020-01-01T00:00:00Z"},
        "has expired already",
    ),
    "no time": (
        {"token": SECRET, "expirationTimestamp": "soon"},
        "isn't an ExecCredential in JSON",
    ),
    "no time zone": ({"token": SECRET, "expirationTimestamp": "2990-01-01T00:00:00"}, "time zone"),
}


def plugin(file: Path, script: str | None) -> Connection:
    if script is not None:
        program = file.parent / "plugin"
        program.write_text(f"#!/bin/sh\n{script}\n" if script else "")
        program.chmod(0o700 if script else 0o600)
    file.write_text(WHOLE.replace(f"    token: {SECRET}\n", PLUGIN))
    return Connection(read_kubeconfig(file, plugin_timeout=2.0).credentials)


def fails(connection: Connection, file: Path, told: str) -> None:
    with pytest.raises(ClusterError, match=told) as caught:
        connection.open("GET", "/version")
    assert caught.value.exit_code is ExitCode.ERROR
    assert f"{file}:20)" in str(caught.value), "the line that names it"
    assert SECRET not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("how", PLUGINS)
def test_a_plugin_that_does_not_do_its_work_is_named(file: Path, how: str) -> None:
    script, told = PLUGINS[how]
    fails(plugin(file, script), file, told)


@pytest.mark.parametrize("what", ANSWERS)
def test_a_plugin_whose_answer_is_no_use_is_named(file: Path, what: str) -> None:
    status, told = ANSWERS[what]
    fails(plugin(file, credential(**status)), file, told)


def test_how_to_install_a_missing_plugin_is_passed_on(file: Path) -> None:
    hint = "      installHint: get it from your platform team\n"
    file.write_text(WHOLE.replace(f"    token: {SECRET}\n", PLUGIN + hint))
    with pytest.raises(ClusterError) as caught:
        Connection.from_kubeconfig(file).open("GET", "/version")
    assert caught.value.hint == "get it from your platform team"


# Generated


OTHERS: list[Any] = [None, True, 7, 1.5, "", "x", [], [1], [[]], {}, {"a": 1}, [{}], [{"name": 1}]]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, item in entries:
        found.append((*path, key))
        if isinstance(item, dict | list):
            found += places(item, (*path, key))
    return found


@pytest.mark.parametrize("body", [WHOLE, WHOLE.replace(f"    token: {SECRET}\n", PLUGIN)])
def test_any_value_of_any_other_shape_is_refused_or_harmless(file: Path, body: str) -> None:
    whole = yaml.safe_load(body)
    count = 0
    for path in places(whole):
        for other in OTHERS:
            broken = copy.deepcopy(whole)
            at = broken
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = other
            file.write_text(yaml.safe_dump(broken))
            count += not accepted(file)
    assert count >= 100, "this many of them are refused"


def accepted(file: Path) -> bool:
    try:
        read_kubeconfig(file)
    except UsageError as error:
        said = f"{error} {error.hint}"
    else:
        return True
    assert str(file) in said
    assert SECRET not in said
    return False


@pytest.mark.parametrize("seed", range(10))
def test_an_edited_kubeconfig_never_gives_another_error(file: Path, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose
    whole = WHOLE.replace(f"    token: {SECRET}\n", PLUGIN).encode()
    refusals = 0
    for _ in range(60):
        text = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(text))
            match draw.randrange(4):
                case 0:
                    text[at] ^= 1 << draw.randrange(8)
                case 1:
                    del text[at : at + draw.randint(1, 30)]
                case 2:
                    text[at:at] = draw.choice(
                        [b"\t", b"[", b"'", b": ", b"\n- ", b"&a ", b"*a", b"\0"]
                    )
                case _:
                    text[at:at] = text[at : at + 40]
        file.write_bytes(text)
        refusals += not accepted(file)
    assert refusals > 10


def test_the_corpus_is_large_enough() -> None:
    assert len(EDITS) + len(CONTENTS) + len(PLUGINS) + len(ANSWERS) >= 170


# On the command line


def command_line(file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """Runs the command that would use a kubeconfig; returns exit code and what it said."""
    argv = ["run", "--suite", "smoke", "--target", "reference", "--cluster", "existing"]
    with pytest.raises(SystemExit) as ended:
        main([*argv, "--kubeconfig", str(file), "--context", "here", "--dry-run", "--quiet"])
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert SECRET not in said.err
    return ended.value.code, said.err


def test_the_command_tells_each_of_them_and_ends_with_4(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file.parent / "empty").touch()
    (file.parent / "rubbish").write_text(f"{SECRET} is no certificate\n\x01")
    for old, new, _ in EDITS:
        if "current-context: here" in old:
            continue  # the context is named here, so that none needs to be current
        whole = WHOLE if old in WHOLE else WHOLE.replace(f"    token: {SECRET}\n", PLUGIN)
        file.write_text(whole.replace(old, new, 1))
        code, said = command_line(file, capsys)
        assert code == ExitCode.USAGE, (new, said)
        assert f"{file}" in said, new
    for content, _ in CONTENTS.values():
        file.write_bytes(content)
        code, said = command_line(file, capsys)
        assert code == ExitCode.USAGE, said
        assert f"{file}" in said


@pytest.mark.parametrize("how", ["missing", "failing", "rubbish"])
def test_the_command_tells_a_plugin_that_fails_and_ends_with_3(
    file: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin(file, PLUGINS[how][0])
    code, said = command_line(file, capsys)
    assert code == ExitCode.ERROR, said
    assert f"{file}:20)" in said
