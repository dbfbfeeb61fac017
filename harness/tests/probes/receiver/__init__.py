"""Tests of harness.probes.receiver."""
