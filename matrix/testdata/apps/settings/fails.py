"""An import script that cannot be loaded."""
raise LookupError("no such thing")
