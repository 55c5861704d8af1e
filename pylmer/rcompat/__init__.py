"""What R itself does: random numbers, number formatting, factor levels, rounding, names."""
