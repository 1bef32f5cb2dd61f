"""Deductions on a 9x9 grid: bands of rows and of columns, and the ways digits spread over them.

A band is three boxes in a line. In each of them a digit lies in one of three *minirows* (in a band
of columns: minicolumns), a different one in each box: six *ways* per digit and band, which are the
permutations of three. The state of a search is 40 words of 30 bits:

    state[2 b]            the digits still possible in each even way of band b (0-2 of rows, 3-5)
    state[2 b + 1]        ... in each odd way
    state[12 + 3 x + i]   the digits still possible in the three cells of row i of box x
    state[39]             free for the search

A word is three *lanes* of ten bits: nine digits, and a guard bit that stays 0 and catches the
borrow when all lanes are tested with one subtraction. Lane k of a band's even word is the way that
puts a digit of box j (of the band) in minirow (j + k) mod 3; of the odd word, in (k - j) mod 3. So
the minirows of box j can hold `rotate(even, j) | rotate(odd, -j)`, and what is excluded from them
travels back through the inverse rotations.
"""

import numpy as np

from hrm_rl.puzzles.jit import njit

WORDS = 40
LANES = 0x3FFFFFFF
ALL = 0x1FF  # all nine digits of one lane
ONES = 1 | 1 << 10 | 1 << 20
GUARDS = ONES << 9
FULL = ALL * ONES


@njit
def rotate(word: int, lanes: int) -> int:
    """The three lanes moved up by `lanes` (0, 1 or 2), cyclically."""
    if lanes == 0:
        return word
    if lanes == 1:
        return (word << 10 | word >> 20) & LANES
    return (word << 20 | word >> 10) & LANES


@njit
def elsewhere(word: int) -> int:
    """Per lane, the digits of the two other lanes."""
    return (word << 10 | word >> 20 | word << 20 | word >> 10) & LANES


@njit
def folded(word: int) -> int:
    """The digits in any lane (9 bits)."""
    return (word | word >> 10 | word >> 20) & ALL


@njit
def without_lowest(word: int) -> int:
    """Each lane without its lowest digit."""
    return word & ((word | GUARDS) - ONES)


@njit
def empty_lanes(word: int) -> int:
    """The guard bits of the lanes without digits."""
    return GUARDS & ~((word | GUARDS) - ONES)


@njit
def lane_mask(guards: int) -> int:
    """All nine digits of the lanes whose guard bit is given."""
    return guards - (guards >> 9)


@njit
def lane_counts(word: int) -> int:
    """Number of digits in each lane."""
    pairs = word - ((word >> 1) & (0x155 * ONES))
    quads = (pairs & (0x133 * ONES)) + ((pairs >> 2) & (0x033 * ONES))
    nibble = 0xF * ONES
    return (quads & nibble) + ((quads >> 4) & nibble) + ((quads >> 8) & ONES)


@njit
def bit_count(word: int) -> int:
    """Number of bits set in a word below 2**32."""
    word = word - ((word >> 1) & 0x55555555)
    word = (word & 0x33333333) + ((word >> 2) & 0x33333333)
    word = (word + (word >> 4)) & 0x0F0F0F0F
    return ((word * 0x01010101) >> 24) & 0xFF


@njit
def settle_box(state: np.ndarray, box: int) -> bool:
    """Apply the rules inside one box until nothing changes; False on a contradiction.

    A cell with one digit takes it from the other cells. A digit that must lie in a minirow or
    minicolumn, and fits only one cell of it, takes that cell.
    """
    base = 12 + 3 * box
    r0, r1, r2 = int(state[base]), int(state[base + 1]), int(state[base + 2])
    while True:
        b0, b1, b2 = r0, r1, r2
        if empty_lanes(r0) | empty_lanes(r1) | empty_lanes(r2):
            return False
        # cells with one digit
        s0 = r0 & lane_mask(empty_lanes(without_lowest(r0)))
        s1 = r1 & lane_mask(empty_lanes(without_lowest(r1)))
        s2 = r2 & lane_mask(empty_lanes(without_lowest(r2)))
        singles = folded(s0 | s1 | s2)
        if bit_count(s0) + bit_count(s1) + bit_count(s2) != bit_count(singles):
            return False  # two cells with the same digit
        others = FULL & ~(singles * ONES)
        r0 &= others | s0
        r1 &= others | s1
        r2 &= others | s2
        # digits with one cell left in the minicolumn they must lie in: all three lanes at once
        once = FULL & ~elsewhere(r0 | r1 | r2) & (r0 ^ r1 ^ r2) & ~(r0 & r1 & r2)
        # ... and in the minirow
        in0, in1, in2 = folded(r0), folded(r1), folded(r2)
        f0 = r0 & (once | (~elsewhere(r0) & ((ALL & ~(in1 | in2)) * ONES)))
        f1 = r1 & (once | (~elsewhere(r1) & ((ALL & ~(in0 | in2)) * ONES)))
        f2 = r2 & (once | (~elsewhere(r2) & ((ALL & ~(in0 | in1)) * ONES)))
        if without_lowest(f0) | without_lowest(f1) | without_lowest(f2):
            return False  # two digits that need the same cell
        r0 &= f0 | lane_mask(empty_lanes(f0))
        r1 &= f1 | lane_mask(empty_lanes(f1))
        r2 &= f2 | lane_mask(empty_lanes(f2))
        if r0 == b0 and r1 == b1 and r2 == b2:
            break
    state[base], state[base + 1], state[base + 2] = r0, r1, r2
    return True


