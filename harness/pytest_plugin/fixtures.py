"""The public fixtures of suites. Every one is documented for suite authors in docs/fixtures.md."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from harness.kube.client import KubeClient
from harness.model.cluster import Cluster
from harness.model.resource import ObjectKey, Resource
from harness.model.target import Target
from harness.pytest_plugin.cluster_snapshots import ClusterSnapshots
from harness.pytest_plugin.confinement import Confinement
from harness.pytest_plugin.context import CONTEXT, Context
from harness.pytest_plugin.features import Features
from harness.pytest_plugin.instances import SecondOperator
from harness.pytest_plugin.namespaces import Namespaces, Place
from harness.pytest_plugin.operator import Operator
from harness.pytest_plugin.resources import CustomResources, LiveCustomResource
from harness.pytest_plugin.scraping import Metrics
from harness.pytest_plugin.sentinels import Sentinels
from harness.pytest_plugin.steps import Family, Rest, Snapshots
from harness.pytest_plugin.steps import dry_run as send_dry_run
from harness.pytest_plugin.tenant import Tenant
from harness.pytest_plugin.waiting import Waiter, shown
from harness.pytest_plugin.whitebox import WhiteBox
from harness.pytest_plugin.windows import WINDOWS, Windows
from harness.stimulus.objects import Objects
from harness.stimulus.samples import Sample, samples

if TYPE_CHECKING:
    from harness.pytest_plugin.load import Load
    from harness.pytest_plugin.soak import Soak

__all__ = [
    "api_client",
    "cluster",
    "cluster_snapshot",
    "confined",
    "custom_resource",
    "dry_run",
    "eventually",
    "family",
    "features",
    "kube",
    "load",
    "metrics",
    "namespace",
    "operator",
    "rest",
    "rng",
    "second_operator",
    "sentinels",
    "snapshot",
    "soak",
    "target",
    "tenant",
    "window",
]

Subject = LiveCustomResource | tuple[Resource, ObjectKey]


def _context(request: pytest.FixtureRequest) -> Context:
    context = request.config.stash.get(CONTEXT, None)
    if context is None:
        raise pytest.UsageError(
            "This test needs an operator. Run it by: harness run --suite FOLDER --target NAME"
        )
    return context


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The operator under test, as its target.yaml describes it."""
    return _context(request).session.target


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """The cluster: provider, kubeconfig, server, capabilities."""
    return _context(request).cluster


@pytest.fixture(scope="session")
def kube(request: pytest.FixtureRequest) -> KubeClient:
    """A client with the harness's own identity; plain dicts in and out."""
    return _context(request).client


@pytest.fixture(scope="session")
def api_client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The official library's client: `kubernetes.client.AppsV1Api(api_client)`."""
    from harness.kube.official import api_client as made  # noqa: PLC0415 - few suites need it

    with made(_context(request).kubeconfig) as client:
        yield client


@pytest.fixture(scope="session")
def operator(request: pytest.FixtureRequest) -> Operator:
    """The installed operator: restart, kill, pause, second replica, last lines of its log."""
    return Operator(_context(request))


@pytest.fixture(scope="session")
def cluster_snapshot(request: pytest.FixtureRequest, operator: Operator) -> ClusterSnapshots:
    """The cluster's whole state: `cluster_snapshot.take()`, later `cluster_snapshot.restore()`."""
    return ClusterSnapshots(_context(request), operator)


@pytest.fixture(scope="session")
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers from the run's seed, so that a run can be repeated."""
    return _context(request).rng


@pytest.fixture(scope="session")
def metrics(request: pytest.FixtureRequest) -> Metrics:
    """Scrapes the operator's metrics with the token of a ServiceAccount of its own."""
    return Metrics(_context(request))


@pytest.fixture(scope="session")
def load(request: pytest.FixtureRequest) -> Iterator[Load]:
    """Load, open-loop: `load.run("mine", Schedule.poisson(50, 60), profile="mine")`.

    Its processes start with the first use and end with the suite.
    """
    from harness.pytest_plugin.load import Load  # noqa: PLC0415 - loads NumPy, which few need

    made = Load(_context(request))
    yield made
    made.close()


@pytest.fixture(scope="session")
def soak(
    request: pytest.FixtureRequest,
    load: Load,
    metrics: Metrics,
    whitebox: WhiteBox,
    operator: Operator,
) -> Soak:
    """Cycles of load that leave nothing, and a plateau of the operator after each."""
    from harness.pytest_plugin.soak import (  # noqa: PLC0415 - as of the load
        Disturbances,
        Soak,
        TokenRotation,
    )

    context = _context(request)
    disturbances = Disturbances(context, operator)
    rotation = TokenRotation(context, operator, disturbances)
    return Soak(context, load, metrics, whitebox, disturbances, rotation=rotation)


@pytest.fixture(scope="session")
def whitebox(request: pytest.FixtureRequest, metrics: Metrics) -> Iterator[WhiteBox]:
    """A Prometheus beside the suite, whose `suite.yaml` asks for it: `assets: [prometheus]`."""
    with WhiteBox(_context(request), metrics) as opened:
        yield opened


