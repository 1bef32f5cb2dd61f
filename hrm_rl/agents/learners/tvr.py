"""Tsitsiklis-Van Roy: backward induction on fitted values.

As `lsmc`, with another target of going on: the fitted value of the next segment, in place of what
the fitted rule got there,

    C_m(o) ~ E[max(H_{m+1}, C_{m+1})(o_{m+1}) | o_m = o] - step_cost.

Source: Tsitsiklis and Van Roy 1999. Deviations and hyperparameters: those of `lsmc`. The maximum
over two fitted values leans upwards, segment by segment; in exchange its targets are smooth.
"""

from __future__ import annotations

from functools import partial

from hrm_rl.agents.learners import lsmc

learn = partial(lsmc.learn, targets="values")
"""As `lsmc.learn`."""
