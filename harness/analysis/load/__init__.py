"""Stage 5, the load suite: from raw stamps to latencies, the knee, and what holds an operator back.

samples      the stamps of arrivals and watch events, read into narrow arrays
join         the four stamps of each arrival, and its fate
percentiles  exact percentiles with intervals
omission     coordinated omission: the closed form, and what a closed loop would have said
phases       what each phase shows
sustain      whether a rate is sustained, with reasons
knee         the search for the highest such rate, as a pure function of its steps
steps        judges the steps of a search, during the run and after it
little       Little's law, held against the stamps
exposition identities native
             what the operator's own counters say exactly
attribution signs
             what holds it back, with the numbers that show it
blocks bootstrap alarms
             stretches of equal load; the interval of a ratio over them, and how often it is wrong
comparison   two builds, by their blocks
interleaved  two builds that ran in turn in one run
stored       two builds, by two kept runs
growth sizes how figures grow with the number of objects
timeline     the load over time, for charts
result figures
             all of it, from a run's evidence; the figures that gates are held against

Importing these loads NumPy and SciPy; nothing outside imports them but where a load is analysed.
"""
