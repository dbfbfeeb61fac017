"""Stage 3: the operator of a Deployment as a local process that believes it is in its Pod.

Decided before anything is applied:
    drafting     program, ports, notes of one process        ports       which ports move where
From the simulated Pod to a plan, touching nothing:
    plan         the plan itself                             environment, volumes, expansion
    references   fields, resources, ConfigMaps, Secrets      cgroups     limits
Doing it:
    identity     the simulated Pod and its token             refresher   keeps the token fresh
    files        private files of a process                  launching   starts a process
    launcher     becomes the operator, in its namespaces     health      asks its probes
    leadership   who holds its Leases
    installer    all of it, in order                         control     restart, kill, replicas
    rotation     a new token in place of one that is revoked
"""
