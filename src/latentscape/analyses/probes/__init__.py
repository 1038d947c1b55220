"""Probes: labels read from frozen codes."""
