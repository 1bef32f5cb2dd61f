"""Draw `docs/puzzles.png`: a puzzle of each kind, as its model left it when its own rule halted:
`python scripts/pictures.py`.
"""

from pathlib import Path
from typing import Final

from PIL import Image

from hrm_rl.agents.rules import rule
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.gif import contact_sheet
from hrm_rl.envs.watch import solve_frames
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles.source import for_model

ROOT = Path(__file__).resolve().parents[1]
SHOWN: Final = {"maze8": 3, "arc6": 28, "queens8": 5, "parity-steps": 1, "life-steps": 4}
"""Test puzzle of each checkpoint."""
SIDE = 320


def halted(checkpoint: str, number: int) -> Frame:
    """The last frame of a solve."""
    model, _ = load_model(checkpoint)
    puzzle = for_model(model.config, split="test").take([number])
    *_, last = solve_frames(model, puzzle, rule("q"), 16)
    return last


def main() -> None:
    frames = [halted(*each) for each in SHOWN.items()]
    path = ROOT / "docs" / "puzzles.png"
    Image.fromarray(contact_sheet(frames, len(frames), SIDE)).save(path, optimize=True)
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
