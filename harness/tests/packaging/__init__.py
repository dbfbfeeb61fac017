"""Tests of the wheel: what it holds, and that it works where no checkout is."""
