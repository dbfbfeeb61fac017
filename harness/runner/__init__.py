"""The only place that knows the order of the stages.

prepare   1   target and suites loaded, binaries found, operator built, manifests rendered,
              tests collected: whatever is wrong here is exit 4 or 3, and nothing has run
execute   2-4 cluster, install, probes, suites; writes evidence only
conclude  5-7 judge, verdict, reports; reads evidence only, also for `harness report`
"""
