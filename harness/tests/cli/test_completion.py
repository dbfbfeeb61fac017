"""Shell completion, asked as a shell asks: by the variables of click's protocol."""

from __future__ import annotations

import resource
import shutil
import sys
from pathlib import Path

import pytest

from harness import command
from harness.clusters import new_state_dir, remember
from harness.guard import Guard
from harness.model.cluster import Cluster
from harness.resources import bundled

PROGRAM = [sys.executable, "-m", "harness"]
_PATIENCE_S = 30.0
_QUICK = 8  # times what an interpreter with click takes


def ask(line: str, place: Path) -> list[str]:
    """Returns what is offered for the last word of a line, as "type,value"."""
    words = line.split(" ")
    done = command.run(
        PROGRAM,
        timeout=_PATIENCE_S,
        cwd=place,
        env=command.environment(
            {
                "_HARNESS_COMPLETE": "bash_complete",
                "COMP_WORDS": line,
                "COMP_CWORD": str(len(words) - 1),
            }
        ),
    )
    return done.output.splitlines()


def test_commands_are_completed(tmp_path: Path) -> None:
    assert ask("harness ru", tmp_path) == ["plain,run", "plain,runs"]
    assert "plain,completion" in ask("harness ", tmp_path)
    assert sorted(ask("harness targets l", tmp_path)) == ["plain,lint", "plain,list"]


def test_options_and_their_choices_are_completed(tmp_path: Path) -> None:
    assert "plain,--suite" in ask("harness run --su", tmp_path)
    assert "plain,local" in ask("harness run --cluster ", tmp_path)
    assert ask("harness completion ", tmp_path) == ["plain,bash", "plain,zsh", "plain,fish"]


def test_suites_are_completed_and_folders_where_no_name_fits(tmp_path: Path) -> None:
    assert ask("harness run --suite sm", tmp_path) == ["dir,", "plain,smoke"]
    assert ask("harness run --suite ./", tmp_path) == ["dir,"]


def test_targets_are_completed_and_files_where_no_name_fits(tmp_path: Path) -> None:
    assert ask("harness run --target gu", tmp_path) == ["file,", "plain,guestbook"]
    assert ask("harness targets lint ref", tmp_path) == ["file,", "plain,reference"]
    assert ask("harness targets show ./", tmp_path) == ["file,"]


def test_twins_are_those_of_the_target_on_the_line(tmp_path: Path) -> None:
    asked = "harness run --target guestbook --twin ho"
    assert ask(asked, tmp_path) == ["plain,hot-loop"]
    file = bundled("operators_under_test", "guestbook", "target.yaml")
    assert ask(f"harness run --target {file} --twin hot", tmp_path) == ["plain,hot-loop"]
    assert ask("harness run --twin ho", tmp_path) == []
    assert ask("harness run --target ./nothing/here.yaml --twin ho", tmp_path) == []


def test_checks_and_their_families_are_completed(tmp_path: Path) -> None:
    assert ask("harness checks explain REC-00", tmp_path) == [
        "plain,REC-001",
        "plain,REC-002",
        "plain,REC-004",
    ]
    assert ask("harness checks list --family rb", tmp_path) == ["plain,RBA"]


def test_runs_are_completed_the_newest_first(tmp_path: Path) -> None:
    for name in ("20261120T000000Z-smoke-a-000000", "20261121T000000Z-smoke-a-000000"):
        (tmp_path / "harness-runs" / name).mkdir(parents=True)
        (tmp_path / "harness-runs" / name / "run.json").touch()
    (tmp_path / "harness-runs" / "no-run").mkdir()
    assert ask("harness report ", tmp_path) == [
        "dir,",
        "plain,harness-runs/latest",
        "plain,harness-runs/20261121T000000Z-smoke-a-000000",
        "plain,harness-runs/20261120T000000Z-smoke-a-000000",
    ]
    assert ask("harness report ", tmp_path / "harness-runs") == ["dir,"]
    second = ask("harness compare harness-runs/latest ", tmp_path)
    assert second == ask("harness report ", tmp_path)


def test_contexts_are_those_of_the_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("contexts:\n- {name: staging}\n- {name: production}\nusers: [{name: stan}]\n")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'missing'}:{config}")
    assert ask("harness run --context st", tmp_path) == ["plain,staging"]
    other = tmp_path / "other"
    other.write_text("contexts: [{name: stage-two}]\n")
    line = f"harness run --kubeconfig {other} --context st"
    assert ask(line, tmp_path) == ["plain,stage-two"]
    other.write_text("{\x00 no yaml")
    assert ask(line, tmp_path) == []


def test_clusters_that_are_up_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    lines = ("harness cluster down mi", "harness kubectl --cluster ", "harness logs --cluster m")
    assert [ask(line, tmp_path) for line in lines] == [[], [], []]
    state = new_state_dir()
    cluster = Cluster(
        id=state.name,
        provider="local",
        name="mine",
        kubeconfig="",
        server="",
        ca_file="",
        server_version="",
        state_dir=str(state),
        capabilities=(),
    )
    remember(cluster, state)
    with Guard.start(state_dir=state, evidence=None):
        assert [ask(line, tmp_path) for line in lines] == [["plain,mine"]] * 3


@pytest.mark.parametrize(
    "line",
    [
        "harness ",
        "harness run --suite ",
        "harness run --target ",
        "harness run --target guestbook --twin ",
        "harness cluster down ",
        "harness report ",
    ],
)
def test_the_answer_comes_at_once(line: str, tmp_path: Path) -> None:
    bare, took = [], []
    for _ in range(3):  # in turns, the best of each: a busy machine is no fault of ours
        start = _spent()
        command.run([sys.executable, "-c", "import click"], timeout=_PATIENCE_S, cwd=tmp_path)
        between = _spent()
        ask(line, tmp_path)
        bare.append(between - start)
        took.append(_spent() - between)
    assert min(took) <= _QUICK * min(bare), "0.15 s on an idle machine, where bare click takes 0.06"


def _spent() -> float:
    """Returns the processor time of our children that ended, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_printed_for_each_shell(shell: str, tmp_path: Path) -> None:
    done = command.run([*PROGRAM, "completion", shell], timeout=_PATIENCE_S, cwd=tmp_path)
    assert f"_HARNESS_COMPLETE={shell}_complete" in done.output


def test_the_help_tells_how_to_install_it(tmp_path: Path) -> None:
    done = command.run([*PROGRAM, "completion", "--help"], timeout=_PATIENCE_S, cwd=tmp_path)
    for place in ("~/.bashrc", "~/.zshrc", "~/.config/fish/completions/harness.fish"):
        assert place in done.output


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("harness run --target gu", "guestbook"),
        ("harness run --suite sm", "smoke"),
        ("harness run --target ./my-", ""),
        ("harness clu", "cluster"),
    ],
)
def test_bash_itself_completes(line: str, offered: str, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash isn't installed")
    (tmp_path / "harness").write_text(f'#!/bin/sh\nexec {" ".join(PROGRAM)} "$@"\n')
    (tmp_path / "harness").chmod(0o755)
    script = f"""
        eval "$(harness completion bash)"
        compopt() {{ :; }}  # it only works while a key is pressed
        COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _harness_completion harness
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    env = command.environment({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    done = command.run([bash, "-c", script], timeout=_PATIENCE_S, cwd=tmp_path, env=env)
    assert done.output.split() == offered.split()
