"""Bits turned at random in files, one at a time, as a failing disk or a bad copy turns them."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def turned(files: list[Path], count: int, seed: int) -> Iterator[tuple[Path, int]]:
    """Each of `count` random bits of the files turned in its turn, and turned back."""
    draw = random.Random(seed)
    contents = {file: file.read_bytes() for file in files}
    sizes = [len(content) for content in contents.values()]
    for file in draw.choices(files, sizes, k=count):
        bit = draw.randrange(8 * len(contents[file]))
        bent = bytearray(contents[file])
        bent[bit // 8] ^= 1 << bit % 8
        file.write_bytes(bent)
        yield file, bit
        file.write_bytes(contents[file])


def outcomes(
    files: list[Path], count: int, seed: int, read: Callable[[], Any], same: Callable[[Any], bool]
) -> Counter[str]:
    """How many turned bits were noticed in one sentence, were harmless, or (never) went unnoticed."""
    found = Counter[str]()
    for file, bit in turned(files, count, seed):
        try:
            harmless = same(read())
        except ValueError as error:
            one = "\n" not in str(error) and (file.name in str(error) or file.stem in str(error))
            assert one or str(file.parent) in str(error), (file, bit, str(error))
            found["noticed"] += 1
        else:
            found["harmless" if harmless else f"unnoticed: {file.name} bit {bit}"] += 1
    return found
