"""SHA-256 over what is kept on disk, so that damage is noticed and not computed with.

A disk or a copy that turns a bit leaves a file that reads as ever: another weight, another answer.
Files that were written before there were digests hold none, and are read as they were: that nothing
is said of the bytes is no damage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hrm_rl.checks.files import parse_json
from hrm_rl.checks.reading import Unfit

if TYPE_CHECKING:
    from torch import Tensor

SEAL: Final = "sha256"
"""The key under which a dictionary holds the digest of the rest of it."""
DIFFERS: Final = "its bytes are not those that were written: the SHA-256 differs"


def of_tensors(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, formats, shapes and bytes, in the order of the names."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        flat = tensor.detach().cpu().contiguous().flatten()
        digest.update(np.ascontiguousarray(flat.view(torch.uint8).numpy()).data)
    return digest.hexdigest()


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be written as JSON, with the digest of all of it as the last entry."""
    rest = {key: value for key, value in content.items() if key != SEAL}
    return {**rest, SEAL: _of_json(rest)}


def unsealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """What was read from JSON, without its seal; it may never have had one.

    Raises:
        Unfit: it is not what was sealed.
    """
    rest = {key: value for key, value in content.items() if key != SEAL}
    if SEAL in content and content[SEAL] != _of_json(rest):
        raise Unfit(f'{DIFFERS}; if you changed it yourself, delete the entry "{SEAL}" from it')
    return rest


def _of_json(content: Mapping[str, Any]) -> str:
    """The same for what is written and for what is read back: by the values, not by the layout."""
    plain = parse_json(json.dumps(content))  # tuples are lists then, and all keys are texts
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
