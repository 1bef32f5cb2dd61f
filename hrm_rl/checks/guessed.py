"""What is said where something had to be guessed."""


class Guessed(UserWarning):
    """A checkpoint leaves something open, and what was taken for it is said, in one sentence."""
