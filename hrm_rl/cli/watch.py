"""`hrm-rl watch`: a solve in a window or as a GIF."""

from pathlib import Path

import tyro

from hrm_rl.cli.arguments import Device, output, solving


def watch(
    puzzle: tyro.conf.Positional[str] = "",
    checkpoint: str = "sudoku9",
    policy: str = "q",
    by_hand: bool = False,
    max_segments: int = 16,
    gif: Path | None = None,
    seed: int = 0,
    device: Device = "auto",
    task: str = "",
) -> None:
    """Watch a solve in a window (space continues, enter halts with --by-hand) or as a GIF.

    Args:
        puzzle: as text, row by row, or a file; left out, a test puzzle
        checkpoint: a shipped one, a file or a run folder
        policy: the rule that halts, or a policy that was fitted (mine.safetensors)
        by_hand: you decide after each segment
        max_segments: forced halt
        gif: write this file in place of opening a window
        seed: which test puzzle
        device: where
        task: what the checkpoint was trained on ("maze30"), where its files leave that open
    """
    from hrm_rl.agents.rules.basic import FixedSegments
    from hrm_rl.checks.numbers import whole
    from hrm_rl.envs.gif import save_gif
    from hrm_rl.envs.watch import show, solve_frames

    if by_hand and gif:
        raise ValueError("--by-hand needs a window, and --gif writes a file: choose one")
    whole("--max-segments", max_segments, low=1)
    if gif:
        output("--gif", gif, ".gif")
    model, one, halts = solving(puzzle, checkpoint, policy, device, max_segments, seed, task)
    if by_hand:
        halts = FixedSegments(max_segments)
    frames = solve_frames(model, one, halts, max_segments)
    if gif:
        print(save_gif(list(frames), gif))
        return
    halted = show(frames, f"hrm-rl: {one.task}", by_hand=by_hand)
    if halted:
        verdict = "right" if halted.correct else "wrong"
        print(f"halted after segment {halted.segment}: {verdict}")
