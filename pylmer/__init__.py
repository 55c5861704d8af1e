"""Linear mixed-effects models with lme4's names, numbers and printed text."""
