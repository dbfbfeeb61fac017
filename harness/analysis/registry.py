"""Stage 5: which function judges which check; the one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from harness.analysis.admission import sample_is_accepted
from harness.analysis.case import Case, WindowCase
from harness.analysis.convergence import converges, generation_is_observed
from harness.analysis.endurance import (
    follows_its_token,
    goes_on_after_its_definition,
    keeps_its_lead,
    survives_its_server,
    swallows_no_panic,
)
from harness.analysis.features.contents import defaults_appear, unknown_fields_are_pruned
from harness.analysis.features.parts import columns_show, scale_scales, status_is_apart
from harness.analysis.features.status import status_by_its_subresource
from harness.analysis.features.validation import bounds_are_held
from harness.analysis.features.versions import versions_keep_everything
from harness.analysis.features.webhooks import (
    admission_is_stable,
    down_fails_as_declared,
    webhooks_are_called,
)
from harness.analysis.install import became_ready, becomes_ready, installs, stays_up
from harness.analysis.lifecycle import delete_leaves_nothing
from harness.analysis.loaded import drains, every_arrival_converges, no_request_fails
from harness.analysis.observability import log_is_sane, metrics_parse
from harness.analysis.own_tests import assertions_hold
from harness.analysis.permissions import nothing_denied
from harness.analysis.rbac.dangers import DANGERS, judge_danger
from harness.analysis.rbac.vain import nothing_in_vain
from harness.analysis.scope.confinement import works_confined
from harness.analysis.scope.deputy import fetches_nothing_foreign
from harness.analysis.scope.footprint import writes_only_declared_kinds
from harness.analysis.scope.instances import instances_leave_each_other_alone
from harness.analysis.scope.requests import requests_stay_in_scope
from harness.analysis.scope.sentinels import sentinels_stay_untouched
from harness.analysis.silence import restart_writes_nothing, silent_at_rest
from harness.analysis.soaked import (
    latency_stays,
    no_cycle_costs_more,
    nothing_grows,
    throughput_stays,
)
from harness.analysis.soakleft import nothing_is_left
from harness.analysis.soakwatches import no_watch_is_leaked
from harness.analysis.static.conditions import conditions_are_standard
from harness.analysis.static.fields import (
    conventions_are_kept,
    described_and_consistent,
    lists_say_how_they_merge,
    numbers_and_times_are_typed,
    users_input_is_bounded,
)
from harness.analysis.static.networks import no_policy_allows_all
from harness.analysis.static.own import end_to_end_tests_pass, own_tests_pass
from harness.analysis.static.removed import no_removed_api
from harness.analysis.static.rules import of_all, of_crds, of_webhooks, of_workloads
from harness.analysis.static.samples import each_kind_has_a_sample, samples_fit
from harness.analysis.static.structure import (
    is_structural,
    spec_is_typed,
    status_is_a_subresource,
)
from harness.analysis.static.upgrade import crds_can_follow
from harness.analysis.static.versions import columns_lead_somewhere, versions_convert
from harness.analysis.static.webhooks import (
    webhooks_leave_the_cluster_alone,
    webhooks_say_how_they_fail,
)
from harness.analysis.static.workloads import (
    has_own_account,
    has_probes,
    has_time_to_end,
    images_and_resources,
    replicas_elect,
    unprivileged,
)
from harness.analysis.uninstall import nothing_made_is_left, uninstall_leaves_nothing
from harness.model.findings import CheckOutcome

__all__ = ["RUN_CHECKS", "WINDOWLESS", "WINDOW_CHECKS"]

RUN_CHECKS: Mapping[str, Callable[[Case], CheckOutcome]] = MappingProxyType(
    {
        "INS-001": installs,
        "INS-003": stays_up,
        "LIF-009": uninstall_leaves_nothing,
        "RBA-004": nothing_denied,
        "LOA-101": every_arrival_converges,
        "LOA-102": no_request_fails,
        "LOA-103": drains,
        "SOA-101": nothing_grows,
        "SOA-102": latency_stays,
        "SOA-103": throughput_stays,
        "SOA-104": survives_its_server,
        "SOA-105": goes_on_after_its_definition,
        "SOA-106": keeps_its_lead,
        "SOA-107": swallows_no_panic,
        "SOA-108": follows_its_token,
        "SOA-110": nothing_is_left,
        "SOA-111": no_watch_is_leaked,
        "SOA-112": no_cycle_costs_more,
        "SCO-101": requests_stay_in_scope,
        "SCO-105": writes_only_declared_kinds,
        "SCO-106": nothing_made_is_left,
        "OBS-006": log_is_sane,
        "SUI-001": assertions_hold,
        "UNI-001": own_tests_pass,
        "INT-001": end_to_end_tests_pass,
        "API-001": of_crds(is_structural),
        "API-002": of_crds(spec_is_typed),
        "API-003": of_crds(status_is_a_subresource),
        "API-004": of_crds(conditions_are_standard),
        "API-005": of_crds(lists_say_how_they_merge),
        "API-006": of_crds(users_input_is_bounded),
        "API-007": of_crds(numbers_and_times_are_typed),
        "API-008": of_crds(described_and_consistent),
        "API-009": of_crds(conventions_are_kept),
        "API-012": of_all(no_removed_api),
        "API-013": of_all(samples_fit),
        "API-014": of_all(each_kind_has_a_sample),
        "API-015": of_crds(versions_convert),
        "API-016": of_crds(columns_lead_somewhere),
        "SEC-004": of_all(no_policy_allows_all),
        "WEB-001": of_webhooks(webhooks_say_how_they_fail),
        "WEB-002": of_all(webhooks_leave_the_cluster_alone),
        "SEC-002": of_workloads(unprivileged),
        "SEC-003": of_workloads(images_and_resources),
        "OBS-007": of_workloads(has_probes),
        "RBA-007": of_workloads(has_own_account),
        "LIF-011": of_workloads(has_time_to_end),
        "RES-013": of_all(replicas_elect),
        "UPG-001": of_all(crds_can_follow),
        "RBA-003": nothing_in_vain,
        **dict.fromkeys(DANGERS, judge_danger),
    }
)
"""Judged on the whole run, also where a window names them."""

WINDOW_CHECKS: Mapping[str, Callable[[WindowCase], CheckOutcome]] = MappingProxyType(
    {
        "INS-002": becomes_ready,
        "API-010": sample_is_accepted,
        "REC-001": converges,
        "STA-002": generation_is_observed,
        "REC-002": silent_at_rest,
        "REC-004": restart_writes_nothing,
        "LIF-001": delete_leaves_nothing,
        "OBS-001": metrics_parse,
        "SCO-003": instances_leave_each_other_alone,
        "SCO-102": sentinels_stay_untouched,
        "SCO-103": works_confined,
        "SCO-104": fetches_nothing_foreign,
        "API-011": bounds_are_held,
        "API-017": status_is_apart,
        "API-018": defaults_appear,
        "API-019": unknown_fields_are_pruned,
        "API-020": columns_show,
        "API-021": scale_scales,
        "STA-007": status_by_its_subresource,
        "WEB-003": down_fails_as_declared,
        "WEB-004": admission_is_stable,
        "WEB-006": versions_keep_everything,
        "WEB-008": webhooks_are_called,
    }
)
"""Judged on each window that names them."""

WINDOWLESS: Mapping[str, Callable[[Case], CheckOutcome | None]] = MappingProxyType(
    {"INS-002": became_ready}
)
"""Checks of windows that other evidence can answer where no window was opened; None if not."""