@njit
def settle_band(state: np.ndarray, band: int) -> bool:
    """Apply "a minirow holds three digits" until nothing changes; False on a contradiction."""
    even, odd = int(state[2 * band]), int(state[2 * band + 1])
    while True:
        before_even, before_odd = even, odd
        if folded(even | odd) != ALL:
            return False  # a digit without ways
        for place in range(3):
            back = (3 - place) % 3
            possible = rotate(even, place) | rotate(odd, back)
            counts = lane_counts(possible) | GUARDS
            if GUARDS & ~(counts - 3 * ONES):
                return False  # a minirow with fewer than three digits
            exact = possible & lane_mask(GUARDS & ~(counts - 4 * ONES))
            possible &= ~elsewhere(exact)
            must = FULL & ~elsewhere(possible)
            counts = lane_counts(must) | GUARDS
            if GUARDS & (counts - 4 * ONES):
                return False  # a minirow that more than three digits need
            possible &= must | (FULL & ~lane_mask(GUARDS & (counts - 3 * ONES)))
            even &= rotate(possible, back)
            odd &= rotate(possible, place)
        if even == before_even and odd == before_odd:
            break
    state[2 * band], state[2 * band + 1] = even, odd
    return True


@njit
def restrict_band(state: np.ndarray, band: int, place: int, minirows: int) -> bool:
    """Keep the ways of `band` that fit `minirows` of its box number `place`; True if any goes."""
    even, odd = int(state[2 * band]), int(state[2 * band + 1])
    state[2 * band] = even & rotate(minirows, (3 - place) % 3)
    state[2 * band + 1] = odd & rotate(minirows, place)
    return state[2 * band] != even or state[2 * band + 1] != odd


@njit
def restrict_box(state: np.ndarray, box: int, band: int, minirows: int) -> bool:
    """Keep the digits of `box` that fit `minirows` of `band` in it; True if any goes."""
    changed = False
    for i in range(3):
        cells = int(state[12 + 3 * box + i])
        allowed = ((minirows >> (10 * i)) & ALL) * ONES if band < 3 else minirows
        state[12 + 3 * box + i] = cells & allowed
        changed |= cells & allowed != cells
    return changed


@njit
def first_bit(bits: int) -> int:
    """Position of the lowest bit set."""
    position = 0
    while not bits >> position & 1:
        position += 1
    return position


@njit
def propagate(state: np.ndarray, bands: int, boxes: int) -> bool:
    """Apply all rules until nothing changes; False on a contradiction.

    `bands` and `boxes` are the bit sets of those that have changed since they were last settled.
    """
    while bands or boxes:
        if boxes:
            box = first_bit(boxes)
            boxes &= ~(1 << box)
            if not settle_box(state, box):
                return False
            base = 12 + 3 * box
            r0, r1, r2 = int(state[base]), int(state[base + 1]), int(state[base + 2])
            minirows = folded(r0) | folded(r1) << 10 | folded(r2) << 20
            if restrict_band(state, box // 3, box % 3, minirows):
                bands |= 1 << (box // 3)
            if restrict_band(state, 3 + box % 3, box // 3, r0 | r1 | r2):
                bands |= 1 << (3 + box % 3)
        else:
            band = first_bit(bands)
            bands &= ~(1 << band)
            if not settle_band(state, band):
                return False
            even, odd = int(state[2 * band]), int(state[2 * band + 1])
            for place in range(3):
                box = 3 * band + place if band < 3 else band - 3 + 3 * place
                minirows = rotate(even, place) | rotate(odd, (3 - place) % 3)
                if restrict_box(state, box, band, minirows):
                    boxes |= 1 << box
    return True


@njit
def set_up(state: np.ndarray, masks: np.ndarray) -> None:
    """Fill `state` from `masks` (81): the digits allowed in each cell, bit d - 1 for digit d."""
    for word in range(12):
        state[word] = FULL
    for box in range(9):
        for i in range(3):
            cell = (box // 3 * 3 + i) * 9 + box % 3 * 3
            word = int(masks[cell]) | int(masks[cell + 1]) << 10 | int(masks[cell + 2]) << 20
            state[12 + 3 * box + i] = word


@njit
def read_grid(state: np.ndarray, grid: np.ndarray) -> None:
    """Write the digits 1-9 of a solved state into `grid` (81)."""
    for box in range(9):
        for i in range(3):
            word = int(state[12 + 3 * box + i])
            for j in range(3):
                cell = (box // 3 * 3 + i) * 9 + box % 3 * 3 + j
                grid[cell] = first_bit((word >> (10 * j)) & ALL) + 1
