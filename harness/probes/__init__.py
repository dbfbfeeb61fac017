"""Stage 4b: what we see of the operator, written as evidence while it happens.

recorder   starts and stops all that runs beside a suite
timeline   watch events of one resource; redaction strips the objects
processes  CPU, memory, threads and descriptors, once a second
metrics    scrapes and health probes, on demand
barrier    waits until what has happened is in the evidence
notes      what a probe missed
"""
