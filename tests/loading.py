"""Scripts as modules, since they are no package."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

SCRIPTS = Path(__file__).parents[1] / "scripts"


def module_of(name: str, folder: Path = SCRIPTS) -> ModuleType:
    """A fresh module of `FOLDER/NAME.py`, which others may then import by its bare name."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up
    sys.path.insert(0, str(folder))  # as when it is run
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module
