"""Stage 3: server-side apply of manifests; what the API server refuses is the operator's fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ApiError, ClusterError, TargetError
from harness.installers.faults import not_installed
from harness.installers.ordering import CERT_MANAGER_GROUP
from harness.kube.admission import may_own
from harness.kube.watch import NotObserved, await_object
from harness.manifests.objects import Object, describe, group_of, kind_of, name_of, namespace_of
from harness.model.installation import InstalledObject
from harness.model.problems import Problem
from harness.model.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.clock import Clock
    from harness.kube.client import KubeClient
    from harness.model.target import Target

__all__ = ["Applier", "implied_namespaces", "refuse_unknown_kinds", "refused"]

_CRDS = "customresourcedefinitions.apiextensions.k8s.io"
_REFUSALS = frozenset({400, 403, 404, 405, 409, 413, 415, 422})
_TYPED = "typed patch object"  # a field that the schema lacks; the API server calls it a 500
_FORBIDDEN = 403
_OUR_RIGHTS = (" cannot ", "attempting to grant RBAC permissions not currently held")
"""What the authorizer says of us; an admission plugin speaks of the object."""
_PAUSE_S = 0.05
_GLANCE_S = 0.2


class Applier:
    """Applies objects one by one and remembers them.

    Args:
        client: The harness's own identity.
        timeout: Seconds until a CRD is established and served.
        clock: For pauses between looks at discovery, which has no watch.

    Attributes:
        applied: What was applied, in order.
    """

    def __init__(self, client: KubeClient, *, timeout: float, clock: Clock = SYSTEM_CLOCK) -> None:
        self._client = client
        self._timeout = timeout
        self._clock = clock
        self.applied: list[InstalledObject] = []

    def apply(self, manifest: Object) -> Object:
        """Applies one object and returns it as the API server has it.

        Raises:
            InstallFault: The API server refuses it.
            ClusterError: It can't be asked, or fails.
        """
        try:
            resource = self._client.resource_of(manifest["apiVersion"], kind_of(manifest))
            stored = self._client.apply(manifest, resource=resource)
        except ApiError as error:
            raise refused(manifest, error) from error
        key = ObjectKey(
            resource=resource.key,
            namespace=stored["metadata"].get("namespace", ""),
            name=stored["metadata"]["name"],
            uid=stored["metadata"]["uid"],
        )
        self.applied.append(
            InstalledObject(key=key, kind=resource.kind, api_version=resource.api_version)
        )
        return stored

    def await_crds(self, crds: Sequence[Object]) -> None:
        """Waits until CRDs are established and their kinds are discoverable.

        Raises:
            InstallFault: A CRD's names aren't accepted.
            ClusterError: It takes too long.
        """
        deadline = Deadline(self._timeout, clock=self._clock)
        for crd in crds:
            self._await_established(crd, deadline)
        for crd in crds:
            for version in crd["spec"].get("versions") or ():
                if version.get("served"):
                    self._await_served(crd, str(version["name"]), deadline)

    def await_owners(self, crds: Sequence[Object]) -> None:
        """Waits until the API server lets objects of these kinds own others: ten seconds at most.

        An operator that makes children before is refused, and not to blame.

        Raises:
            ClusterError: It takes too long.
        """
        deadline = Deadline(self._timeout, clock=self._clock)
        for crd in crds:
            kind = crd["spec"]["names"]["kind"]
            for version in crd["spec"].get("versions") or ():
                api_version = f"{crd['spec']['group']}/{version['name']}"
                while version.get("served") and not may_own(self._client, api_version, kind):
                    if deadline.passed:
                        raise ClusterError(
                            f"Objects of {kind} of {api_version} may own none yet, "
                            f"{self._timeout:g} s after they are served.",
                            hint="The API server is too slow; give it more by the time-out "
                            "`install`.",
                        )
                    self._clock.sleep(_GLANCE_S)

    def _await_established(self, crd: Object, deadline: Deadline) -> None:
        try:
            found = await_object(
                self._client.connection,
                self._client.resource(_CRDS),
                name_of(crd),
                "",
                lambda obj: (
                    _condition(obj, "Established") == "True"
                    or _condition(obj, "NamesAccepted") == "False"
                ),
                timeout=deadline.remaining,
            )
        except NotObserved as error:
            raise ClusterError(
                f"{describe(crd)} wasn't established within {self._timeout:g} s.",
                hint="The API server is too slow; give it more by the time-out `install`.",
            ) from error
        if _condition(found, "Established") != "True":
            raise not_installed(
                describe(crd),
                "The names of a CustomResourceDefinition aren't accepted.",
                detail=_message(found, "NamesAccepted"),
                remedy="Another CRD has the same plural, kind or short name in that group.",
            )

    def _await_served(self, crd: Object, version: str, deadline: Deadline) -> None:
        spec = crd["spec"]
        api_version, kind = f"{spec['group']}/{version}", spec["names"]["kind"]
        path = f"/apis/{api_version}/{spec['names']['plural']}"
        while not deadline.passed:
            try:
                self._client.resource_of(api_version, kind)
                if self._client.raw("GET", path, query={"limit": "1"}).status == 200:  # noqa: PLR2004 - HTTP
                    return
            except ApiError as error:
                if error.status != 404:  # noqa: PLR2004 - HTTP
                    raise
            self._clock.sleep(_PAUSE_S)
        raise ClusterError(
            f"{kind} of {api_version} wasn't served within {self._timeout:g} s of its CRD.",
            hint="The API server is too slow; give it more by the time-out `install`.",
        )


def _condition(obj: Object | None, kind: str) -> str:
    for condition in ((obj or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") == kind:
            return str(condition.get("status"))
    return ""


def _message(obj: Object | None, kind: str) -> str:
    for condition in ((obj or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") == kind:
            return f"{condition.get('reason')}: {condition.get('message')}"
    return ""


def refused(manifest: Object, error: ApiError) -> Exception:
    """Returns whose fault it is that an object can't be applied."""
    if error.status == _FORBIDDEN and any(words in str(error) for words in _OUR_RIGHTS):
        return ClusterError(
            f"{describe(manifest)} can't be applied, since our own identity may not: {error}",
            hint="Have that granted to the user of the context, or name another context.",
        )
    if error.status in _REFUSALS or _TYPED in str(error):
        return not_installed(
            describe(manifest),
            f"The API server refuses {describe(manifest)}.",
            detail=str(error),
        )
    return ClusterError(
        f"{describe(manifest)} can't be applied: {error}",
        hint=error.hint or "The API server's log is in the run folder, under components.",
    )


