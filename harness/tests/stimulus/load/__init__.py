"""Tests of the load's stimulus."""
