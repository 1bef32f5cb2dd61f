"""How `make docs` builds the site (Sphinx, MyST, furo)."""

import os
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import environment_pages  # noqa: E402
import written_pages  # noqa: E402

import hrm_rl  # noqa: E402

project = "hrm-rl"
author = "hrm-rl authors"
project_copyright = author
release = version = hrm_rl.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "_extra", "README.md"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
suppress_warnings = [
    "myst.header",  # Gymnasium's docstrings begin at the second level
    "misc.highlighting_failure",
]

default_role = "code"  # docstrings say `name`, as Markdown does
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = "hrm-rl"
html_static_path: list[str] = []
html_extra_path = ["_extra"]  # what lies in the site as it is: the page to play on
html_theme_options = {"navigation_with_keys": True}


def setup(app: Sphinx) -> None:
    """Write the pages that come from elsewhere before anything is read."""
    written_pages.write(HERE)
    written_pages.play_on(HERE / "_extra" / "halting.html")
    app.connect("source-read", _here)
    app.connect("autodoc-process-docstring", _whole_sentence, priority=400)  # before napoleon's 500


def _here(app: Sphinx, name: str, source: list[str]) -> None:
    """What lies outside docs/ has a copy in the site, to which links lead."""
    for there, here in written_pages.MOVED.items():
        source[0] = source[0].replace(f"../{there}", here)


def _whole_sentence(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Napoleon takes what stands before a colon in an attribute's first line for its type.

    The classes of environments are described in Markdown, for Gymnasium: it has pages of its own.
    """
    if what == "attribute":
        lines.insert(0, "")
    if what == "class" and (page := environment_pages.DESCRIBED.get(name)):
        lines[:] = [f"Described in :doc:`/environments/{page}`.", ""]
