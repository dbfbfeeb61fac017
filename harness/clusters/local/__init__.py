"""Stage 2, `local`: etcd, API server, controller-manager and scheduler as processes, by kwokctl.

kwokctl renders command lines and starts the processes; added here is what it lacks: ports of
our choice, identities, audit, single components, simulated nodes.

    provider       creates and deletes
    configuration  the KwokctlConfiguration
    layout         all files, written before the start
    pki            certificates and kubeconfigs, one identity a component
    identities     whose name each of them is
    ports          chosen and reserved machine-wide
    components     the running processes: alive, last lines, stop, start
    snapshots      etcd's data, kept and put back
    readiness      nodes, default storage class, and when all is ready
"""
