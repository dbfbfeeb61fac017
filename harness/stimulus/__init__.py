"""Stage 4a: what we do to the operator; every act is stamped and recorded as evidence.

`samples` turns a target's sample files into objects, `mutation` says what to change in them,
`objects` sends them.
"""
