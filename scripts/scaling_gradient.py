"""What the gradients of HRM that go further back cost, on the shapes of `scaling.py`.

    python scripts/scaling_gradient.py

Prints the last table of docs/scaling.md, counted as the others are. `benchmark.py --only memory`
measures the peaks of processes.
"""

from __future__ import annotations

from dataclasses import replace

from scaling import MIB, flops, per_slot, table, tasks

from hrm_rl.models.hrm import GRADIENTS


def gradients() -> list[str]:
    """FLOPs of a step and bytes kept for backward, each beside those of the paper's gradient."""
    rows = []
    for task in tasks()[:2]:  # ARC is a maze with more tokens
        paper: tuple[float, float] | None = None
        for gradient in GRADIENTS:
            config = replace(task.model, gradient=gradient)
            work, kept = float(flops(config, 1, "delayed")), per_slot(config)[0].kept
            paper = paper or (work, kept)
            rows.append(
                f"{task.name} | {gradient} | {work / 1e9:.1f} | {work / paper[0]:.2f} | "
                f"{kept / MIB:.1f} | {kept / paper[1]:.2f}"
            )
    head = "task | gradient | step, delayed, GFLOP | times one-step"
    return table(head + " | kept for backward, MiB/slot | times one-step", rows)


if __name__ == "__main__":
    print("\n".join(gradients()))
