"""Mazes: rules, generator, and which other shortest ways are right."""
