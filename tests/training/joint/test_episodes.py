"""Learners that judge whole episodes: every loss by hand or by another way to it.

Shapes: B slots, M segments, D width.
"""

from math import exp, log

import pytest
import torch
from chains import never
from torch import Tensor, nn

from hrm_rl.stopping.exact import logit_gradient, rewards
from hrm_rl.training.joint import JointLearner, Memory, Seen, Segment, Terms
from hrm_rl.training.joint.exact_pg import ExactPG
from hrm_rl.training.joint.graves import Graves
from hrm_rl.training.joint.ponder import Ponder

M, B, D = 5, 3, 4
GENERATOR = torch.Generator().manual_seed(0)
LOGIT_BM = torch.randn(B, M, generator=GENERATOR)
CORRECT_BM = torch.tensor([[0, 1, 0, 1, 1], [1, 0, 0, 0, 1], [0, 0, 0, 0, 0]], dtype=torch.bool)
LM_BM = torch.rand(B, M, generator=GENERATOR)


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def plain_halting(logits: list[float], m: int) -> list[float]:
    """P(halt at n) as a loop, when m segments were run."""
    left, p = 1.0, []
    for n, logit in enumerate(logits, 1):
        now = left if n == m else left * sigmoid(logit) if n < m else 0.0
        p.append(now)
        left -= now
    return p


def episode(
    learner: JointLearner, logit_BM: Tensor, m: int = M, head: nn.Module | None = None
) -> tuple[list[Terms], Memory]:
    """The terms of m segments, the last of which halts. Without a head a vector begins with its logit."""

    def read(z_BD: Tensor) -> Tensor:
        return torch.stack([z_BD[..., 0], z_BD[..., 1]], -1)

    memory, found = learner.begin(B, D, torch.device("cpu")), []
    for n in range(m):
        z_BD = nn.functional.pad(logit_BM[:, n, None], (0, D - 1))
        seen = Seen(read(z_BD).detach(), z_BD, torch.full((B,), n + 1), never)
        _, memory = learner.decide(memory, seen, never)
        segment = Segment(
            seen=seen, q_B2=read(z_BD), last_z_BD=z_BD, correct_B=CORRECT_BM[:, n],
            lm_B=LM_BM[:, n], halted_B=torch.full((B,), n == m - 1),
            free_B=torch.full((B,), n < m - 1), max_segments=M, head=head or read, peek=never,
            price=0.1,
        )  # fmt: skip
        terms, memory = learner.learn(memory, segment)
        found.append(terms)
    return found, memory


LEARNERS = pytest.mark.parametrize(
    "learner", [Ponder(M), Ponder(M, None), ExactPG(M), Graves(M)],
    ids=["ponder", "ponder-uniform", "exact_pg", "graves"],
)  # fmt: skip


# --- what they share ------------------------------------------------------------------------------


@LEARNERS
def test_nothing_is_lost_before_the_episode_ends(learner: JointLearner) -> None:
    terms, _ = episode(learner, LOGIT_BM)
    (name,) = terms[0]
    assert all((term[name] == 0).all() for term in terms[:-1])
    assert (terms[-1][name] > 0).all()


@LEARNERS
def test_an_older_episode_leaves_no_trace(learner: JointLearner) -> None:
    """A short episode in a memory where a long one was has the loss that it has in a fresh one."""
    fresh, _ = episode(learner, LOGIT_BM, 2)
    _, memory = episode(learner, 3 * LOGIT_BM.flip(0), M)

    class Used:
        def __getattr__(self, name: str) -> object:
            return getattr(learner, name)

        def begin(self, *args: object) -> Memory:
            return memory

    again, _ = episode(Used(), LOGIT_BM, 2)  # type: ignore[arg-type]
    assert fresh[-1].keys() == again[-1].keys()
    for name, loss_B in fresh[-1].items():
        assert torch.equal(loss_B, again[-1][name])


@LEARNERS
def test_gradients_reach_the_head_as_it_is_now_and_it_alone(learner: JointLearner) -> None:
    head = nn.Linear(D, 2)
    logit_BM = LOGIT_BM.clone().requires_grad_()
    terms, memory = episode(learner, logit_BM.detach(), head=head)
    next(iter(terms[-1].values())).sum().backward()
    assert head.weight.grad[0].abs().sum() > 0  # of the halt logit
    assert (head.weight.grad[1] == 0).all()
    assert not any(part.requires_grad for part in memory)


# --- PonderNet and the exact gradient -------------------------------------------------------------


