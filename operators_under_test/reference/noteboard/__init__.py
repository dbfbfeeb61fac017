"""An operator in Python on kopf: each Noteboard gets a Deployment, a Service and two ConfigMaps.

handlers     what kopf calls, and when a Noteboard is looked at again
reconciler   one look: children brought to the spec, status to what is seen; the clean-up
children     what the children should be                    pure
comparing    whether an object already holds what we want   pure
status       what follows from the children                 pure
names        names of the children, and whose they are      pure
api          the few requests that this needs
defects      the faults of the twins
"""
