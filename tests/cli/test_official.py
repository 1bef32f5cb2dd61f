"""Public checkpoints and files that are none, as the command takes them: a result, or one line and 2."""

from pathlib import Path

import gymnasium
import pytest
import torch
import yaml

from hrm_rl.cli.main import main
from hrm_rl.models import build
from hrm_rl.models.checkpoint import Guessed, save_tensors
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.models.official import official_state

ARCH = {
    "name": "hrm.hrm_act_v1@HierarchicalReasoningModel_ACTV1", "H_cycles": 1, "L_cycles": 1,
    "H_layers": 1, "L_layers": 1, "hidden_size": 16, "num_heads": 2, "expansion": 2,
    "puzzle_emb_ndim": 16, "pos_encodings": "rope", "halt_max_steps": 2,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two steps of a public maze run."""
    with torch.random.fork_rng():
        model = build(HRMConfig(6, 900, width=16, heads=2, H_layers=1, L_layers=1, expansion=2.0))
    for step in (5, 40):
        save_tensors(tmp_path / f"step_{step}", official_state(model, compiled=True))  # type: ignore[arg-type]
    (tmp_path / "all_config.yaml").write_text(yaml.dump({"arch": ARCH, "data_path": "data/maze"}))
    return tmp_path


@pytest.mark.filterwarnings("default::hrm_rl.checks.guessed.Guessed")
def test_a_folder_of_steps_is_evaluated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--puzzles", "maze30:2:0", "--max-segments", "1", "--device", "cpu"]
    assert main(["evaluate", str(folder), *options]) == 0
    out, err = capsys.readouterr()
    assert "on 2 puzzles" in out and "by the rules" in out
    lines = [line for line in err.splitlines() if line.startswith("hrm-rl: ")]
    assert len(lines) == 1 and "of 2 checkpoints there, step_40 has the highest step" in lines[0]


@pytest.mark.filterwarnings("default::hrm_rl.checks.guessed.Guessed")
def test_guesses_are_one_line_of_stderr(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "all_config.yaml").unlink()
    maze = "S" + "." * 899
    assert main(["solve", maze, "--checkpoint", str(folder / "step_5"), "--task", "arc30"]) == 2
    assert "arc30 has 900 tokens of 12, the model reads 900 of 6" in capsys.readouterr().err
    main(["solve", maze, "--checkpoint", str(folder / "step_5"), "--device", "cpu"])
    first, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith("hrm-rl: ") and "H_cycles 2, L_cycles 2, heads 1" in first


def test_an_environment_takes_it_by_its_folder(folder: Path) -> None:
    (folder / "step_5").unlink()
    env = gymnasium.make(
        "HRMMaze-v0", checkpoint=str(folder), puzzles="maze30:2:0", max_segments=2, device="cpu"
    )
    obs, _ = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    (folder / "all_config.yaml").unlink()
    with pytest.warns(Guessed, match="H_cycles 2"):
        gymnasium.make("HRMMaze-v0", checkpoint=str(folder), task="maze30", puzzles="maze30:2:0")


@pytest.mark.parametrize("command", [["evaluate"], ["bank"], ["solve", "." * 81, "--checkpoint"]])
@pytest.mark.parametrize(("name", "content"), [("none.pt", None), ("a.pt", ""), ("b.pt", "text\n")])
def test_what_is_no_checkpoint_is_one_line(
    command: list[str], name: str, content: str | None, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if content is not None:
        (tmp_path / name).write_text(content)
    assert main([*command, str(tmp_path / name)]) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and err.startswith("hrm-rl: ") and name in err


def test_identifiers_that_a_checkpoint_has_no_embedding_for_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with torch.random.fork_rng():
        model = build(HRMConfig(12, 900, width=16, heads=2, H_layers=1, L_layers=1, puzzle_ids=5))
    save_tensors(tmp_path / "step_1", official_state(model))  # type: ignore[arg-type]
    (tmp_path / "all_config.yaml").write_text(yaml.dump({"arch": ARCH | {"expansion": 4}}))
    assert main(["evaluate", str(tmp_path), "--limit", "2", "--device", "cpu"]) == 2
    assert "the checkpoint has embeddings for 5 puzzle identifiers" in capsys.readouterr().err
