"""ARC puzzles that carry their demonstrations."""
