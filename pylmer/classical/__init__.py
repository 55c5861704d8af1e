"""lm, and aov with Error strata: what a mixed model is contrasted with."""
