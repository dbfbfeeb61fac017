"""Tests of harness.evidence."""
