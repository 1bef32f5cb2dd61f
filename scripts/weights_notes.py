"""What the card of weights that ship says beside what is measured."""

NOTES = {
    "maze8": """
A cell
sees its row and its column alone (token mixer "neighbours"), a prior that the paper's model does not have.
Pilots, right by the rules on the fit split after 4 / 16 segments. 130 core-seconds with 16 segments at most:
this model 4.0 / 3.6 % (1,979 steps), the MLP token mixer in its place 2.0 / 0.8 % (1,752 steps), TRM with one
layer, four updates a recursion, the MLP token mixer and `halt_bce` 1.2 / 0.8 % (1,429 steps). 65 core-seconds
of this model: with 16 segments 1.2 / 0.8 % (980 steps), with 4, as the run begins here, 20.0 / 23.6 %
(998 steps).
""",
    "queens8": """
The hours are those of a machine that was shared: on a core of its own it takes about six minutes. 42 % of
the test puzzles have several answers. The loss asks for the one nearest to what the model says
(`answers="nearest"`), so "right by the rules" is what it was trained for, and `exact` counts the stored
answer, which is one of several. Trained on the stored ones with the gradient of one step, 17 % of the
puzzles with several answers were right by the rules after 16 segments: the model learned a mixture of
answers, which is none. No training puzzle is a mirrored or turned copy of a test puzzle, but of the 12
solutions that differ up to symmetry the model has seen each. The weights ship in half precision.
""",
}
