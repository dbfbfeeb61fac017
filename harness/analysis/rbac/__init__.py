"""Stage 5, RBAC: what the operator's identities may do, and what they did of it.

rules        does a rule allow a request? the API server's own matching
authorizer   which rules of which bindings reach an identity
grants       rules spread out: one row for each resource and verb, wildcards resolved
ledger       each grant with what the audit log shows of its use
minimal      the smallest roles under which the run would have gone the same way
dangers      grants that are dangerous whoever holds them (RBA-101 to RBA-117)
"""
