"""The load suite's analysis, held against closed forms and exact simulations."""
