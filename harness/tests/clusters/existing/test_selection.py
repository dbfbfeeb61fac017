"""Which cluster is meant is said by the user, never guessed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from harness.clusters.existing.selection import flattened, select
from harness.errors import UsageError
from harness.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def kubeconfig(path: Path, *contexts: str, current: str = "") -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": f"https://{name.replace(' ', '')}.example:6443"}}
            for name in contexts
        ],
        "users": [{"name": "me", "user": {"token": "hush-hush-hush"}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": "me"}} for name in contexts
        ],
        "current-context": current or contexts[0],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def test_without_a_name_the_current_context_is_shown_and_refused(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", "staging", "production", current="production")
    with pytest.raises(UsageError) as error:
        select(Settings(cluster="existing", kubeconfig=str(file)))
    told = str(error.value)
    assert "context  production" in told
    assert "server   https://production.example:6443" in told
    assert "user     me (token)" in told
    assert "others   staging" in told
    assert error.value.hint.endswith("--context production")
    assert "hush" not in told


def test_a_name_that_the_shell_would_split_is_quoted(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", "my cluster")
    with pytest.raises(UsageError) as error:
        select(Settings(cluster="existing", kubeconfig=str(file)))
    assert error.value.hint.endswith("--context 'my cluster'")


def test_the_named_context_is_taken_whatever_is_current(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", "staging", "production", current="production")
    found = select(Settings(cluster="existing", kubeconfig=str(file), context="staging"))
    assert (found.context, found.server) == ("staging", "https://staging.example:6443")


def test_a_name_must_be_exact(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", "staging")
    with pytest.raises(UsageError, match="stag") as error:
        select(Settings(cluster="existing", kubeconfig=str(file), context="stag"))
    assert "staging" in f"{error.value} {error.value.hint}"


def test_kubeconfig_may_list_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [kubeconfig(tmp_path / name, name) for name in ("one", "two")]
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, files)))
    found = select(Settings(cluster="existing", context="two"))
    assert found.server == "https://two.example:6443"


def test_a_proxy_of_the_environment_is_named_for_all_who_come_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "two.example")
    for name, proxy in (("one", "http://proxy.example:3128"), ("two", None)):
        file = kubeconfig(tmp_path / name, name)
        found = flattened(Settings(cluster="existing", kubeconfig=str(file), context=name))
        (about,) = json.loads(found)["clusters"]
        assert about["cluster"].get("proxy-url") == proxy


def test_no_kubeconfig_at_all_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match="No kubeconfig at") as error:
        select(Settings(cluster="existing", context="any"))
    assert str(tmp_path / ".kube" / "config") in str(error.value)
