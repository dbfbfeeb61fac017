"""Tests of harness.catalogue."""
