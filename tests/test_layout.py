"""The layout: which way imports point, and what importing costs."""

import ast
import os
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from interpreter import run

import hrm_rl

ROOT = Path(__file__).resolve().parents[1]

# A module may import what has its own rank or a lower one; the longest prefix counts.
RANKS = {
    "hrm_rl.checks": 0,
    "hrm_rl.statistics": 0,
    "hrm_rl.puzzles": 1,
    "hrm_rl.models": 2,
    "hrm_rl": 3,  # the segment loop, and what walks it
    "hrm_rl.banks": 4,
    "hrm_rl.stopping": 4,
    "hrm_rl.training": 4,
    "hrm_rl.inside": 4,
    "hrm_rl.envs": 5,
    "hrm_rl.agents": 6,
    "hrm_rl.haltbench": 7,  # above agents, whose rules and learners it scores; a command enters them
    "hrm_rl.page": 7,  # above agents, whose policies it shows; commands write it
    "hrm_rl.cli": 8,
    "hrm_rl.__main__": 8,
    "scripts": 9,
}
ENVS, AGENTS, CLI = (RANKS[f"hrm_rl.{name}"] for name in ("envs", "agents", "cli"))
LOWEST_RANK_OF = {
    "gymnasium": ENVS,
    "stable_baselines3": AGENTS,
    "sb3_contrib": AGENTS,
    "tyro": CLI,
}
AT_THE_TOP_BELOW_ENVS = {"hrm_rl", "jaxtyping", "numpy", "safetensors", "torch", "tqdm"}
AT_THE_ROOT = {
    "__init__", "__main__", "compiling", "device", "evaluate", "features", "halting", "loop",
}  # fmt: skip


def module_of(path: str) -> str:
    """`hrm_rl/models/hrm.py` -> `hrm_rl.models.hrm`; a package is named by its `__init__.py`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


SOURCES = [
    file.relative_to(ROOT).as_posix()
    for folder in ("hrm_rl", "scripts")
    for file in sorted((ROOT / folder).rglob("*.py"))
]
MODULES = {module_of(path) for path in SOURCES}


def rank_of(module: str) -> int:
    if module == "hrm_rl":  # the door: it names everything that is public, below the commands
        return RANKS["hrm_rl.agents"]
    parts = module.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next(RANKS[prefix] for prefix in prefixes if prefix in RANKS)


def imported_by(path: str, node: ast.AST) -> Iterator[str]:
    """The modules that an import statement of the file names, with relative ones spelt out.

    Scripts import each other by bare names, since they lie in the folder of the one that is run.
    """
    if isinstance(node, ast.Import):
        yield from (beside(path, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = path.removesuffix(".py").split("/")[: -node.level or None]
        source = ".".join([*(package if node.level else []), *filter(None, [node.module])])
        source = beside(path, source)
        for alias in node.names:
            if source == "hrm_rl" and alias.name == "__version__":
                continue
            submodule = f"{source}.{alias.name}"
            public = hrm_rl._PUBLIC.get(alias.name) if source == "hrm_rl" else None
            yield submodule if submodule in MODULES else public or source


def beside(path: str, name: str) -> str:
    """A script's bare name for another is `scripts.NAME`; other names stay as they are."""
    script = f"scripts.{name}"
    return script if path.startswith("scripts/") and script in MODULES else name


