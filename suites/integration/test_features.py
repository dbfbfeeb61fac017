"""Integration: what CRDs and webhooks declare, sample by sample, in this order."""

import pytest


def test_is_ready(operator, window):
    """INS-001, INS-002."""
    with window("ready", checks=["INS-001", "INS-002"]) as seen:
        seen.facts.update(operator.readiness())


class TestBeforeItExists:
    """Dry runs: nothing is stored, and the operator has nothing to do."""

    def test_is_accepted_by_a_strict_dry_run(self, life, dry_run, window):
        """API-010."""
        with window("dry run", checks=["API-010"], subject=life.name) as seen:
            seen.facts.update(dry_run(life.sample))

    def test_defaults_appear(self, declared, life, window):
        """API-018."""
        with window("defaults", checks=["API-018"], subject=life.name) as seen:
            seen.facts.update(declared.defaults())

    def test_unknown_fields_go(self, declared, life, window):
        """API-019."""
        with window("unknown fields", checks=["API-019"], subject=life.name) as seen:
            seen.facts.update(declared.unknown_fields())

    def test_bounds_are_held(self, declared, life, window):
        """API-011."""
        with window("variations", checks=["API-011"], subject=life.name) as seen:
            seen.facts.update(declared.variations())


class TestLife:
    """A custom resource that exists."""

    def test_converges(self, life, window):
        """REC-001."""
        with window("create", checks=["REC-001"], subject=life.name) as seen:
            resource = life.create()
            seen.objects.append(resource.key)
            seen.facts["generation"] = resource.generation
            resource.await_ready()
        life.converged = True

    def test_status_is_apart(self, features, life, window):
        """API-017."""
        parts = features.of(life.resource)
        with window("status", checks=["API-017"], subject=life.name) as seen:
            seen.facts.update(parts.status())

    def test_columns_show(self, features, life, window):
        """API-020."""
        parts = features.of(life.at_rest)
        with window("columns", checks=["API-020"], subject=life.name) as seen:
            seen.facts.update(parts.columns())

    def test_changes_are_validated(self, declared, life, window):
        """API-011: rules that compare with the object before."""
        facts = declared.transitions(life.resource)
        if not facts["attempts"]:
            pytest.skip("no rule of the kind compares with the object before")
        with window("transitions", checks=["API-011"], subject=life.name) as seen:
            seen.facts.update(facts)

    def test_scale_scales(self, features, life, window):
        """API-021."""
        parts = features.of(life.at_rest)
        with window("scale", checks=["API-021"], subject=life.name) as seen:
            seen.facts.update(parts.scale())
            if seen.facts.get("put", {}).get("own") is not None:
                life.resource.await_ready()
                seen.facts["settled"] = True
                seen.facts["after"] = parts.scaled()

    def test_versions_keep_everything(self, features, life, window):
        """WEB-006."""
        parts = features.of(life.resource)
        with window("versions", checks=["WEB-006"], subject=life.name) as seen:
            seen.facts.update(parts.round_trips())

    def test_status_is_written_by_its_subresource(self, features, life, window):
        """STA-007: since it was created."""
        parts = features.of(life.resource)
        with window("status writes", checks=["STA-007"], subject=life.name) as seen:
            seen.objects.append(life.resource.key)
            seen.facts.update(parts.status(), since=life.resource.created.wall_ns)

    def test_webhooks_are_called(self, features, life, window):
        """WEB-008."""
        hooks = features.webhooks(life.factory, life.resource)
        with window("webhooks", checks=["WEB-008"], subject=life.name) as seen:
            seen.facts.update(hooks.called())

    def test_admission_is_stable(self, declared, features, life, rest, window):
        """WEB-004."""
        hooks = features.webhooks(life.factory, life.resource)
        if hooks.found:
            rest.begin()
        with window("admission", checks=["WEB-004"], subject=life.name) as seen:
            seen.facts["webhooks"] = hooks.names
            if hooks.found:
                seen.facts.update(declared.again())

    def test_fails_as_declared_while_it_is_down(self, features, life, operator, window):
        """WEB-003, and INS-002: it comes back."""
        hooks = features.webhooks(life.factory, life.resource)
        with window("down", checks=["WEB-003"], subject=life.name) as seen:
            if hooks.found:
                operator.stop()
                try:
                    seen.facts.update(hooks.without())
                finally:
                    operator.start()
        if hooks.found:
            with window("back", checks=["INS-002"], subject=life.name) as seen:
                seen.facts.update(operator.readiness())


def test_stayed_up(window):
    """INS-003."""
    window.whole_run("INS-003")


def test_was_denied_nothing(window):
    """RBA-004."""
    window.whole_run("RBA-004")


def test_logged_no_panic(window):
    """OBS-006."""
    window.whole_run("OBS-006")
