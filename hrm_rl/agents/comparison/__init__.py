"""Policies side by side on two banks: fitted on one, scored on the other; tables and plots."""
