"""A script that cannot be loaded."""
raise ValueError("not ready on purpose")
