"""What comes in at a border is checked here, in one sentence: what, got, and cure."""
