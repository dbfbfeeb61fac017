"""The guard, as the rest of the harness relies on it."""