@pytest.mark.parametrize("lambda_p", [0.2, None])
def test_ponder_loss_is_the_plain_formula(lambda_p: float | None) -> None:
    """Of an episode that ran to the end; beta is large, so that the prior counts."""
    terms, _ = episode(Ponder(M, lambda_p, beta=0.7), LOGIT_BM)
    rates = [1 / M] * M if lambda_p is None else [lambda_p * (1 - lambda_p) ** n for n in range(M)]
    for b in range(B):
        p = plain_halting(LOGIT_BM[b].tolist(), M)
        loss = sum(x * y for x, y in zip(p, LM_BM[b].tolist(), strict=True))
        kl = sum(x * log(x * sum(rates) / g) for x, g in zip(p, rates, strict=True))
        assert terms[-1]["ponder"][b].item() == pytest.approx(loss + 0.7 * kl, rel=1e-5)


def test_a_head_that_halts_at_once_is_pulled_back_by_the_prior_alone() -> None:
    """All its mass is on segment 1, so that the expected loss does not depend on the coin."""
    for learner, moves in ((Ponder(M), True), (ExactPG(M), False)):
        head = nn.Linear(D, 2)
        nn.init.zeros_(head.weight)
        nn.init.constant_(head.bias, 4.0)
        terms, _ = episode(learner, torch.full((B, M), 4.0), 1, head)
        next(iter(terms[-1].values())).sum().backward()
        assert (head.bias.grad[0].item() > 0) == moves  # descending it lowers the logit


def test_exact_gradient_is_the_closed_form() -> None:
    """dJ / dlogit = S pi (1 - pi) (r - V_next), which `stopping` computes on a table."""
    logit_BM = LOGIT_BM.clone().requires_grad_()
    terms, _ = episode(ExactPG(M), logit_BM)
    terms[-1]["return"].sum().backward()
    assert logit_BM.grad is not None
    halt_MB = LOGIT_BM.double().sigmoid().T
    expected_MB = logit_gradient(halt_MB, rewards(CORRECT_BM.T, 0.1))
    torch.testing.assert_close(-logit_BM.grad.T.double(), expected_MB, rtol=1e-4, atol=1e-6)


def test_exact_loss_is_what_is_missing_of_the_return() -> None:
    terms, _ = episode(ExactPG(M), LOGIT_BM)
    for b in range(B):
        p = plain_halting(LOGIT_BM[b].tolist(), M)
        earned = [float(c) - 0.1 * n for n, c in enumerate(CORRECT_BM[b].tolist())]
        value = sum(x * r for x, r in zip(p, earned, strict=True))
        assert terms[-1]["return"][b].item() == pytest.approx(1 - value, rel=1e-5)


def decisions(learner: JointLearner, logits: list[float], episodes: int = 1) -> list[int]:
    """The segments at which one slot wants to halt, over some episodes in turn."""
    memory, halted = learner.begin(1, D, torch.device("cpu")), []
    for _ in range(episodes):
        for m, logit in enumerate(logits, 1):
            q_B2 = torch.tensor([[logit, 0.0]])
            seen = Seen(q_B2, torch.zeros(1, D), torch.tensor([m]), never)
            wants_B, memory = learner.decide(memory, seen, never)
            if wants_B.item():
                halted.append(m)
                break
    return halted


def test_an_episode_is_cut_when_hardly_anything_is_left() -> None:
    """Coins of 1/2 leave 1/16 after four and 1/32 after five; of 0.96, less than 0.05 at once."""
    for learner in (Ponder(9), ExactPG(9)):
        assert decisions(learner, [0.0] * 9, episodes=2) == [5, 5]
        assert decisions(learner, [log(0.96 / 0.04)] * 9) == [1]
        assert decisions(learner, [-3.0] * 3) == []


def test_first_p_of_halting_is_one_in_max_segments() -> None:
    for learner in (Ponder(8), ExactPG(8)):
        assert sigmoid(learner.bias[0]) == pytest.approx(1 / 8)
    assert Ponder(1).bias == (0.0, 0.0)


# --- Graves ---------------------------------------------------------------------------------------


def test_graves_loss_by_hand() -> None:
    h = [0.3, 0.6, 0.2, 0.4, 0.4]
    logit_BM = torch.tensor([h] * B).logit()
    terms, _ = episode(Graves(M, tau=0.05), logit_BM)
    for b, (L1, L2, L3, *_) in enumerate(LM_BM.tolist()):
        loss = 0.3 * L1 + 0.6 * L2 + 0.1 * L3 + 0.05 * 3.1
        assert terms[-1]["graves"][b].item() == pytest.approx(loss, rel=1e-5)


def test_graves_halts_where_the_sum_is_reached() -> None:
    """0.4 three times is 1.2; 0.3 four times; and it starts deep: 16 times sigmoid(-3) is 0.76."""
    assert decisions(Graves(9), [log(0.4 / 0.6)] * 9, episodes=2) == [3, 3]
    assert decisions(Graves(9), [log(0.3 / 0.7)] * 9) == [4]
    assert decisions(Graves(16), [Graves(16).bias[0]] * 16) == []


def test_lower_probabilities_take_longer_to_add_up() -> None:
    at = [decisions(Graves(99), [x] * 99)[0] for x in (5.0, 0.0, -1.0, -2.0)]
    assert at == [1, 2, 4, 9]
