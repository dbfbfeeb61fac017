"""Tests of stage 3 where pods really run."""
