"""Stage 5, SCO: whether the operator stays in the namespaces and kinds that it declares.

declared      what a target says that its operator serves and makes
requests      SCO-101, from the audit log
sentinels     SCO-102, traps in a foreign namespace
confinement   SCO-103, with rights in its namespaces alone
deputy        SCO-104, what it fetches for a tenant
footprint     SCO-105, which kinds it wrote
instances     SCO-003, a second instance beside it
"""
