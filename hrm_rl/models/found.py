"""Which file the name of a checkpoint stands for, and whether it can be one at all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from hrm_rl.checks.numbers import did_you_mean
from hrm_rl.models.limits import shortened
from hrm_rl.models.tensorfile import CheckpointError

WEIGHTS = Path(__file__).parents[1] / "weights"
"""The checkpoints that ship with the package."""
HUB: Final = "model.safetensors"
HUB_CONFIG: Final = "config.json"
"""What huggingface_hub calls the weights of a model, and the config beside them."""
_STEP: Final = re.compile(r"step_(\d{1,18})(?:\.pt|\.pth|\.safetensors)?")
"""What the public code calls its checkpoints."""


def find(name: Any) -> tuple[Path, str]:
    """The file of weights that `name` stands for, and what was chosen among several, in words.

    Raises:
        CheckpointError: there is none.
    """
    if not isinstance(name, (str, Path)) or not str(name).strip():
        raise CheckpointError(
            f"a checkpoint is named by a text or a path, got {shortened(name) or 'nothing'}; {_shipped()}"
        )
    empty = None
    try:
        for candidate in (Path(name), Path(f"{name}.safetensors"), WEIGHTS / f"{name}.safetensors"):
            if candidate.is_file():
                return _weighed(candidate), ""
            if candidate.is_dir():
                if found := _in_folder(candidate):
                    return found
                empty = empty or candidate
    except (OSError, ValueError) as error:  # a name too long, a null byte, a folder not to be read
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"{shortened(name)} cannot be looked up ({shortened(error)}); {_shipped()}"
        ) from error
    if empty:
        raise CheckpointError(_without_weights(empty))
    near = did_you_mean(str(name), _names())
    raise CheckpointError(
        f'there is no checkpoint "{shortened(name)}", no such file; {near + " " if near else ""}{_shipped()}'
    )


def _in_folder(folder: Path) -> tuple[Path, str] | None:
    """Our own weights, those of Hugging Face's hub, or the public checkpoint of the highest step."""
    if (own := folder / "weights.safetensors").is_file():
        return _weighed(own), ""
    if (hub := folder / HUB).is_file() and (folder / HUB_CONFIG).is_file():
        return _weighed(hub), ""
    steps = {
        (int(match[1]), path.name): path
        for path in folder.iterdir()
        if (match := _STEP.fullmatch(path.name)) and path.is_file()
    }
    if not steps:
        return None
    chosen = steps[max(steps)]
    said = f"of {len(steps)} checkpoints there, {chosen.name} has the highest step"
    return _weighed(chosen), said if len(steps) > 1 else ""


def _without_weights(folder: Path) -> str:
    others = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    held = f"it holds {shortened(', '.join(others[:3]))}" if others else "it is empty"
    return (
        f"the folder {folder} has neither weights.safetensors nor step_* files nor {HUB} with "
        f"{HUB_CONFIG}, {held}; name the file of weights itself, or a run folder"
    )


def _weighed(path: Path) -> Path:
    """The path of a file that may hold tensors by its first bytes, or an error that says what it is."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); get it again") from error
    if not head:
        raise CheckpointError(f"{path} is empty; get it again")
    if path.suffix != ".safetensors" and head[8:9] == b"{" and b"\0" in head[:8]:
        raise CheckpointError(f"{path} is a safetensors file; give it the suffix .safetensors")
    if head.startswith(b"version https://git-lfs"):
        raise CheckpointError(
            f"{path} stands for a file that Git LFS has; fetch it with `git lfs pull`"
        )
    binary = head.startswith((b"PK", b"\x80")) or any(b < 9 or 13 < b < 32 for b in head)
    if not binary:
        raise CheckpointError(
            f"{path} holds text, not weights; give a .safetensors or .pt file, or a run folder"
        )
    if path.suffix == ".safetensors" and head.startswith(b"PK"):
        raise CheckpointError(f"{path} is a file of torch.save; give it the suffix .pt")
    return path


def _names() -> list[str]:
    return sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))


def _shipped() -> str:
    return (
        f"give a shipped one ({', '.join(_names()) or 'none'}), a .safetensors or .pt file, or a run "
        "folder"
    )
