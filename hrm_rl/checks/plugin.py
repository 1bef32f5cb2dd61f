"""What a user's own file or module holds, by name: "my_rules.py:Settled", "mine.rules:Settled".

A file is run as it stands now, once for each content, and nothing else is: its folder is not put on
the path. A module is imported as Python imports it, so it must be installed, or lie on PYTHONPATH.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hrm_rl.checks.numbers import did_you_mean


def is_plugin(name: object) -> bool:
    """Whether a name is that of something in a file or module: PLACE.py:NAME or PACKAGE.MODULE:NAME."""
    if not isinstance(name, str):
        return False
    place, colon, own = name.rpartition(":")
    is_module = all(part.isidentifier() for part in place.split("."))
    return bool(colon) and own.isidentifier() and (place.endswith(".py") or is_module)


def plugin(name: str) -> Any:
    """The object of that name in its file or module, which is run.

    Raises:
        ValueError: no such file, module or name in it, or an error in it, with its line.
    """
    if not is_plugin(name):
        raise ValueError(
            f"what is your own is named by its file or module, as my_rules.py:Settled, got {name!r:.80}"
        )
    place, _, own = name.rpartition(":")
    module = _of_file(Path(place)) if place.endswith(".py") else _of_module(place)
    if not hasattr(module, own):
        there = [key for key in vars(module) if not key.startswith("_")]
        hint = did_you_mean(own, there)
        raise ValueError(f'{place} has no "{own}"' + f"; {hint}" * bool(hint))
    return getattr(module, own)


def made(name: str, *arguments: Any) -> Any:
    """What the function or class of that name makes of the arguments.

    Raises:
        ValueError: as `plugin`, or it is nothing that can be called, or fails.
    """
    maker = plugin(name)
    if not callable(maker):
        raise ValueError(f"{name} must be a function or a class, got {maker!r:.60}")
    try:
        return maker(*arguments)
    except Exception as error:  # a user's own code may raise anything
        raise ValueError(f"{name} failed: {_said(error, _file_of(maker))}") from error


def _of_file(path: Path) -> ModuleType:
    try:
        source = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{str(path)!r} cannot be read ({reason.lower()}); name a file") from None
    digest = hashlib.sha256(str(path.resolve()).encode() + b"\0" + source).hexdigest()[:12]
    name = f"hrm_rl_plugin_{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path.resolve())
    sys.modules[name] = module  # dataclasses look there for the module of their class
    try:
        exec(compile(source, module.__file__, "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ValueError(f"{path} cannot be run: {_said(error, module.__file__)}") from error
    return module


def _of_module(place: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{place}.".startswith(f"{error.name}."):
            raise ValueError(f"{place} cannot be imported: {_said(error)}") from error
        raise ValueError(
            f'no module "{error.name}"; put its folder on PYTHONPATH, or name a file, as '
            "my_rules.py:Settled"
        ) from None
    except (Exception, SystemExit) as error:
        raise ValueError(f"{place} cannot be imported: {_said(error)}") from error


def _file_of(maker: Any) -> str:
    module = sys.modules.get(getattr(maker, "__module__", ""))
    return getattr(module, "__file__", None) or ""


def _said(error: BaseException, file: str = "") -> str:
    """The error in one line, with the last line of the file that took part in it."""
    line, at = getattr(error, "lineno", None), error.__traceback__
    while at is not None:
        if file and at.tb_frame.f_code.co_filename == file:
            line = at.tb_lineno
        at = at.tb_next
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" + f" (line {line})" * (line is not None)
