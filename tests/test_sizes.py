"""Files and functions are short, or say why not."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 60
LONG = re.compile(r"# long: \S+")
"""The comment that excuses what is longer, with the reason: a line of the file, or on the `def`'s."""


def too_long(path: str, source: str) -> list[str]:
    """The file, and each of its functions, that has more lines than it may and does not say why."""
    lines, found = source.splitlines(), []
    if len(lines) > MOST_LINES and not any(LONG.match(line) for line in lines):
        found.append(f"{path} has {len(lines)} lines")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            head = lines[node.lineno - 1 : node.body[0].lineno - 1] or [lines[node.lineno - 1]]
            if length > MOST_LINES_OF_A_FUNCTION and not any(map(LONG.search, head)):
                found.append(f"{path}:{node.lineno} {node.name} has {length} lines")
    return found


def test_files_and_functions_are_short() -> None:
    """At most 300 lines a file and 60 a function; a longer one says why in a comment, `# long: why`."""
    found = [
        line
        for folder in ("hrm_rl", "scripts", "tests")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line in too_long(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


def test_what_is_too_long_is_seen_unless_it_says_why() -> None:
    assert too_long("a.py", "x = 1\n" * 300) == []
    assert too_long("a.py", "x = 1\n" * 301) == ["a.py has 301 lines"]
    assert too_long("a.py", "# long: a table\n" + "x = 1\n" * 300) == []
    assert too_long("a.py", "# long:\n" + "x = 1\n" * 300) == ["a.py has 301 lines"]
    for head in ("def f():", "async def f():", "class C:\n  def f():"):
        assert too_long("a.py", head + "\n    x = 1" * 59 + "\n") == []
        (found,) = too_long("a.py", head + "\n    x = 1" * 60 + "\n")
        assert found.endswith(" f has 61 lines")
        assert too_long("a.py", head + "  # long: a table" + "\n    x = 1" * 60 + "\n") == []
