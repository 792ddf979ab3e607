"""Problem 1: the order of least peak memory."""

from solver.peak.minimize import minimize_peak

__all__ = ["minimize_peak"]
