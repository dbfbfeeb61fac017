"""Tests of the load's driver."""
