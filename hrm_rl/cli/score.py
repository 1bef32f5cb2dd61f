"""`hrm-rl score`: one policy on a bank, exactly."""

import tyro


def score(
    policy: tyro.conf.Positional[str],
    bank: tyro.conf.Positional[str] = "sudoku9-test",
    fit_bank: str = "",
    step_cost: float = 0.01,
    max_segments: int = 0,
    observation: str = "",
    json: bool = False,
) -> None:
    """Score one halting policy on a bank: accuracy at halting, mean segments, value, and what it gains
    over the best fixed number of segments, with 95 % intervals over puzzles. Exact: no episode is drawn.

    Args:
        policy: a rule (q, trm, stable-2, fixed-8 ...), one of your own (my_rules.py:Settled), one that
            was fitted (sudoku9-exact_pg, mine.safetensors), or what stable-baselines3 saved (ppo.zip)
        bank: a shipped bank, or the folder of one that `hrm-rl bank` logged
        fit_bank: where the best fixed number of segments is found; the other half of a pair if left out
        step_cost: what a segment costs, in units of a right answer
        max_segments: forced halt (0: that of the bank)
        observation: what the policy is shown, if it does not say so (scalars, q ...)
        json: print everything as JSON
    """
    from hrm_rl.agents.comparison.report import as_json
    from hrm_rl.agents.comparison.score import score as run_score
    from hrm_rl.checks.numbers import whole

    whole("--max-segments", max_segments, low=0, cure="0 takes that of the bank")
    row = run_score(
        policy, bank, observation=observation, max_segments=max_segments or None,
        step_cost=step_cost, fit_bank=fit_bank or None,
    )  # fmt: skip
    if json:
        print(as_json([row], {"bank": bank}), end="")
        return
    print(row)
    if not row.gain:
        print("no gain: there is no bank to find the best fixed number on; give --fit-bank")