def arrows(path: str) -> set[str]:
    """The modules of the repository that a file imports, in functions and for types too."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    named = {target for node in ast.walk(tree) for target in imported_by(path, node)}
    return (named & MODULES) - {module_of(path)}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A circle of imports, if there is one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def violations(path: str, source: str) -> list[str]:
    """Every import of the file that points the wrong way, in functions too."""
    module, tree = module_of(path), ast.parse(source)
    rank = rank_of(module)
    found = []
    for node in ast.walk(tree):
        for target in imported_by(path, node):
            top = target.partition(".")[0]
            if top in ("hrm_rl", "scripts"):
                wrong = rank_of(target) > rank
            elif top == "pygame":
                wrong = module != "hrm_rl.envs.render"
            elif top in LOWEST_RANK_OF:
                wrong = rank < LOWEST_RANK_OF[top]
            elif top == "numba":
                wrong = not module.startswith("hrm_rl.puzzles.")
            else:
                at_the_top = rank < ENVS and node in tree.body
                wrong = at_the_top and top not in sys.stdlib_module_names | AT_THE_TOP_BELOW_ENVS
            if wrong:
                found.append(f"{path}:{node.lineno} imports {target}")
    return found


def test_imports_point_one_way() -> None:
    found = [
        line
        for path in SOURCES
        for line in violations(path, (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("source", ["import scaling", "from scaling import table"])
def test_scripts_see_each_other_by_bare_names(source: str) -> None:
    (node,) = ast.parse(source).body
    assert set(imported_by("scripts/demo.py", node)) == {"scripts.scaling"}
    assert "scripts.scaling" not in set(imported_by("hrm_rl/loop.py", node))


def test_imports_make_no_circle() -> None:
    assert circle({module_of(path): arrows(path) for path in SOURCES}) == []


def test_rooms_make_no_circle() -> None:
    """Neither do folders: of two rooms, one is above the other."""
    rooms: dict[str, set[str]] = {}
    for path in SOURCES:
        if path != "hrm_rl/__init__.py":  # the door: it names what lies behind it
            targets = {room_of(target) for target in arrows(path)}
            rooms.setdefault(room_of(module_of(path)), set()).update(targets)
    assert circle({room: below - {room} for room, below in rooms.items()}) == []


def room_of(module: str) -> str:
    """The folder at the root of hrm_rl that a module lies in; what lies beside them is `hrm_rl`."""
    room = ".".join(module.split(".")[:2])
    return room if room in RANKS else module.split(".")[0]


def test_a_circle_is_seen() -> None:
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set()})) == {"a", "b", "c"}


def test_the_root_holds_the_segment_loop_and_nothing_else() -> None:
    assert {file.stem for file in (ROOT / "hrm_rl").glob("*.py")} == AT_THE_ROOT
    folders = {file.parent.name for file in (ROOT / "hrm_rl").glob("*/__init__.py")}
    assert {f"hrm_rl.{name}" for name in folders} | {"hrm_rl", "hrm_rl.__main__", "scripts"} == {
        *RANKS
    }


@pytest.mark.parametrize(
    ("path", "source", "target"),
    [
        ("hrm_rl/loop.py", "import hrm_rl.envs.halting", "hrm_rl.envs.halting"),
        ("hrm_rl/loop.py", "from .envs import halting", "hrm_rl.envs"),
        ("hrm_rl/models/hrm.py", "from ..agents.rules import fixed", "hrm_rl.agents.rules"),
        ("hrm_rl/puzzles/__init__.py", "from ..agents import rules", "hrm_rl.agents"),
        ("hrm_rl/loop.py", "def f():\n    from hrm_rl import envs", "hrm_rl.envs"),
        ("hrm_rl/loop.py", "import hrm_rl", "hrm_rl"),
        ("hrm_rl/envs/halting.py", "from hrm_rl.agents import rules", "hrm_rl.agents"),
        ("hrm_rl/agents/rules/basic.py", "from hrm_rl.cli.main import main", "hrm_rl.cli.main"),
        ("hrm_rl/loop.py", "def f():\n    import gymnasium.spaces", "gymnasium.spaces"),
        ("hrm_rl/envs/halting.py", "import stable_baselines3", "stable_baselines3"),
        ("hrm_rl/envs/halting.py", "def f():\n    import pygame", "pygame"),
        ("hrm_rl/loop.py", "import numba", "numba"),
        ("hrm_rl/statistics/metrics.py", "import matplotlib.pyplot", "matplotlib.pyplot"),
        ("hrm_rl/statistics/metrics.py", "from hrm_rl.puzzles import Task", "hrm_rl.puzzles"),
        ("hrm_rl/puzzles/verdicts.py", "from hrm_rl.models import build", "hrm_rl.models"),
        ("hrm_rl/models/hrm.py", "from hrm_rl import loop", "hrm_rl.loop"),
        ("hrm_rl/evaluate.py", "from hrm_rl.banks.bank import Bank", "hrm_rl.banks.bank"),
        ("hrm_rl/loop.py", "from hrm_rl.training import losses", "hrm_rl.training.losses"),
        ("hrm_rl/banks/bank.py", "from hrm_rl.envs import mdp", "hrm_rl.envs.mdp"),
    ],
)
def test_a_wrong_import_is_seen(path: str, source: str, target: str) -> None:
    (found,) = violations(path, source)
    assert found.startswith(f"{path}:") and target in found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("scripts/demo.py", "from hrm_rl.cli.main import main"),
        ("hrm_rl/cli/main.py", "from hrm_rl.agents import rules\nimport tyro"),
        ("hrm_rl/agents/rules/basic.py", "from ..envs import halting\nimport stable_baselines3"),
        ("hrm_rl/envs/render.py", "def f():\n    import pygame"),
        ("hrm_rl/loop.py", "from hrm_rl import __version__, features\nfrom .models import layers"),
        ("hrm_rl/statistics/metrics.py", "def f():\n    import matplotlib.pyplot"),
    ],
)
def test_a_right_import_passes(path: str, source: str) -> None:
    assert violations(path, source) == []


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("hrm_rl.agents, hrm_rl.envs", "matplotlib numba pygame stable_baselines3 torch"),
        ("hrm_rl.puzzles", "matplotlib pygame stable_baselines3 torch"),
    ],
)
def test_import_is_light(modules: str, heavy: str, tmp_path: Path) -> None:
    code = f"import sys, {modules}; print({set(heavy.split())} & sys.modules.keys())"
    outcome = run(code, tmp_path)
    assert outcome.stdout == "set()\n", outcome.stderr


def test_one_puzzle_is_solved_without_a_compiler(tmp_path: Path) -> None:
    """numba takes 0.2 s to load, an eighth of what torch takes."""
    code = (
        "import sys; from hrm_rl.cli.main import main; "
        "main(['solve', '1.34341221434321', '--checkpoint', 'sudoku4']); "
        "print({'matplotlib', 'numba', 'pygame', 'stable_baselines3'} & sys.modules.keys())"
    )
    outcome = run(code, tmp_path)
    *_, end, heavy = outcome.stdout.splitlines()
    assert end.startswith("solved after") and heavy == "set()", outcome.stderr


@pytest.mark.parametrize("name", ["envs", "agents"])
def test_short_names_are_links_that_refuse_to_be_imported(name: str) -> None:
    assert os.readlink(ROOT / name) == f"hrm_rl/{name}"
    outcome = run(f"import {name}", ROOT)
    assert outcome.returncode == 1
    assert outcome.stderr.splitlines()[-1] == (
        f"ImportError: this package is hrm_rl.{name}, not {name}: write `import hrm_rl.{name}`"
    )


def test_only_evaluate_is_a_module_too() -> None:
    assert {name for name in hrm_rl._PUBLIC if f"hrm_rl.{name}" in MODULES} == {"evaluate"}
