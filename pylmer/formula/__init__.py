"""Formulas: R's language, and what it means over a table."""
