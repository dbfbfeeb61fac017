"""Tests of harness.kube."""
