"""Conway's Game of Life, some generations ahead."""
