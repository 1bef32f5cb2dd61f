"""Web pages that are one file: a model to play with, and a comparison to read. See docs/page.md."""
