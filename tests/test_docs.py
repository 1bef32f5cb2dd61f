"""What the documents show is what their code prints."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"-?\d+\.\d+")


def test_the_tutorial_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "tutorial.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (said,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    exec(compile(code, "tutorial.md", "exec"), {})
    printed = capsys.readouterr().out
    assert NUMBER.sub("", printed).split() == NUMBER.sub("", said).split()
    ours, theirs = (list(map(float, NUMBER.findall(part))) for part in (printed, said))
    assert ours == pytest.approx(theirs, abs=0.1)  # percentages have one digit


def test_the_tutorial_stays_within_twenty_lines_of_code() -> None:
    text = (ROOT / "docs" / "tutorial.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    own = [line for line in code.splitlines() if line and not line.startswith(("from", "import"))]
    assert len(own) <= 20
