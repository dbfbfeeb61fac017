"""Smoke, second part: the life of each sample, from dry run to deletion, in this order."""


class TestLife:
    def test_is_accepted_by_a_strict_dry_run(self, life, dry_run, window):
        """API-010."""
        with window("dry run", checks=["API-010"], subject=life.name) as seen:
            seen.facts.update(dry_run(life.sample))
            life.accepted = seen.facts["status"] < 300

    def test_converges(self, life, window):
        """REC-001, STA-002."""
        with window("create", checks=["REC-001", "STA-002"], subject=life.name) as seen:
            resource = life.create()
            seen.objects.append(resource.key)
            seen.facts["generation"] = resource.generation
            resource.await_ready()
        life.converged = True

    def test_is_silent_at_rest(self, life, rest, window):
        """REC-002."""
        resource = life.at_rest
        rest.begin()
        with window(
            "silence", checks=["REC-002"], subject=life.name, objects=[resource.key]
        ) as seen:
            seen.facts["seconds"] = rest.observe()

    def test_follows_a_mutation(self, life, window):
        """STA-002, REC-001 for the next generation."""
        resource = life.at_rest
        with window("update", checks=["STA-002", "REC-001"], subject=life.name) as seen:
            change = resource.mutate()
            seen.objects.append(resource.key)
            seen.facts["generation"] = resource.generation
            seen.facts["change"] = str(change) if change else ""
            resource.await_ready()

    def test_restart_writes_nothing(self, life, operator, rest, snapshot, window):
        """REC-004, and INS-002: it comes back."""
        resource = life.at_rest
        rest.begin()
        before = snapshot("before restart", resource)
        with window(
            "restart", checks=["INS-002", "REC-004"], subject=life.name, objects=[resource.key]
        ) as seen:
            operator.restart()
            seen.facts.update(operator.readiness())
            seen.facts["seconds"] = rest.observe()
            seen.facts["before"] = before
            seen.facts["after"] = snapshot("after restart", resource)

    def test_delete_leaves_nothing(self, life, family, snapshot, window):
        """LIF-001."""
        resource = life.resource
        relatives = family(resource)
        with window(
            "delete", checks=["LIF-001"], subject=life.name, objects=[resource.key, *relatives]
        ) as seen:
            try:
                resource.delete()
                resource.await_gone()
                family.await_gone(relatives)
            finally:
                seen.facts["after"] = snapshot("after delete", resource, also=relatives)
