"""Queens to be completed."""
