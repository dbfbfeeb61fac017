"""SCO-003 and SCO-102 to SCO-104: what the scope suite tried, judged by its windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.analysis import judge
from harness.model.findings import Status
from harness.model.resource import ObjectKey
from harness.model.target import InstallMode, Scope
from harness.model.trials import (
    DeputyTrial,
    SecondInstance,
    Sentinel,
    SentinelEvent,
    SentinelWatch,
    Standing,
)
from harness.tests.analysis.recording import BOOKS, CONTROLLERS, OPERATOR, Recording, at

if TYPE_CHECKING:
    from harness.model.findings import CheckOutcome

SECOND = "system:serviceaccount:second:manager"
PLANTED = Standing(uid="u", version="7", managers={"operator-harness/Update/": "t0"})


def judged(recording: Recording, check: str, **facts: Any) -> CheckOutcome:
    recording.call(59, "get", BOOKS, "sample")  # the log goes on to the window's end
    phase = recording.phase(10, 60, check, facts=facts)
    return judge(check, recording.evidence, phase)


def limited(recording: Recording) -> None:
    recording.target(scope=Scope(mode=InstallMode.SINGLE_NAMESPACE, namespaces=("default",)))


def sentinel(after: Standing | None) -> Sentinel:
    return Sentinel(
        resource="configmaps",
        kind="ConfigMap",
        namespace="foreign",
        name="page",
        served="default",
        planted_ns=at(11).wall_ns,
        before=PLANTED,
        after=after,
    )


def watch(after: Standing | None = PLANTED, **more: Any) -> dict[str, Any]:
    made = SentinelWatch(namespace="foreign", sentinels=(sentinel(after),), **more)
    found: dict[str, Any] = msgspec.to_builtins(made)
    return found


def changed(**fields: Any) -> Standing:
    return msgspec.structs.replace(PLANTED, version="9", **fields)


def test_untouched_sentinels_pass(recording: Recording) -> None:
    assert judged(recording, "SCO-102", sentinels=watch()).status is Status.PASS


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (changed(managers={**PLANTED.managers, "manager/Update/": "t1"}), "was changed by manager"),
        (changed(managers=PLANTED.managers), "was changed"),
        (changed(uid="other"), "was replaced by another object"),
        (changed(deleting=True), "is being deleted"),
        (None, "was deleted"),
    ],
)
def test_a_touched_sentinel_is_a_finding(
    recording: Recording, after: Standing | None, words: str
) -> None:
    recording.call(20, "update", "configmaps", "page", namespace="foreign")

    (finding,) = judged(recording, "SCO-102", sentinels=watch(after)).findings

    assert finding.title == f"ConfigMap page in the foreign namespace foreign {words}"
    assert "resourceVersion: 7 -> " in finding.detail
    assert len(finding.evidence) == 1


def test_what_kubernetes_itself_writes_into_a_sentinel_is_no_touch(recording: Recording) -> None:
    managers = {**PLANTED.managers, "kube-controller-manager/Update/status": "t1"}

    outcome = judged(recording, "SCO-102", sentinels=watch(changed(managers=managers)))

    assert outcome.status is Status.PASS


def test_what_somebody_else_did_to_a_sentinel_is_not_the_operators(recording: Recording) -> None:
    recording.call(
        20, "update", "configmaps", "page", namespace="foreign", user="somebody", agent="other"
    )
    managers = {**PLANTED.managers, "other/Update/": "t1"}

    outcome = judged(recording, "SCO-102", sentinels=watch(changed(managers=managers)))

    assert outcome.status is Status.PASS


def test_events_about_sentinels_and_objects_beside_them_are_findings(recording: Recording) -> None:
    events = (
        SentinelEvent(subject="ConfigMap page", reason="Adopted", source="books"),
        SentinelEvent(subject="Deployment page", reason="Scaled", source="deployment-controller"),
    )

    outcome = judged(recording, "SCO-102", sentinels=watch(events=events, appeared=("Secret x",)))

    assert [finding.title for finding in outcome.findings] == [
        "Secret x appeared in namespace foreign, which isn't the operator's",
        "An Event Adopted speaks of ConfigMap page, a sentinel",
    ]


def test_without_an_audit_log_a_change_is_taken_for_the_operators(recording: Recording) -> None:
    recording.run.audit_log.write_text("")
    phase = recording.phase(10, 60, "SCO-102", facts={"sentinels": watch(None)})

    assert judge("SCO-102", recording.evidence, phase).status is Status.FAIL


def test_a_window_without_sentinels_decides_nothing(recording: Recording) -> None:
    assert judged(recording, "SCO-102").status is Status.NOT_VERIFIED


DEPRIVED = {"from_ns": at(12).wall_ns, "until_ns": at(50).wall_ns}


def denied(recording: Recording, when: float) -> None:
    recording.call(when, "watch", "configmaps", namespace="", code=403, decision="forbid")


def test_confined_and_content_passes(recording: Recording) -> None:
    limited(recording)
    assert judged(recording, "SCO-103", deprived=DEPRIVED, ready=True).status is Status.PASS


def test_allnamespaces_is_never_confined(recording: Recording) -> None:
    assert judged(recording, "SCO-103").status is Status.NOT_APPLICABLE


def test_rights_that_could_not_be_narrowed_decide_nothing(recording: Recording) -> None:
    limited(recording)

    outcome = judged(recording, "SCO-103", reason="its rights can't be narrowed: forbidden")

    assert outcome.status is Status.NOT_VERIFIED
    assert outcome.reason == "its rights can't be narrowed: forbidden"


def test_what_is_denied_while_confined_is_this_checks_finding_alone(recording: Recording) -> None:
    limited(recording)
    denied(recording, 20)
    recording.process(1, "started")
    recording.process(21, "ended", exit_code=1)
    facts = {"deprived": DEPRIVED, "ready": False, "reason": "it ended", "kept": ["get nodes"]}

    first, second = judged(recording, "SCO-103", **facts).findings

    assert first.title.endswith("the operator doesn't become ready: it ended")
    assert second.title.endswith("was denied watch configmaps in all namespaces once")
    assert "Kept cluster-wide, since it can't be namespaced: get nodes" in second.detail
    assert judge("RBA-004", recording.evidence, None).status is Status.PASS
    assert judge("INS-003", recording.evidence, None).status is Status.PASS


def test_what_is_denied_with_all_rights_is_not_excused(recording: Recording) -> None:
    limited(recording)
    recording.phase(10, 60, "SCO-103", facts={"deprived": DEPRIVED})
    denied(recording, 55)

    assert judge("RBA-004", recording.evidence, None).status is Status.FAIL


def test_one_that_does_not_converge_confined_is_a_finding(recording: Recording) -> None:
    limited(recording)
    recording.wait(30, 40, met=False)

    (finding,) = judged(recording, "SCO-103", deprived=DEPRIVED, ready=True).findings

    assert "sample was not ready for generation 2 after 10 s" in finding.title


def trials(*made: DeputyTrial) -> dict[str, Any]:
    return {
        "namespace": "tenant",
        "foreign": "bank",
        "name": "canary",
        "trials": msgspec.to_builtins(made),
    }


def test_a_kind_without_references_has_no_deputy(recording: Recording) -> None:
    assert judged(recording, "SCO-104", trials=[]).status is Status.NOT_APPLICABLE


def test_a_refused_reference_and_one_that_shows_nothing_pass(recording: Recording) -> None:
    facts = trials(
        DeputyTrial(path="spec.secretRef", kind="Secret", refused="not here"),
        DeputyTrial(path="spec.from", kind="ConfigMap"),
    )
    assert judged(recording, "SCO-104", **facts).status is Status.PASS


def test_a_canary_in_the_tenants_hands_is_a_finding(recording: Recording) -> None:
    facts = trials(DeputyTrial(path="spec.secretRef", kind="Secret", leaks=("Note x, status",)))

    (finding,) = judged(recording, "SCO-104", **facts).findings

    assert finding.title == "spec.secretRef shows a tenant the Secret of namespace bank"
    assert "The canary stands in Note x, status." in finding.detail


def test_a_trial_that_failed_decides_nothing(recording: Recording) -> None:
    facts = trials(DeputyTrial(path="spec.secretRef", kind="Secret", trouble="may not impersonate"))
    outcome = judged(recording, "SCO-104", **facts)
    assert outcome.status is Status.NOT_VERIFIED
    assert "may not impersonate" in outcome.reason


def second(**fields: Any) -> dict[str, Any]:
    given = {"namespace": "second", "identity": SECOND, "ready": True, **fields}
    found: dict[str, Any] = msgspec.to_builtins(SecondInstance(**given))
    return found


def test_two_instances_that_keep_to_themselves_pass(recording: Recording) -> None:
    limited(recording)
    recording.call(20, "update", "configmaps", "page")
    recording.call(20, "update", "configmaps", "page", namespace="second", user=SECOND)
    recording.call(20, "update", "configmaps", "page", user=CONTROLLERS)

    assert judged(recording, "SCO-003", second=second()).status is Status.PASS


def test_an_object_that_both_write_is_a_finding(recording: Recording) -> None:
    limited(recording)
    for user in (OPERATOR, SECOND):
        recording.call(20, "update", "configmaps", "index", namespace="common", user=user)

    (finding,) = judged(recording, "SCO-003", second=second()).findings

    assert finding.title == "Both instances write configmaps common/index"
    assert f"{SECOND}: 1 writes" in finding.detail


@pytest.mark.parametrize(("user", "place"), [(SECOND, "default"), (OPERATOR, "second")])
def test_a_write_in_the_others_namespace_is_a_finding(
    recording: Recording, user: str, place: str
) -> None:
    limited(recording)
    recording.call(20, "update", "configmaps", "page", namespace=place, user=user)

    (finding,) = judged(recording, "SCO-003", second=second()).findings

    assert finding.title == f"One instance writes configmaps {place}/page, in the other's namespace"


def test_a_second_that_does_not_come_up_is_a_finding(recording: Recording) -> None:
    limited(recording)
    state = second(ready=False, reason="no Lease is held by it", log=("waiting",))

    (finding,) = judged(recording, "SCO-003", second=state).findings

    assert finding.title.endswith("doesn't become ready: no Lease is held by it")
    assert "waiting" in finding.detail


def test_custom_resources_that_do_not_converge_side_by_side_are_findings(
    recording: Recording,
) -> None:
    limited(recording)
    key = ObjectKey(resource=BOOKS, namespace="second", name="sample")
    recording.wait(30, 40, met=False, key=key)

    (finding,) = judged(recording, "SCO-003", second=second()).findings

    assert finding.title.startswith("With two instances sample in namespace second was not ready")


def test_a_mode_that_serves_all_or_a_machine_that_runs_one_only_says_so(
    recording: Recording,
) -> None:
    assert judged(recording, "SCO-003").status is Status.NOT_APPLICABLE

    limited(recording)
    outcome = judged(recording, "SCO-003", reason="port 80 is fixed")
    assert (outcome.status, outcome.reason) == (Status.NOT_VERIFIED, "port 80 is fixed")
