"""Scope: somebody else's objects of the same names, while the operator works on its own."""


def test_leaves_sentinels_alone(custom_resource, sample, sentinels, operator, window):
    """SCO-102."""
    with window("sentinels", checks=["SCO-102"], subject=sample.name) as seen:
        resource = custom_resource.create(sample)
        seen.objects.append(resource.key)
        resource.await_ready()
        sentinels.plant(resource)
        if resource.mutate():
            resource.await_ready()
        operator.restart()
        operator.readiness()
        sentinels.rest()
        resource.delete()
        resource.await_gone()
        sentinels.rest()
        seen.facts["sentinels"] = sentinels.look()
