"""Stage 5, the soak suite: does it leak? From plateaus at rest, one a cycle.

trend    slopes, intervals, noise and what could have been seen; many series at once
leaks    the verdict on each signal of a soak
signals  which signals a soak has, and what growth of each matters
drift    latency, throughput and failures from cycle to cycle
audited  what the audit log and the processor's clock add to plateaus
profiles what grew between two of Go's profiles, by call site
blame    the same, and what descriptors lead to
result   a soak's result from its evidence

Importing these loads NumPy and SciPy.
"""
