"""A fitted policy comes back from its file as it was, and only where it belongs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import damage
import pytest
import safetensors.torch
import torch
from scripted import PUZZLES, tiny_hrm
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

import hrm_rl
from hrm_rl.agents.comparison.kept import keep
from hrm_rl.agents.comparison.score import score
from hrm_rl.agents.learners import learner
from hrm_rl.agents.learners.inputs import Standardise
from hrm_rl.agents.learners.policies import ChancePolicy, QPolicy
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.rules import rule
from hrm_rl.agents.sb3 import SB3Policy, SB3VecEnv
from hrm_rl.agents.trained import SHIPPED, check_fits, is_saved, read_saved, save_policy, shipped
from hrm_rl.banks.bank import log_bank, play
from hrm_rl.banks.files import read_header
from hrm_rl.banks.header import find_bank, weights_hash
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.cli.main import main
from hrm_rl.models.tensorfile import FORMAT, save_tensors

BANK = bank_a(60, 4)


def linear(weight: list[list[float]], bias: list[float]) -> nn.Sequential:
    layer = nn.Linear(len(weight[0]), len(weight))
    layer.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
    return nn.Sequential(layer)


def saved(path: Path, policy: Any, on: Any = BANK, **more: Any) -> Path:
    return save_policy(path / "mine", policy, on, max_segments=4, **more)


def test_a_policy_of_known_numbers_decides_by_them(tmp_path: Path) -> None:
    """Standardised: (3 - 1) / 2 = 1. Q_halt = 1 - m/4, Q_continue = 0.25: halt at m < 3; a tie continues."""
    standard = Standardise(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 1.0]))
    network = nn.Sequential(standard, *linear([[1.0, -1.0], [0.0, 0.0]], [0.0, 0.25]))
    seen = torch.tensor([[3.0, 0.25], [3.0, 0.5], [3.0, 0.75], [3.0, 1.0]])
    m = torch.tensor([1, 2, 3, 4])
    for tie, third in (("continue", False), ("halt", True)):
        again = hrm_rl.load_policy(saved(tmp_path, QPolicy(network, "o", tie=tie)))
        assert again(seen, m).tolist() == [True, True, third, False]
    again = hrm_rl.load_policy(saved(tmp_path, ChancePolicy(linear([[0.0, 4.0]], [-2.0]), "o")))
    assert again(seen, m).tolist() == [False, False, True, True]  # the logit 4 m/4 - 2 is above 0


@pytest.mark.parametrize(
    "name", ["act_q", "exact_pg", "graves", "hazard", "recurrent_pg", "fqi", "probe", "ppo", "dqn"]
)
def test_what_a_learner_learnt_halts_where_it_did(name: str, tmp_path: Path) -> None:
    env = play_on(BANK, observation="o", slots=4, step_cost=0.01)
    policy = learner(name)(env, steps=2048, seed=0)
    path = saved(tmp_path, policy, about=f"{name} of a test")
    state = torch.get_rng_state()
    again = rule(str(path))
    assert torch.equal(state, torch.get_rng_state())  # reading draws nothing
    assert torch.equal(play(BANK, again).segment_P, play(BANK, policy).segment_P)
    assert read_saved(path).about == f"{name} of a test"
    assert path.read_bytes() == saved(tmp_path / "b", again, about=f"{name} of a test").read_bytes()
    row, there = score(path, BANK), score(policy, BANK)
    assert (row.name, row.kind) == ("mine", "learner")
    assert (row.accuracy, row.segments) == (there.accuracy, there.segments)


@pytest.mark.parametrize("algorithm", [PPO, A2C, DQN])
def test_an_algorithm_of_sb3_is_kept_with_what_scaled_its_observations(
    algorithm: Any, tmp_path: Path
) -> None:
    envs = VecNormalize(SB3VecEnv(play_on(BANK, observation="o", slots=4)))
    few = {"learning_starts": 4} if algorithm is DQN else {"n_steps": 4}
    few |= {"batch_size": 8} if algorithm is PPO else {}
    agent = algorithm("MlpPolicy", envs, seed=1, device="cpu", **few).learn(64)
    again = hrm_rl.load_policy(saved(tmp_path, agent))
    assert again.observation == "o" and again.time_aware  # type: ignore[attr-defined]
    seen, m = torch.randn(500, 2) * 3, torch.ones(500, dtype=torch.int32)
    assert torch.equal(again(seen, m), SB3Policy(agent, "o")(seen, m))
    envs.clip_obs = 5.0
    with pytest.raises(ValueError, match=r"cannot be kept.*clips at 5.*algorithm.save keeps it"):
        saved(tmp_path, agent)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a tiny model's segments, for a horizon of 3."""
    bank = log_bank(tiny_hrm(), PUZZLES, 3)
    assert bank.weights == bank.first(2).weights == weights_hash(tiny_hrm())
    policy = learner("exact_pg")(play_on(bank, slots=4), steps=64, seed=0)
    path = tmp_path_factory.mktemp("fitted") / "mine"
    return save_policy(path, policy, tiny_hrm(), max_segments=3)


