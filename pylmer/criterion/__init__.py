"""theta -> criterion and gradient."""
