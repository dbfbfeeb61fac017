"""Kind clusters: fast tests with a recorded Docker, and real ones (marker `kind`)."""
