"""Problem 2: least traffic between a tightly coupled memory and external memory."""

from solver.traffic.minimize import minimize_traffic
from solver.traffic.model import Mode, TrafficProblem, Weights, make_traffic_problem
from solver.traffic.outcome import TrafficOutcome

__all__ = [
    "Mode",
    "TrafficOutcome",
    "TrafficProblem",
    "Weights",
    "make_traffic_problem",
    "minimize_traffic",
]
