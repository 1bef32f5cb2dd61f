#!/bin/sh
# huggingface_hub 2.4.0: PyTorchModelHubMixin gives a model its config as a dict, if the module postpones annotations.
#
# Expected: a config that is a dataclass comes back as one from from_pretrained, as documented. Whether a file
# begins with `from __future__ import annotations` decides nothing.
# Seen: the mixin looks at the annotation of __init__'s argument. Postponed, it is the text "Config" and not a
# class: save_pretrained is right, from_pretrained passes a dict, and says nothing.
#     annotations as classes: Config, then Config
#     annotations postponed:  Config, then dict
# Why it matters: the import is usual, and needed where shapes stand in annotations. A model that reads
# config.width fails in its constructor with an AttributeError about dict; one that reads config with .get or hands it
# on works, with a config that is not its own. Resolve the annotation yourself (typing.get_type_hints).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q \
    huggingface_hub==2.4.0 numpy==2.4.6 safetensors==0.8.0
cat >"$work/model.py" <<'PYTHON'
import dataclasses

import torch
from huggingface_hub import PyTorchModelHubMixin


@dataclasses.dataclass
class Config:
    width: int = 3


class Model(torch.nn.Module, PyTorchModelHubMixin):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.kind = type(config).__name__
        self.weight = torch.nn.Parameter(torch.zeros(3))
PYTHON
{ echo "from __future__ import annotations"; cat "$work/model.py"; } >"$work/postponed.py"
cat >"$work/see.py" <<'PYTHON'
import importlib
import sys
import tempfile

sys.path.insert(0, sys.argv[1])
found = {}
for name, what in (("model", "annotations as classes"), ("postponed", "annotations postponed")):
    module = importlib.import_module(name)
    made = module.Model(module.Config(width=5))
    with tempfile.TemporaryDirectory() as folder:
        made.save_pretrained(folder)
        found[name] = made.kind, module.Model.from_pretrained(folder).kind
    print(f"{what}: {found[name][0]}, then {found[name][1]}")
if found != {"model": ("Config", "Config"), "postponed": ("Config", "dict")}:
    sys.exit("This changed: postponed annotations are resolved.")
PYTHON
"$work/venv/bin/python" -I "$work/see.py" "$work"
