"""Tests of the RBAC ledger."""
