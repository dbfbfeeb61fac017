"""The provider `existing`: a cluster that somebody else made, and that others may use now.

selection    which context of which kubeconfig; it must be named
demands      what a run will do there, as requests
permissions  which of these aren't allowed
conflicts    what is there already under the names of the target
presence     what isn't there of an operator that is said to be
claim        private folder with the kubeconfig and the ledger of what was made; outlives a kill
cleanup      removes what a claim's ledger holds; also a program of its own
collection   waits until the garbage collector knows the operator's kinds
auditlog     follows the audit log that the user gave into the evidence
description  capabilities, facts and blind spots
"""
