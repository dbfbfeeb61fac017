"""Tests of harness.probes.prometheus."""
