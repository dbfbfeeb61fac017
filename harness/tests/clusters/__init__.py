"""Clusters: what is rendered, and what real ones do."""
