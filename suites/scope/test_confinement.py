"""Scope: the operator with rights in its namespaces alone."""


def test_works_with_roles_alone(custom_resource, sample, confined, operator, window):
    """SCO-103."""
    with (
        window("confinement", checks=["SCO-103"], subject=sample.name) as seen,
        confined(seen.facts) as narrowed,
    ):
        if narrowed:
            seen.facts.update(operator.readiness())
        if narrowed and seen.facts["ready"]:
            resource = custom_resource.create(sample)
            seen.objects.append(resource.key)
            resource.await_ready()
            if resource.mutate():
                resource.await_ready()
