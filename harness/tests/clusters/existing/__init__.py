"""Tests of the provider `existing`."""
