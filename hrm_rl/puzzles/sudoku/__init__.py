"""Sudoku: rules, solver, rating, generator, symmetries."""
