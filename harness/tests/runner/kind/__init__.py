"""Whole runs on kind clusters."""
