"""What goes on inside a model: the paper's Figures 2, 3, 7 and 8 as numbers (Wang et al. 2025).

`steps` shows every low-level step of an HRM; `predictions` (Figure 7), `residuals` (Figure 3),
`participation` (Figure 8) measure what it shows, and `depth` (Figure 2) trains the models that it
compares. Every function returns its numbers; `scripts/inside.py` prints and draws them.
"""
