"""ARC: boards, tasks, sets, symmetries, and the vote over the variants of a question."""
