"""Trajectory banks: all segments of many puzzles, logged once; and the banks that ship."""
