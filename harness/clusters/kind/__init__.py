"""Stage 2, `kind`: nodes as containers of a Docker engine, with kubelets and real pods.

kind makes the nodes and runs kubeadm in them; added here is what it lacks: time-outs, identities,
audit, a deletion that is certain, and errors that say what to do.

    provider       creates and deletes
    cluster        pytest-kind's `KindCluster`, with our ways to call programs
    configuration  the kind config
    layout         all files, written before the start
    identities     whose name each of them is
    calls          runs kind and docker, with time-outs, and remembers how long they took
    engine         what the Docker engine has: images, nodes, networks
    images         which node image, and what it can do
    readiness      when all is ready
    components     static pods and services of the node: last lines, stop, start
    exports        logs of nodes and pods, as evidence
    leftovers      nodes whose cluster is gone, found by label
    farewell       what a guard runs at its end
    troubles       errors of kind and Docker, with cause and remedy
    description    what the cluster says about itself
"""
