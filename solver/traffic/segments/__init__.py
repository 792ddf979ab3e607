"""Better plans of large networks, segment by segment.

A plan of the whole network is cut at two places of its order. What runs between them is a problem
of its own (:mod:`solver.traffic.segments.cut`): what is resident at either end stays so, what is
absent starts or ends in external memory, and the least traffic in between is found by the exact
search. What that saves, the whole plan saves. Segments overlap and grow while they can be solved
(:mod:`solver.traffic.segments.splitter`), so neither their number nor their size is fixed. A
segment of a network's whole order is the problem itself.

This changes plans only. Bounds on them come from elsewhere and hold for all plans.
"""

from solver.traffic.segments.splitter import Splitter

__all__ = ["Splitter"]
