"""Stage 4b: what we see of the operator, written as evidence while it happens.

recorder   starts and stops all that runs beside a suite
timeline   watch events of one resource; redaction strips the objects
pods       starts and ends of the operator's containers; podlogs what they print
kubelet    CPU and memory of containers, as their kubelets tell
portforward  ports of this machine that lead to Pods: a program of its own
processes  CPU, memory, threads and descriptors, once a second
metrics    scrapes and health probes, on demand
barrier    waits until what has happened is in the evidence
notes      what a probe missed
"""
