"""The soak's statistics, held against simulations of known truth."""
