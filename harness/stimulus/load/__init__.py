"""Stage 4a: load: custom resources at a rate that the operator doesn't decide (open loop).

schedule    when each arrival is due, and what it does
rendering   requests as bytes, before the clock starts
population  which objects are there to be touched
wire        sockets: HTTP/1.1 over TLS, kept alive
generator   sends what is due, never waits for an answer
rows        one row for each arrival that has ended
protocol    what the driver and the child say to each other
client      the child as the driver sees it
child       the process: Locust's runners and web UI around the generator

Only `child` imports Locust, which replaces parts of Python's library when it is imported; `wire`
and `generator` need gevent's loop. Neither is imported by anything but the child.
"""
