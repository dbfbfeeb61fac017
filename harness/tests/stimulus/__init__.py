"""Tests of stage 4a: samples, mutations, requests."""
