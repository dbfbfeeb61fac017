"""Tests of the soak as suites use it."""
