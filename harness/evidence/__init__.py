"""The run folder: the waist between the stages that need a cluster and those that don't.

Evidence is append-only and on disk as it happens, so that a killed run can still be judged.
`RunFolder` names every file; `NdjsonWriter` and `ColumnWriter` write; `Evidence` reads it all
back, typed; `audit` reads the API server's own format; `tail` follows a file that grows;
`loglines` makes a line of a log readable; `dialects` reads metrics under an operator's own names.
"""
