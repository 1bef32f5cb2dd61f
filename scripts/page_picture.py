"""A picture of the page that `hrm-rl page` writes, with a round under way.

    hrm-rl page --out halting.html
    python scripts/page_picture.py halting.html docs/page.png [--round 7] [--ended 4] [--dark]
                                   [--width 1100] [--height 1130]

Puzzles are played by the Q rule on the two digits that the page shows. Needs hrm-rl[browser] and
Debian's chromium.
"""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

WAIT = 120_000  # milliseconds


def play(page: Page, ended: int) -> None:
    """End so many puzzles, and think about the next until the rule would halt."""
    from playwright.sync_api import expect

    for number in range(1, ended + 2):
        expect(page.locator("#where")).to_contain_text(f"Puzzle {number} of")
        segment = 1
        while True:
            expect(page.locator("#segment")).to_contain_text(f"Segment {segment} of", timeout=WAIT)
            over = page.locator("#next").is_visible()
            halt, later = map(float, page.locator(".q output").all_inner_texts())
            if over or halt > later:
                break
            page.keyboard.press("Space")
            segment += 1
        if number <= ended:
            if not over:
                page.keyboard.press("Enter")
            page.keyboard.press("Enter")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--round", type=int, default=7)
    parser.add_argument("--ended", type=int, default=4)
    parser.add_argument("--width", type=int, default=1100)
    parser.add_argument("--height", type=int, default=1130)
    parser.add_argument("--dark", action="store_true")
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as browsers:
        found = shutil.which("chromium")
        browser = browsers.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": args.width, "height": args.height},
            color_scheme="dark" if args.dark else "light",
            reduced_motion="reduce",
        )
        page.goto(f"{args.page.resolve().as_uri()}#round={args.round}")
        play(page, args.ended)
        picture = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    picture.convert("RGB").quantize(64).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
