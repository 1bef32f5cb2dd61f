"""Progress bars, on a terminal that may not be there."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def bar(*, disable: bool = False, **options: Any) -> tqdm[Any]:
    """A progress bar on stderr; none where a program has no stderr, or has closed it."""
    nowhere = sys.stderr is None or sys.stderr.closed
    return tqdm(disable=disable or nowhere, **options)
