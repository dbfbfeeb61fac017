"""Scope: a tenant who asks the operator for what he may not read himself."""


def test_fetches_nothing_for_a_tenant(sample, tenant, window):
    """SCO-104."""
    with window("tenant", checks=["SCO-104"], subject=sample.name) as seen:
        seen.facts.update(tenant.point_elsewhere(sample))
