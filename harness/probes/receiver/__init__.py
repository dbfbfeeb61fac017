"""Stage 4b: the watch receiver, a process of its own that writes evidence/load/events.i64.

It shares nothing with the load child: no interpreter, no connection, no event loop. What it stamps
is when an event's last byte had arrived.

    python -m harness.probes.receiver PLAN       PLAN is a ReceiverPlan as JSON, a private file

plan      what it is told, and what it tells back
objects   one event's bytes to the few numbers of its row; what is remembered of each object
receiver  watches, rows, its own CPU and memory
"""