@pytest.fixture(scope="session")
def rest(request: pytest.FixtureRequest) -> Rest:
    """The operator at rest: `rest.begin()` awaits quiet, `rest.observe()` is the window."""
    return Rest(_context(request))


@pytest.fixture(scope="session")
def snapshot(request: pytest.FixtureRequest) -> Snapshots:
    """Writes down which objects are there: `snapshot("before", resource)` returns its name."""
    return Snapshots(_context(request))


@pytest.fixture(scope="session")
def family(request: pytest.FixtureRequest, _waiter: Waiter) -> Family:
    """What belongs to a custom resource: `family(resource)`, `family.await_gone(keys)`."""
    return Family(_context(request), _waiter)


@pytest.fixture
def dry_run(
    request: pytest.FixtureRequest, custom_resource: CustomResources
) -> Callable[[Sample], dict[str, Any]]:
    """Sends a sample as a strict server-side dry run and returns what the server said."""
    return lambda sample: send_dry_run(_context(request), custom_resource, sample)


@pytest.fixture
def sentinels(request: pytest.FixtureRequest, _namespaces: Namespaces, rest: Rest) -> Sentinels:
    """Somebody else's objects of the same names: `sentinels.plant(resource)`, then `look()`."""
    return Sentinels(_context(request), _namespaces, rest)


@pytest.fixture
def confined(request: pytest.FixtureRequest, operator: Operator) -> Confinement:
    """Narrows the operator's rights to its namespaces while a `with` block lasts."""
    return Confinement(_context(request), operator)


@pytest.fixture
def second_operator(
    request: pytest.FixtureRequest, _namespaces: Namespaces, _waiter: Waiter
) -> SecondOperator:
    """Runs a second instance in a namespace of its own while a `with` block lasts."""
    return SecondOperator(_context(request), _namespaces, _waiter)


@pytest.fixture
def tenant(
    request: pytest.FixtureRequest, _namespaces: Namespaces, _place: Place, rest: Rest
) -> Tenant:
    """A tenant with rights in this test's namespace alone: `tenant.point_elsewhere(sample)`."""
    return Tenant(_context(request), _namespaces, _place, rest)


@pytest.fixture(scope="session")
def features(request: pytest.FixtureRequest) -> Features:
    """What the CRDs and webhooks declare, asked of the API server: facts for the judges."""
    return Features(_context(request))


@pytest.fixture(scope="session")
def _waiter(request: pytest.FixtureRequest, operator: Operator) -> Waiter:
    return Waiter(_context(request), log_tail=operator.log_tail)


@pytest.fixture
def window(request: pytest.FixtureRequest) -> Windows:
    """Opens evidence windows.

    For example `with window("silence", checks=["REC-002"], subject="small") as seen:`.
    """
    return request.config.stash[WINDOWS]


@pytest.fixture(scope="session")
def _namespaces(request: pytest.FixtureRequest) -> Iterator[Namespaces]:
    made = Namespaces(_context(request))
    yield made
    made.remove_all()


@pytest.fixture(scope="class")
def _place(_namespaces: Namespaces, request: pytest.FixtureRequest) -> Place:
    return _namespaces.place(request.node.name)


@pytest.fixture(scope="class")
def namespace(_place: Place) -> str:
    """The namespace of this test (or class of tests).

    It is a new one, unless the target's scope says that the operator serves only some: then it is
    the first of these.
    """
    return _place.namespace


@pytest.fixture(scope="class")
def custom_resource(
    request: pytest.FixtureRequest, _place: Place, _waiter: Waiter
) -> Iterator[CustomResources]:
    """Makes custom resources from the target's samples; removes them at the end.

    Where they aren't in a namespace of the test's own, their names get a suffix of the run.
    """
    context = _context(request)
    made = CustomResources(
        context=context,
        objects=Objects(client=context.client, clock=context.clock, record=context.record),
        waiter=_waiter,
        samples=samples(context.session.target),
        place=_place,
    )
    yield made
    made.remove_all()


@pytest.fixture
def eventually(request: pytest.FixtureRequest, _waiter: Waiter) -> Callable[..., dict[str, Any]]:
    """Waits, by watch, until a predicate holds for an object, and returns the object.

    `eventually(subject, predicate, *, limit=…, awaited="…")`: `subject` is a custom resource or
    what its `child(resource, name)` returns; `predicate` takes the object as a dict.
    """
    context = _context(request)

    def wait(
        subject: Subject,
        predicate: Callable[[dict[str, Any]], object],
        *,
        limit: float | None = None,
        awaited: str = "",
    ) -> dict[str, Any]:
        resource, key = (
            (subject.resource, subject.key) if isinstance(subject, LiveCustomResource) else subject
        )
        found = _waiter.wait(
            resource,
            key,
            lambda body: body is not None and _holds(predicate, body),
            awaited=awaited or f"as {getattr(predicate, '__name__', 'the predicate')} demands",
            limit=limit or context.timeouts.converge,
            explain=shown,
        )
        return found or {}  # never None: the predicate is false for None

    return wait


def _holds(predicate: Callable[[dict[str, Any]], object], body: dict[str, Any]) -> bool:
    """A field that isn't there yet means "not yet", not that the test is broken."""
    try:
        return bool(predicate(body))
    except (KeyError, IndexError, TypeError):
        return False
