"""`hrm-rl bench`: an entry, the scoreboard of a folder, an entry scored again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hrm_rl.cli import main as cli


def test_an_entry_goes_to_the_scoreboard_and_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "trm.json"
    assert cli.main(["bench", "trm-0.9", "--tracks", "hidden", "--out", str(out)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["hidden: done", str(out)]
    assert cli.main(["bench", "--table", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == printed[2:]
    assert cli.main(["bench", "trm-0.9", "--check", str(out)]) == 0
    assert "repeats: no figure differs by more than 0.00000" in capsys.readouterr().out
    content = json.loads(out.read_text())
    content["tracks"]["hidden"]["area"][0] = 1.0
    out.write_text(json.dumps(content))
    assert cli.main(["bench", "--table", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "it was changed after it was sealed" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "got neither"),
        (["q", "--table", "."], "got both"),
        (["stabel"], 'did you mean "stable"?'),
        (["q", "--out", "entry.csv"], "--out writes .json files"),
        (["q", "--tracks", "chess"], "tracks must be one of sudoku9, maze8, arc6, hidden"),
        (["--table", "no-such-folder"], "no-such-folder holds no entries"),
        (["mine.py:Rule"], "'mine.py' cannot be read"),
    ],
)
def test_mistakes_get_one_sentence(
    args: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bench", *args]) == 2
    err = capsys.readouterr().err
    assert said in err and len(err.splitlines()) == 1


def test_an_entry_to_check_needs_its_entrant(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--check", "mine.json"]) == 2
    assert "`hrm-rl bench ENTRANT --check mine.json`" in capsys.readouterr().err
