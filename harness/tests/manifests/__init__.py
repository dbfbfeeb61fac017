"""Tests of manifests: read, checked, rendered."""
