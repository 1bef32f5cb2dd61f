"""HaltBench: halting rules and learners of anybody, scored on the same frozen banks by one protocol."""