def test_it_fits_the_model_and_the_horizon_that_it_was_fitted_on(fitted: Path) -> None:
    model = tiny_hrm()
    check_fits(fitted, model, 3)
    check_fits("stable-2", model, 7)  # rules look at nothing of the kind
    torch.nn.init.zeros_(model.q_head.weight)
    for on in (model, log_bank(model, PUZZLES, 3)):
        with pytest.raises(ValueError, match="fitted on segments of other weights than the"):
            check_fits(fitted, on, 3)
    for other_config in ({"noise": 0.5}, {"H_cycles": 3}):
        stirred = tiny_hrm()
        stirred.config = replace(stirred.config, **other_config)
        (name, there), *_ = other_config.items()
        apart = (
            f"differ in what thinks: {name} {getattr(tiny_hrm().config, name)} and {there}; fit it"
        )
        for on in (stirred, log_bank(stirred, PUZZLES, 3)):
            with pytest.raises(ValueError, match=apart):
                check_fits(fitted, on, 3)
    check_fits(fitted, log_bank(tiny_hrm(), PUZZLES, 3), 3)
    with pytest.raises(ValueError, match="fitted for 3 segments at most, got 4"):
        check_fits(fitted, tiny_hrm(), 4)
    other = bank_a(6, 3)  # of no weights
    with pytest.raises(ValueError, match="observation of the policy must be one of o"):
        score(fitted, other)


@pytest.mark.parametrize(
    ("policy", "on", "said"),
    [
        (rule("stable-2"), BANK, "a rule is kept by its name"),
        (
            QPolicy(linear([[1.0, 1.0, 1.0]] * 2, [0.0] * 2), "o"),
            BANK,
            "sees 3 numbers, and o has 2",
        ),
        (
            QPolicy(linear([[1.0, 1.0]] * 2, [0.0] * 2), "p"),
            BANK,
            "observation of the policy must be",
        ),
        (QPolicy(linear([[1.0, 1.0]] * 3, [0.0] * 3), "o"), BANK, "has not 3 outputs"),
        (QPolicy(linear([[1.0, float("nan")]] * 2, [0.0] * 2), "o"), BANK, "finite numbers"),
        (QPolicy(nn.Sequential(nn.GELU()), "o"), BANK, "got GELU"),
        (QPolicy(linear([[1.0, 1.0]] * 2, [0.0] * 2), "o"), "no-such", 'no bank "no-such"'),
        (lambda obs, m: m > 2, BANK, "a function cannot be saved"),
    ],
)
def test_what_cannot_be_kept_is_refused(policy: Any, on: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said) as error:
        saved(tmp_path, policy, on)
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())


