"""Integration: what the tests of one sample share."""

from __future__ import annotations

import pytest

from harness.errors import NotVerified


class Life:
    """One custom resource, made by the test that needs it first."""

    def __init__(self, factory, sample):
        self.factory = factory
        self.sample = sample
        self.accepted = True
        self.converged = False
        self._resource = None

    @property
    def name(self):
        return self.sample.name

    def create(self):
        if not self.accepted:
            raise NotVerified(f"the sample {self.name} was refused (API-010)")
        self._resource = self.factory.create(self.sample)
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


@pytest.fixture
def declared(features, life):
    return features.schema(life.factory, life.sample)
