"""Tests of harness.analysis.static."""
