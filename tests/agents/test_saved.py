"""What SB3 saved acts as what SB3 loads, and nothing in the file is unpickled."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from stable_baselines3 import A2C, DQN, PPO

from hrm_rl.agents.comparison.score import score
from hrm_rl.agents.learners import learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.saved import read_network
from hrm_rl.agents.sb3 import SB3VecEnv
from hrm_rl.banks.synthetic import bank_a

BANK = bank_a(60, 4)


def trained(algorithm: Any, **settings: Any) -> Any:
    env = play_on(BANK, observation="o", slots=4)
    made = algorithm("MlpPolicy", SB3VecEnv(env), seed=1, device="cpu", **settings)
    return made.learn(64)


CASES = {
    "ppo": lambda: trained(PPO, n_steps=4, batch_size=8),
    "wide": lambda: trained(
        A2C, n_steps=4, policy_kwargs={"net_arch": [8, 9, 10], "activation_fn": torch.nn.ELU}
    ),
    "dqn": lambda: trained(DQN, learning_starts=4, buffer_size=50),
    "ours": lambda: learner("ppo")(play_on(BANK, observation="o"), steps=2048, seed=0).algorithm,
}


@pytest.mark.parametrize("name", CASES)
def test_a_saved_algorithm_halts_where_it_did(name: str, tmp_path: Path) -> None:
    from hrm_rl.agents.sb3 import SB3Policy

    algorithm = CASES[name]()
    algorithm.save(tmp_path / "mine")
    network, width = read_network(tmp_path / "mine.zip")
    seen = torch.randn(500, width) * 3
    there = SB3Policy(algorithm, "o")(seen, torch.ones(500, dtype=torch.int32))
    scores_B2 = network(seen)
    assert torch.equal(scores_B2[:, 0] > scores_B2[:, 1], there)
    by_path = score(str(tmp_path / "mine.zip"), BANK)
    by_object = score(algorithm, BANK)
    assert (by_path.name, by_path.kind) == ("mine", "learner")
    assert by_path.accuracy == by_object.accuracy and by_path.segments == by_object.segments


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "ppo.zip"
    CASES["ppo"]().save(path)
    return path


def damaged(saved: Path, path: Path, **parts: bytes) -> Path:
    """A copy with other parts."""
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            key = name.replace(".", "_")
            if parts.get(key) != b"":
                new.writestr(name, parts.get(key) or old.read(name))
    return path


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('unpickled')",))


def test_nothing_is_unpickled(saved: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        data = json.loads(archive.read("data"))
    for value in data.values():
        if isinstance(value, dict) and ":serialized:" in value:
            value[":serialized:"] = "gASVOgAAAAAAAAB9lC4="  # read_network must not look here
    path = damaged(saved, tmp_path / "a.zip", data=json.dumps(data).encode())
    assert read_network(path)[1] == 2
    torch.save({"action_net.weight": Evil()}, tmp_path / "evil.pth")
    for content in ((tmp_path / "evil.pth").read_bytes(), pickle.dumps(Evil(), protocol=2)):
        path = damaged(saved, tmp_path / "b.zip", policy_pth=content)
        with pytest.raises(ValueError, match="load it with stable-baselines3"):
            read_network(path)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"policy_pth": b""}, "lacks the parts"),
        ({"data": b"[]"}, "cannot|no|must"),
        ({"data": b'{"policy_kwargs": {"activation_fn": "mine.Sine"}}'}, "activation function is"),
    ],
)
def test_a_damaged_file_is_one_sentence(
    saved: Path, tmp_path: Path, parts: dict[str, bytes], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as error:
        read_network(damaged(saved, tmp_path / "c.zip", **parts))
    assert len(str(error.value).splitlines()) == 1


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"no zip")
    for name in ("x.zip", "missing.zip"):
        with pytest.raises(ValueError, match=f"{name} is no policy that can be read"):
            score(str(tmp_path / name), BANK)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"action_net.weight": torch.zeros(3, 64), "action_net.bias": torch.zeros(3)}, "among 3"),
        ({"lstm_actor.weight_ih_l0": torch.zeros(1)}, "no MlpPolicy"),
        ({"features_extractor.cnn.weight": torch.zeros(1)}, "features extractor of its own"),
        ({"action_net.bias": torch.zeros(5)}, "action_net is no linear layer"),
    ],
)
def test_other_policies_are_refused(
    saved: Path, tmp_path: Path, change: dict[str, torch.Tensor], said: str
) -> None:
    with zipfile.ZipFile(saved) as archive, archive.open("policy.pth") as file:
        (tmp_path / "p.pth").write_bytes(file.read())
    state = torch.load(tmp_path / "p.pth", weights_only=True) | change
    torch.save(state, tmp_path / "p.pth")
    path = damaged(saved, tmp_path / "d.zip", policy_pth=(tmp_path / "p.pth").read_bytes())
    with pytest.raises(ValueError, match=said):
        read_network(path)


def test_an_algorithm_that_saw_something_else_is_refused(saved: Path) -> None:
    with pytest.raises(ValueError, match="sees 2 numbers, and the bank has"):
        score(str(saved), BANK, observation="scalars")