def rewritten(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Any]:
    """What writes the file again with its JSON changed, and sealed as it should be."""

    def write(path: Path) -> None:
        with safetensors.safe_open(path, "pt") as file:
            said = json.loads(file.metadata()["policy"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        change(said)
        save_tensors(path, tensors, {**FORMAT, "policy": json.dumps(said)})

    return write


WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (Path.unlink, "No such file"),
    "empty": (lambda path: path.write_bytes(b""), "cut short"),
    "short": (lambda path: path.write_bytes(path.read_bytes()[:900]), "cut short"),
    "text": (lambda path: path.write_text("q"), "cut short"),
    "weights": (
        lambda path: save_tensors(path, tiny_hrm().state_dict()),
        "as weights of a model do",
    ),
    "later": (rewritten(lambda said: said.update(version=2)), '"version" must be'),
    "kind": (rewritten(lambda said: said.update(policy="os.system")), '"policy" must be one of'),
    "entry": (rewritten(lambda said: said.pop("layers")), 'no entry "layers"'),
    "settings": (rewritten(lambda said: said["settings"].update(threshold=7)), '"threshold" must'),
    "layers": (rewritten(lambda said: said["layers"].pop()), "do not fit its tensors"),
    "no layer": (rewritten(lambda said: said.update(layers=["Dropout"])), "do not fit its tensors"),
    "many": (rewritten(lambda said: said.update(layers=["Tanh"] * 99)), "1 to 64 layers"),
    "outputs": (
        rewritten(lambda said: said.update(policy="QPolicy", settings={"tie": "halt"})),
        "has",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_policy_is_one_sentence(
    name: str, fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(fitted.read_bytes())
    spoil, said = WRONG[name]
    spoil(path)
    assert main(["score", str(path), "sudoku9-test"]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1 and "mine.safetensors is no policy that can be read" in err
    assert said in err


def test_a_turned_bit_is_noticed(fitted: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(fitted.read_bytes())
    there = read_saved(path)
    seen, m = torch.randn(50, there.features), torch.ones(50, dtype=torch.int32)
    decided = there.policy(seen, m)

    def same(again: Any) -> bool:
        return again[1:] == there[1:] and torch.equal(again.policy(seen, m), decided)

    found = damage.outcomes([path], 150, 0, lambda: read_saved(path), same)
    assert found["noticed"] >= 140 and set(found) <= {"noticed", "harmless"}, found


def test_a_comparison_keeps_what_it_learnt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = play_on(BANK, observation="o", slots=4)
    learned = {
        f"learned {name}": [learner(name)(env, steps=64, seed=seed) for seed in (0, 1)]
        for name in ("exact_pg", "lsmc")
    }
    paths = keep(learned, BANK, 4, tmp_path / "policies", "64 decisions")
    assert [path.name for path in paths] == ["exact_pg-0.safetensors", "exact_pg-1.safetensors"]
    assert "not kept, lsmc: a Snell cannot be saved" in capsys.readouterr().out
    assert read_saved(paths[1]).about == "exact_pg, seed 1, 64 decisions"


# --- those that ship ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_policy_is_of_the_shipped_bank_and_gains_on_its_other_half(name: str) -> None:
    """After new weights or banks: scripts/ship_policies.py."""
    found = read_saved(name)
    model, _, learnt = name.partition("-")
    assert found.weights == read_header(find_bank(f"{model}-fit")).weights
    assert found.about.startswith(f"{learnt}, ") and found.max_segments == 16
    assert score(name, f"{model}-test", step_cost=0.01).gain[0.01].low > 0
    with pytest.raises(ValueError, match=f"{name} was fitted on segments of other weights"):
        score(name, "maze8-test")


def test_what_ships_is_what_the_script_makes() -> None:
    from loading import module_of

    made = module_of("ship_policies")
    assert [f"{made.MODEL}-{name}" for name in sorted(made.LEARNERS)] == shipped()
    assert all(is_saved(SHIPPED / f"{name}.safetensors") for name in shipped())


@pytest.mark.slow
def test_a_shipped_policy_comes_out_again() -> None:
    """Other processors round otherwise, so not bit by bit."""
    from loading import module_of

    bank = hrm_rl.read_bank("sudoku9-fit").first(16)
    again = play(bank, module_of("ship_policies").fitted("exact_pg")).segment_P
    there = play(bank, hrm_rl.load_policy("sudoku9-exact_pg")).segment_P
    assert (again == there).double().mean() > 0.95


@pytest.mark.slow
def test_commands_take_a_shipped_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "sudoku9-exact_pg"
    assert main(["evaluate", "--policy", name, "--limit", "4"]) == 0
    assert f"\n{name} " in capsys.readouterr().out
    assert main(["watch", "--policy", name, "--gif", str(tmp_path / "a.gif")]) == 0
    assert main(["evaluate", "--policy", name, "--max-segments", "8", "--limit", "4"]) == 2
    assert "fitted for 16 segments at most, got 8" in capsys.readouterr().err
    assert main(["evaluate", "sudoku4", "--policy", name, "--limit", "4"]) == 2
    assert "other weights than the model has" in capsys.readouterr().err
    args = ["--fit-bank", "sudoku9-fit", "--test-bank", "sudoku9-test", "--learners"]
    out = ["--out", str(tmp_path / "out"), "--policies", name, "--no-plots"]
    assert main(["compare", *args, *out]) == 0
    assert name in (tmp_path / "out" / "compare.csv").read_text()
