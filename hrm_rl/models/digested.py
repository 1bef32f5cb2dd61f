"""The digests in the JSON beside a file of weights: of its tensors, and of the JSON itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from hrm_rl.checks.digests import DIFFERS, SEAL, of_tensors, sealed, unsealed
from hrm_rl.checks.files import read_json
from hrm_rl.checks.reading import shown, told
from hrm_rl.checks.records import list_of, sha256
from hrm_rl.models.tensorfile import CheckpointError, read_tensors

TENSORS: Final = "tensors_sha256"
"""Where a JSON says which tensors it is of: those that were saved with it, and those before them,
which lie there until the new ones do. Whoever is stopped between the two loses nothing."""


def with_digests(
    content: Mapping[str, Any], path: Path, state: Mapping[str, Tensor]
) -> dict[str, Any]:
    """What the JSON beside `path` says, now that `state` is about to be written there.

    Raises:
        CheckpointError: it holds NaN, inf or what else JSON has not.
    """
    digests = [of_tensors(state)]
    with suppress(CheckpointError):
        digests += [of_tensors(read_tensors(path))] if path.exists() else []
    with told(path, "leave that out of the card", CheckpointError, "cannot be written"):
        return sealed({**content, TENSORS: digests})


def check_tensors(path: Path, beside: Path, tensors: Mapping[str, Tensor]) -> None:
    """Whether the tensors of a file are those that the JSON is of; one without digests knows none.

    The JSON is read after them: it is written before them, by a run that may be saving just now.

    Raises:
        CheckpointError: they are not.
    """
    with told(path, "get it and its JSON again", CheckpointError, "and its JSON do not agree"):
        known = list_of(sha256)(f'"{TENSORS}"', read_json(beside).get(TENSORS, []))
    if known and of_tensors(tensors) not in known:
        raise CheckpointError(
            f"{shown(path)} is damaged, or not the one that its JSON is of ({DIFFERS}); get both again"
        )


def check_card(path: Path) -> None:
    """Whether a JSON says what it said when it was written.

    After all else, since whoever changed a config by hand is better told that it does not fit.

    Raises:
        CheckpointError: it does not.
    """
    with told(path, "get it again, with its weights", CheckpointError, "is damaged"):
        unsealed(read_json(path))


def without_digests(card: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in card.items() if key not in (TENSORS, SEAL)}
