"""The frozen types that flow between the stages; imports nothing of ours.

time          Stamp, Span
resource      Resource, ObjectKey
problems      Problem (in files that a user wrote)
target        Target and its parts, Twin          made by stage 1
cluster       Cluster, Capability                 made by stage 2
installation  Installation, Workload, Alteration  made by stage 3
records       what stages 1-4 write as evidence
load          LoadPlan, LoadPhase, the columns of arrivals and watch events
soak          SoakPlan, Plateau: a workload at rest after a cycle of a soak
findings      Finding, CheckOutcome               made by stage 5
measurement   Measurement, Gate, GateResult       made by stages 5 and 6
verdict       Verdict, ExitCode
result        RunResult, the one document that every report is rendered from
"""
