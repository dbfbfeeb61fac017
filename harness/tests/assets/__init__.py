"""Tests of harness.assets and of its commands."""
