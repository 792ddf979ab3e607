"""Lower bounds from what is in the TCM while the ops of a chain run.

Take a chain of ops ``v1 < v2 < ...``, each of which precedence puts before the next: *landmarks*.
Whatever the order, what is live at a landmark beyond the TCM is absent there, and absence has its
price. A linear program decides, for every landmark, which ops run before it (a closed set that
grows from one landmark to the next) and which of the live buffers are absent::

    minimise   sum of size(b) * reload(b, i) + sum of size(b) * stored(b)
    before(u, i) >= before(w, i)                  u precedes w
    before(u, i + 1) >= before(u, i)
    kept(b, i) + absent(b, i) >= born(b, i) - dead(b, i)
    sum of size(b) * kept(b, i) <= TCM - footprint(v_i)      over b that v_i does not touch
    stored(b) >= absent(b, i)                     b neither input nor output
    reload(b, i) >= absent(b, i) - absent(b, i + 1)
    reload(b, i) >= absent(b, i)                  if b is surely used between the two landmarks

``born``: some first user of ``b`` is before the landmark; ``dead``: all last users are. With a
single landmark this is a minimum cut. With more, the bounds of separated stretches add up: a gap
of absence that spans several landmarks is paid once, those between which a buffer is used are paid
each. A plan gives values to all variables, of whole zeros and ones, that satisfy every row and
cost no more than it spills; so the least value of the program is a bound.

The value is not taken from the solver. Any non-negative multipliers of the rows prove a bound (weak
duality), so the solver's are rounded to integers and that bound is worked out exactly.

Landmarks are worth their while in networks that are too large for the bounds of
:mod:`solver.traffic.tally`, such as training steps, where buffers wait for long.
"""

from solver.traffic.landmarks.bound import Landmarks

__all__ = ["Landmarks"]
