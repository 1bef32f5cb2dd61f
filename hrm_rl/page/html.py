"""One file of HTML that needs no other: templates of `files/`, filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any


def template(name: str) -> str:
    """The text of a file in `files/`."""
    return (files("hrm_rl.page") / "files" / name).read_text(encoding="utf-8")


def filled(name: str, parts: Mapping[str, str]) -> str:
    """A template in which each {{name}} is the part of that name; what a part holds stays as it is."""
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template(name))


def data(value: Any) -> str:
    """JSON that may stand in a script element: nothing in it ends one."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
