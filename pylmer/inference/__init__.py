"""Questions that fit again."""
