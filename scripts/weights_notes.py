"""What the card of weights that ship says beside what is measured."""

NOTES = {
    "maze8": """
The hours are those of a machine that was shared: on a core of its own it takes about eight minutes. What was
tried before, on 10x10 mazes: after 3,669 steps the MLP token mixer had 3 % of the fit split exact (4 % right
by the rules) at segment 8; attention with learned positions had solved nothing after 1,200 steps, with a
higher loss, and was given up. The weights ship in half precision.
""",
    "queens8": """
The hours are those of a machine that was shared: on a core of its own it takes about nine minutes. 42 %
of the test puzzles have several answers, of which one is stored. Where there is one, 94 % are right after
16 segments; where there are several, 9 % are the stored answer and 17 % right by the rules: the model
learned a mixture of answers, which is none. No training puzzle is a mirrored or turned copy of a test
puzzle, but of the 12 solutions that differ up to symmetry the model has seen each. The weights ship in
half precision.
""",
}
