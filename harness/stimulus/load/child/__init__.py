"""Stage 4a: the process that generates load: `python -m harness.stimulus.load.child ASSIGNMENT`.

Locust's runners hold it together: a local runner in one process, or a master and its workers; its
statistics and its web UI show what happens. What is measured leaves by files, not through Locust's
statistics, which round. Nothing outside this package imports Locust.

part        a worker's part: runs phases as Locust's one user
teams       all workers as the driver speaks to them: one process, or a master's
statistics  rows of arrivals as entries of Locust's statistics
listener    the unix socket
"""
