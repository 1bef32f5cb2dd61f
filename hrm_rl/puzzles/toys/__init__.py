"""Small puzzles whose right number of segments is known, and queens."""
