"""Criterion -> optimum."""
