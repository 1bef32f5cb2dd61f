"""Numbers in, numbers out: intervals, ranks, metrics, calibration, regressions."""
