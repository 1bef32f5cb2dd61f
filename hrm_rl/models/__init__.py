"""Architectures: one file each, all with `.initial()` and `.segment()`."""
