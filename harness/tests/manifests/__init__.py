"""Tests of stage 3: how an operator is installed and run."""
