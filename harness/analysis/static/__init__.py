"""Stage 5, static: what the rendered manifests, the samples and the operator's own tests show.

material    the manifests as the rules read them: CRDs, workloads, webhooks
rules       from a rule over one thing to a check over all of them
schemas     walking structural schemas
structure, fields, conditions, columns, versions   rules for CRDs
samples     rules for samples
removed     API versions that Kubernetes has dropped
workloads, networks, webhooks   rules for what runs and what is called
upgrade     CRDs beside those of the release before
own         the operator's own unit tests

A rule is a pure function of one thing. It yields flaws, each at a line of manifests.ndjson.
"""
