"""Scope: a second instance of the operator, beside the first."""


def test_two_instances_leave_each_other_alone(custom_resource, second_operator, rest, window):
    """SCO-003."""
    with (
        window("two instances", checks=["SCO-003"]) as seen,
        second_operator(seen.facts) as others,
    ):
        if others:
            mine = custom_resource.create()
            seen.objects.append(mine.key)
            theirs = others.create(name=mine.name)
            mine.await_ready()
            theirs.await_ready()
            if mine.mutate():
                mine.await_ready()
            rest.begin()
