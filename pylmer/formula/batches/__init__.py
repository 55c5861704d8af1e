"""Rows that are read in batches: two passes, one to learn and one to sum, and no table in memory."""
