"""Parity of a vector of bits."""
