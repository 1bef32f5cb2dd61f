"""Training in the joint regime: the trainer, what it is made of, and the named runs."""
