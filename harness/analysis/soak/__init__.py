"""Stage 5, the soak suite: does it leak? From plateaus at rest, one a cycle.

trend    slopes, intervals, noise and what could have been seen; many series at once
leaks    the verdict on each signal of a soak

Importing these loads NumPy and SciPy.
"""
