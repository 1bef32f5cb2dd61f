#!/bin/sh
# torch 2.13.0 on a CPU: a library in the compiler's cache that is empty, as a process leaves it that is
# killed while g++ links, is never made again: every later process fails on it.
#
# Expected: files of a cache appear whole (written elsewhere and moved), or one that cannot be loaded is
# made anew from the source that lies beside it.
# Seen: the file is there, so it is loaded, and torch.compile raises
#     InductorError: ImportError: .../....main.so: file too short
# in this process and in all that come, until somebody removes the file.
# Why it matters: training runs are killed, and the cache, /tmp/torchinductor_USER, outlives them. Of
# what is compiled for a backward pass the error comes from inside backward(), after the first steps.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0 numpy==2.4.6 setuptools
export TORCHINDUCTOR_CACHE_DIR="$work/cache" TORCHINDUCTOR_COMPILE_THREADS=1
cat >"$work/see.py" <<'PYTHON'
import torch

try:
    print(torch.compile(lambda x: torch.sin(x).exp() + 1)(torch.zeros(1000))[0].item())
except Exception as error:
    print("file too short" if "main.so: file too short" in str(error) else error)
PYTHON
see() { "$work/venv/bin/python" "$work/see.py"; }
first=$(see)
find "$work/cache" -name '*.main.so' -exec sh -c ': >"$1"' _ {} \;
empty=$(see)
again=$(see)
find "$work/cache" -name '*.main.so' -empty -delete
removed=$(see)
echo "compiled: $first; library emptied: $empty; once more: $again; removed: $removed"
test "$first, $empty, $again, $removed" = "2.0, file too short, file too short, 2.0" || {
    echo "changed: in 2.13.0 an empty library failed until it was removed"
    exit 1
}
echo "as in torch 2.13.0: an empty library fails until it is removed"
