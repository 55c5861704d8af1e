"""Storage and factorizations: the only code that knows how the cross-products are kept."""
