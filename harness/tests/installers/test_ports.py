"""Ports that a container binds are recognised and moved, and nothing else is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from harness.installers.process.ports import (
    PortPlan,
    container_port,
    free_port,
    is_free,
    known_ports,
    plan_ports,
    rewrite,
)
from harness.model.target import Metrics, Pprof, WorkloadSpec
from harness.tests.installers.samples import container, deployment, service

SPEC = WorkloadSpec(deployment="op")


def moved(*args: str, known: dict[int, str] | None = None, **parts: Any) -> tuple[str, ...]:
    """Returns the arguments with ports from 20001 on."""
    made = container(args=list(args), **parts)
    plan = plan_ports(made, known or {}, allocate=numbers())
    return rewrite(made, known or {}, plan, subject="op").args


def numbers() -> Any:
    following: Iterator[int] = iter(range(20001, 20100))
    return lambda: next(following)


@pytest.mark.parametrize(
    ("arg", "after"),
    [
        ("--metrics-bind-address=:8443", "--metrics-bind-address=127.0.0.1:20001"),
        ("--metrics-bind-address=0.0.0.0:8443", "--metrics-bind-address=127.0.0.1:20001"),
        ("--metrics-bind-address=[::]:8443", "--metrics-bind-address=127.0.0.1:20001"),
        ("--pprof-bind-address=127.0.0.1:8082", "--pprof-bind-address=127.0.0.1:20001"),
        ("-metrics-addr=:8080", "-metrics-addr=127.0.0.1:20001"),
        ("--web.listen-address=:8080", "--web.listen-address=127.0.0.1:20001"),
        ("--webhook-port=9443", "--webhook-port=20001"),
        (
            "--liveness=http://0.0.0.0:8080/healthz",
            "--liveness=http://127.0.0.1:20001/healthz",
        ),
        (
            "--secure-listen-address=https://:8443",
            "--secure-listen-address=https://127.0.0.1:20001",
        ),
    ],
)
def test_flags_that_bind_are_moved_to_loopback(arg: str, after: str) -> None:
    assert moved(arg) == (after,)


@pytest.mark.parametrize(
    "arg",
    [
        "--metrics-bind-address=0",
        "--metrics-bind-address=:0",
        "--kafka=localhost:9092",
        "--upstream=http://127.0.0.1:8080/",
        "--listen=:8080/tcp",
        "--database-port=5432",
        "--max-concurrent-reconciles=8443",
        "--leader-elect",
        "--webhook-port=99999",
        "--proxy-url=http://proxy.example.org:3128",
        "--sync-period=10",
    ],
)
def test_what_does_not_bind_is_left_alone(arg: str) -> None:
    assert moved(arg, known={8443: "metrics"}) == (arg,)


def test_a_known_port_is_moved_wherever_it_is_set() -> None:
    known = {8080: "container port http", 5432: "container port db"}
    assert moved("--http", "127.0.0.1:8080", ":8080", "--db-port=5432", known=known) == (
        "--http",
        "127.0.0.1:20001",
        "127.0.0.1:20001",
        "--db-port=20002",
    )


def test_a_flags_value_may_be_the_next_argument() -> None:
    assert moved("--webhook-port", "9443", "run") == ("--webhook-port", "20001", "run")


def test_an_address_by_variable_is_moved_where_the_port_is_known() -> None:
    assert moved("--listen=$(POD_IP):7000") == ("--listen=127.0.0.1:20001",)


def test_the_environment_sets_ports_too() -> None:
    made = container(env=[{"name": "METRICS_ADDR", "value": ":8080"}, {"name": "N", "value": "3"}])
    plan = plan_ports(made, {8080: "x"}, allocate=numbers())
    assert rewrite(made, {8080: "x"}, plan, subject="op").env == {"METRICS_ADDR": "127.0.0.1:20001"}


def test_each_change_is_an_alteration_with_before_and_after() -> None:
    made = container(args=["--webhook-port=9443"])
    known = {9443: "Service hooks"}
    plan = plan_ports(made, known, allocate=numbers())
    (change,) = rewrite(made, known, plan, subject="Deployment ns/op").alterations
    assert change.subject == "Deployment ns/op, argument --webhook-port"
    assert (change.before, change.after) == ("9443", "20001")
    assert "Service hooks" in change.reason


def test_a_known_port_that_no_flag_sets_is_fixed() -> None:
    plan = plan_ports(container(args=["--x=:1"]), {9443: "Service hooks"}, allocate=numbers())
    assert plan.fixed == {9443: "Service hooks"}
    assert plan.local(9443) == 9443


def test_a_port_without_an_address_is_open_to_all() -> None:
    made = container(args=["--webhook-port=9443", "--metrics-bind-address=:8443"])
    assert plan_ports(made, {}, allocate=numbers()).open == (20001,)


def test_known_ports_come_from_ports_probes_services_and_the_target() -> None:
    made = container(
        ports=[
            {"name": "hooks", "containerPort": 9443},
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
        ],
        readinessProbe={"httpGet": {"port": 8081}},
        livenessProbe={"tcpSocket": {"port": "hooks"}},
    )
    spec = WorkloadSpec(deployment="op", metrics=Metrics(port=8443), pprof=Pprof(port=8082))
    elsewhere = service(name="elsewhere", target=7777)
    elsewhere["spec"]["selector"] = {"app": "other"}
    known = known_ports(
        deployment(made), made, [service(target=6666), elsewhere, deployment()], spec
    )
    assert known == {
        9443: "livenessProbe",
        8081: "readinessProbe",
        8443: "metrics",
        8082: "profiles",
        6666: "Service hooks",
    }


def test_ports_are_found_by_name_and_by_number() -> None:
    made = container(ports=[{"name": "http", "containerPort": 80}])
    found = [container_port(made, port) for port in ("http", 81, "82", "absent", None)]
    assert found == [80, 81, 82, 0, 0]


def test_a_port_in_use_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])
    assert is_free(free_port())


def test_a_plan_without_moves_leaves_ports_where_they_are() -> None:
    assert PortPlan().local(1) == 1


def test_a_port_that_was_given_is_given_to_nobody_else() -> None:
    """It's bound only when the operator starts, and runs may be started at the same time."""
    given = free_port()
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other,
        pytest.raises(OSError, match="in use"),
    ):
        other.bind(f"\0operator-harness/port/{given}")
