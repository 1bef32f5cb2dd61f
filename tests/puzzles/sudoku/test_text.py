"""Sudoku as people write it: every blank, border and file format that circulates gives one grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_rl.puzzles import PuzzleError, Sudoku
from hrm_rl.puzzles.sudoku.text import cells, puzzles, told_size

GAME = Sudoku(9)
LINE = "4...3.......6..8..........1....5..9..8....6...7.2........1.27..5.3....4.9........"
OTHER = "7.8...3.....2.1...5.........4.....263...8.......1...9..9.6....4....7.5..........."
ANSWER = "468931527751624839392578461134756298289413675675289314846192753513867942927345186"
ROWS = [LINE[i : i + 9] for i in range(0, 81, 9)]


def drawn(corner: str, middle: str, bar: str, gap: str = " ") -> str:
    """A grid with borders around and between its boxes."""
    lines = [corner]
    for i, row in enumerate(ROWS):
        if i in (3, 6):
            lines.append(middle)
        boxes = [gap + gap.join(row[j : j + 3]) + gap for j in (0, 3, 6)]
        lines.append(bar + bar.join(boxes) + bar)
    return "\n".join([*lines, corner])


PICTURES = {
    "ascii": drawn("+-------+-------+-------+", "+-------+-------+-------+", "|"),
    "dots": drawn(".-------.-------.-------.", ":-------+-------+-------:", "|"),
    "simple sudoku": drawn("*-----------*", "|---+---+---|", "|", ""),
    "double": drawn("=========================", "||=====+=====+=====||", "|"),
    "unicode": drawn("┌───────┬───────┬───────┐", "├───────┼───────┼───────┤", "│"),
    "dashes alone": drawn("-" * 25, "-" * 25, "|"),
    "nine dashes": drawn("", "---------", "", ""),
}


@pytest.mark.parametrize("blank", list("0.*_-xX?"))
def test_every_blank_in_one_line_in_rows_and_in_borders(blank: str) -> None:
    line = LINE.replace(".", blank)
    rows = [line[i : i + 9] for i in range(0, 81, 9)]
    spaced = "\n".join(" ".join(row) for row in rows)
    barred = "\n".join(f"{row[:3]}|{row[3:6]}|{row[6:]}" for row in rows)
    for text in (line, "\n".join(rows), spaced, barred, GAME_PRETTY.replace(".", blank)):
        assert cells(text, 9) == LINE
    assert cells(blank * 81, 9) == "." * 81


GAME_PRETTY = GAME.pretty(GAME.parse(LINE))


@pytest.mark.parametrize("name", PICTURES)
def test_every_border(name: str) -> None:
    assert cells(PICTURES[name], 9) == LINE
    (found,) = puzzles(f"# a comment\n\n{PICTURES[name]}\n", 9)
    assert found.cells == LINE


@given(st.sampled_from((4, 6, 9)).flatmap(lambda n: st.tuples(*[st.integers(0, n)] * n**2)))
def test_the_printed_grid_is_read_back(digits: tuple[int, ...]) -> None:
    game = Sudoku(round(len(digits) ** 0.5))
    digits_L = np.array(digits, np.uint8)
    text = game.pretty(digits_L)
    for written in (text, text.replace("\n", "\r\n"), "\ufeff" + text, f"# mine\n{text}\n"):
        assert np.array_equal(game.parse(written), digits_L)
    assert told_size(text) == game.size
    assert [found.cells for found in puzzles(text + "\n\n" + text, game.size)] == [
        game.format(digits_L)
    ] * 2


@pytest.mark.parametrize(
    ("line", "rating", "source", "answer"),
    [
        (LINE, "", "", ""),
        (f"{LINE},29", "29", "", ""),
        (f"{LINE};top1465;29", "29", "top1465", ""),
        (f"{LINE}\t4.5", "4.5", "", ""),
        (f"0000183b305c {LINE}  1.2", "1.2", "0000183b305c", ""),
        (f"{LINE} # 17 clues", "", "", ""),
        (f"{LINE},{ANSWER}", "", "", ANSWER),
        (f'"{LINE}","{ANSWER}"', "", "", ANSWER),
        (f"top,{LINE.replace('.', '0')},{ANSWER},29", "29", "top", ANSWER),
    ],
)
def test_what_stands_beside_a_puzzle(line: str, rating: str, source: str, answer: str) -> None:
    found, other = puzzles(f"#A comment\n{line}\n{OTHER}\n", 9)
    assert found[1:] == (LINE, answer, rating, source)
    assert (other.line, other.cells) == (3, OTHER)
    assert cells(line, 9) == LINE


def test_many_grids_with_headings_and_a_spreadsheet() -> None:
    sheet = "\n".join(",".join(cell.replace(".", "") for cell in row) for row in ROWS)
    brackets = "\n".join("[" + ", ".join(row.replace(".", "0")) + "]," for row in ROWS)
    grids = ["\n".join(ROWS).replace(".", "0"), sheet, brackets, PICTURES["dots"]]
    text = "\n".join(f"Grid {n:02}\n{grid}" for n, grid in enumerate(grids, 1))
    found = puzzles(text, 9)
    assert [one.cells for one in found] == [LINE] * 4
    assert [one.source for one in found] == ["Grid 01", "Grid 02", "Grid 03", "Grid 04"]
    assert [one.line for one in found] == [2, 12, 22, 32 + 1]
    sdk = "#A Somebody\n#D easy\n[Puzzle]\n" + "\n".join(ROWS)
    state = "[State]\n" + "\n".join(ANSWER[i : i + 9] for i in range(0, 81, 9))
    for text in (sdk, f"{sdk}\n{state}", f"; a comment\n% another\n-- a third\n{sdk}"):
        assert cells(text, 9) == LINE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{LINE}\n{OTHER[:-1]}", r"line 2: .* 9 cells, and a 9x9 Sudoku 81, got 80"),
        (f"{LINE}\n{OTHER[:-1]}Q", "line 2: a cell must be '.' or a digit from 0 to 9, got 'Q'"),
        (f"{LINE}\nx{OTHER[1:-2]}ab", "line 2: a cell must be .* got 'a'"),
        ("xx3xx7x", "line 1: a row has 9 cells"),
        ("\n".join(ROWS[:8]), "line 1: the grid that begins here has 8 rows"),
        ("\n".join([*ROWS[:4], "heading", *ROWS[4:]]), "line 5: a cell must be .* got 'h'"),
    ],
)
def test_a_line_that_is_no_puzzle_is_named(text: str, message: str) -> None:
    with pytest.raises(PuzzleError, match=message):
        puzzles(text, 9)


def test_where_one_is_wanted_several_are_counted() -> None:
    with pytest.raises(PuzzleError, match="one puzzle is wanted here, and the text holds 2"):
        GAME.parse(f"{LINE}\n{OTHER}")


@given(st.text(alphabet="0123456789.*_-xX?|+#,; \t\n\r=:'[]ab\ufeff┌─", max_size=200))
def test_any_text_is_a_grid_or_one_sentence(text: str) -> None:
    for read in (cells, puzzles):
        try:
            found = read(text, 4)
        except PuzzleError as error:
            assert "\n" not in str(error) and len(str(error)) < 300
        else:
            grids = [found] if isinstance(found, str) else [one.cells for one in found]
            assert all(len(grid) == 16 and set(grid) <= set(".1234") for grid in grids)


def test_spaces_are_blanks_in_a_line_of_all_cells() -> None:
    """Alone, with an answer or a name behind it, as a cell of a table; leading and trailing ones too."""
    grid = "....2.6..9..3.5..1..18.64....81.29..7.......8..67.82....26.95..8..2.3..9..5.1.3.."
    spaced, answer = grid.replace(".", " "), "483921657967345821251876493" * 3
    assert spaced[0] == spaced[-1] == " " and told_size(spaced) == 9
    assert cells(spaced, 9) == cells(spaced + "\n", 9) == grid
    (one,) = puzzles(f"{spaced}\t{answer}\t29\tmine\n", 9)
    assert (one.cells, one.answer, one.rating, one.source) == (grid, answer, "29", "mine")
    assert [found.cells for found in puzzles(f"{spaced}\n{spaced}\n", 9)] == [grid] * 2
    with pytest.raises(PuzzleError, match="a space is one only where all cells are on one line"):
        cells(spaced.strip(), 9)


@pytest.mark.parametrize("line", ["1 2 3 4", "12 34", " 1  2  3  4 1 2 "])
def test_digits_set_apart_are_no_blanks(line: str) -> None:
    """But for sixteen characters, which are a 4x4 Sudoku."""
    rows = "\n".join([line, "3 4 1 2", "2 1 4 3", "4 3 2 1"])
    if len(line) < 16:
        assert cells(rows, 4) == "1234341221434321"
    else:
        assert cells(line, 4) == ".1..2..3..4.1.2."
