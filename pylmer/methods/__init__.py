"""Questions that one fit answers, never fitting again."""
