"""Tests of the scope checks."""