def implied_namespaces(manifests: Sequence[Object], *, served: Sequence[str] = ()) -> list[Object]:
    """Returns Namespaces that are used and not among the manifests; "default" is always there.

    Args:
        manifests: What is to be applied.
        served: Namespaces that the operator watches: they must be there before it starts.
    """
    present = {name_of(obj) for obj in manifests if kind_of(obj) == "Namespace"}
    used = dict.fromkeys((*(namespace_of(obj) for obj in manifests), *served))
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in used
        if name and name not in present and name not in ("default", "kube-system")
    ]


def refuse_unknown_kinds(
    manifests: Sequence[Object], *, target: Target, serves: Callable[[str, str], object]
) -> None:
    """Checks that each kind is served, or will be by a CRD among the manifests.

    Args:
        manifests: What is to be applied.
        target: Names the source of the manifests.
        serves: Whether the API server knows an apiVersion and kind.

    Raises:
        TargetError: Some aren't; every one is named.
    """
    coming = {
        (f"{obj['spec'].get('group')}/{version.get('name')}", obj["spec"]["names"].get("kind"))
        for obj in manifests
        if kind_of(obj) == "CustomResourceDefinition"
        for version in obj["spec"].get("versions") or ()
    }
    origin = target.install.manifests
    chart = origin.helm.chart if origin.helm else None
    source = origin.kustomize or chart or ", ".join(origin.files)
    unknown = [
        obj
        for obj in manifests
        if group_of(obj) != CERT_MANAGER_GROUP
        and (obj["apiVersion"], kind_of(obj)) not in coming
        and not serves(obj["apiVersion"], kind_of(obj))
    ]
    if unknown:
        raise _unknown(unknown, source)


def _unknown(unknown: Sequence[Object], source: str) -> TargetError:
    problems = [
        Problem(
            file=source,
            message=f"{describe(obj)}: this cluster has no kind {kind_of(obj)} "
            f"of {obj['apiVersion']}",
        )
        for obj in unknown
    ]
    kinds = ", ".join(dict.fromkeys(kind_of(obj) for obj in unknown))
    return TargetError(
        "Manifests are of kinds that this cluster doesn't know:\n"
        + "\n".join(str(problem) for problem in problems),
        problems=problems,
        hint=f"Add the CRD to the manifests, or leave them out by install.skip: [{kinds}].",
    )
