"""The plots show what was computed: lines, bars and labels, read back from the figure."""

from pathlib import Path

import numpy as np
import pytest
import torch
from banks import bank_a, bank_of
from PIL import Image

from hrm_rl.agents.comparison import pareto, plots, reliability, theme
from hrm_rl.agents.comparison.compare import compare
from hrm_rl.agents.comparison.curves import value_curves
from hrm_rl.agents.rules import rule
from hrm_rl.agents.rules.basic import first_correct
from hrm_rl.banks.bank import Bank, play
from hrm_rl.statistics.calibration import calibration_by_segment


@pytest.fixture(scope="module")
def bank() -> Bank:
    return bank_a(200)[0]


def labels(figure: object) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]  # type: ignore[attr-defined]


# --- Pareto ---------------------------------------------------------------------------------------


def test_pareto_draws_what_is_compared(bank: Bank, tmp_path: Path) -> None:
    learned = {"learned x": [first_correct(bank, give_up=True)]}
    rows = compare(bank, {"trm": [rule("trm")]}, learned)
    pareto.plot(rows, bank, bank, tmp_path / "with.png")
    pareto.plot(
        [row for row in rows if row.kind != "learner"], bank, bank, tmp_path / "without.png"
    )
    pictures = [Image.open(tmp_path / name).convert("RGB") for name in ("with.png", "without.png")]
    red = tuple(bytes.fromhex(theme.LEARNER_COLOURS[0][1:]))
    counts = [
        dict((c, n) for n, c in picture.getcolors(1 << 24)).get(red, 0) for picture in pictures
    ]
    assert counts[0] > 20 and counts[1] == 0


def test_pareto_names_the_rules_it_sweeps(bank: Bank, tmp_path: Path) -> None:
    rows = compare(bank, {"trm": [rule("trm")]}, snell={0.01: rule("trm")})
    figure = pareto.plot(rows, bank, bank, tmp_path / "pareto.png", kinds=("trm", "two-sided"))
    assert labels(figure)[:4] == [
        "trm: Q_halt > knob", "two-sided: sure, or hopeless", "the rules compared",
        "snell q: optimal stopping, fitted",
    ]  # fmt: skip
    texts = [text.get_text() for text in figure.axes[0].texts]
    ever = 100 * float(bank.correct_MP.any(0).double().mean())
    assert f"ceiling on these puzzles: {ever:.1f} % are ever right" in texts


# --- halting times --------------------------------------------------------------------------------


def test_halting_times_are_shares_of_each_band(tmp_path: Path) -> None:
    """Four puzzles of rating 0 and two of 9: bars of a policy add up to 100 % in either."""
    correct_MP = torch.tensor([[1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 1, 0], [1, 1, 1, 0, 1, 0]]).bool()
    bank = bank_of(correct_MP, q_halt=correct_MP * 2.0 - 1)[0]
    bank.rating_P[:] = torch.tensor([0, 0, 0, 0, 9, 9])
    halted = {name: play(bank, rule(name)) for name in ("trm", "fixed-3")}
    figure = plots.halting_times(bank, halted, tmp_path / "halting.png")
    trm_easy, trm_hard, fixed_easy, _ = figure.axes
    assert trm_easy.get_title(loc="left") == "rating 0: 4 puzzles"
    assert trm_hard.get_title(loc="left") == "rating 1 to 9: 2 puzzles"
    right, wrong = ([bar.get_height() for bar in bars] for bars in trm_easy.containers[:2])
    assert (right, wrong) == ([25, 25, 25], [0, 0, 25])
    assert [bar.get_height() for bar in fixed_easy.containers[0]] == [0, 0, 75]
    assert trm_easy.get_ylabel().startswith("trm")
    for axes in figure.axes:
        heights = [bar.get_height() for bars in axes.containers for bar in bars]
        assert sum(heights) == pytest.approx(100)
    assert labels(figure) == [
        "right where it halts",
        "wrong where it halts",
        "first right (oracle)",
    ]


def test_forced_halts_that_leave_the_panel_are_told(bank: Bank, tmp_path: Path) -> None:
    figure = plots.halting_times(
        bank, {"fixed-16": play(bank, rule("fixed-16"))}, tmp_path / "x.png"
    )
    for axes in figure.axes:
        assert [text.get_text() for text in axes.texts] == ["100 %"]
        assert axes.get_ylim()[1] < 50


# --- value ----------------------------------------------------------------------------------------


def test_value_says_which_knobs_were_chosen_anew(bank: Bank, tmp_path: Path) -> None:
    curves = value_curves(bank, bank, ["trm"], {"learned x": [rule("fixed-4")]})
    figure = plots.value(curves, tmp_path / "value.png", 0.01, len(bank))
    left, right = figure.axes
    assert labels(figure) == [
        "prophet (sees the solution)", "best fixed number, chosen anew",
        "learned x, as fitted at 0.01", "trm, knob chosen anew",
    ]  # fmt: skip
    assert np.asarray(left.lines[0].get_ydata()) == pytest.approx(curves.prophet_C)
    assert np.asarray(right.lines[1].get_ydata()) == pytest.approx(0)
    assert "best on the puzzles for fitting" in figure.get_supxlabel()
    assert "200 puzzles" in left.get_title(loc="left")


# --- reliability ----------------------------------------------------------------------------------


def test_reliability_draws_calibrated_answers_on_the_diagonal(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    q_MP = 3 * torch.randn(4, 4000, generator=generator)
    correct_MP = torch.rand(4, 4000, generator=generator) < q_MP.sigmoid()
    bank, _ = bank_of(correct_MP, q_halt=q_MP)
    figure = reliability.plot(bank, "fixed-2", play(bank, rule("fixed-2")), tmp_path / "r.png")
    left, right = figure.axes
    names = [line.get_label() for line in left.lines]
    assert [name.partition(" (")[0] for name in names] == [
        "calibrated", "after segment 1, all puzzles", "after segment 2, all puzzles",
        "after segment 4, all puzzles", "all segments that fixed-2 sees",
    ]  # fmt: skip
    for line in left.lines:
        assert np.asarray(line.get_ydata()) == pytest.approx(np.asarray(line.get_xdata()), abs=16)
    auroc = [c.auroc for c in calibration_by_segment(q_MP.numpy(), correct_MP.numpy())]
    assert np.asarray(right.lines[0].get_ydata()) == pytest.approx(auroc)


def test_reliability_needs_q_halt(bank: Bank, tmp_path: Path) -> None:
    blind = Bank(
        {"o": bank.columns["scalars"]}, bank.correct_MP, bank.cells_MP, bank.predictions_MPT,
        bank.rating_P, bank.cluster_P,
    )  # fmt: skip
    with pytest.raises(ValueError, match="holds no Q_halt"):
        reliability.plot(blind, "x", play(bank, rule("trm")), tmp_path / "r.png")


def test_more_rules_than_colours_are_told_apart_by_dashes() -> None:
    styles = [tuple(theme.rule_style(i).values()) for i in range(24)]
    assert len(set(map(str, styles))) == 24
