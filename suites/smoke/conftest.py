"""Smoke: what the tests of one sample share."""

from __future__ import annotations

import pytest

from harness.errors import NotVerified


class Life:
    """One custom resource from creation to deletion, step by step.

    A step that needs an earlier one asks for it, and is not verified where that one failed.
    """

    def __init__(self, factory, sample):
        self.sample = sample
        self._factory = factory
        self._resource = None
        self.accepted = True
        self.converged = False

    @property
    def name(self):
        return self.sample.name

    def create(self):
        if not self.accepted:
            raise NotVerified(f"the sample {self.name} was refused (API-010)")
        self._resource = self._factory.create(self.sample)
        return self._resource

    @property
    def resource(self):
        if self._resource is None:
            raise NotVerified(f"the sample {self.name} could not be created")
        return self._resource

    @property
    def at_rest(self):
        if not self.converged:
            raise NotVerified(f"the sample {self.name} did not converge (REC-001)")
        return self.resource


@pytest.fixture(scope="class")
def life(custom_resource, sample):
    return Life(custom_resource, sample)
