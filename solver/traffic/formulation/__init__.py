"""What the CP-SAT and the ILP formulation of least traffic share; needs no solver library.

Both decide, for every pair of ops that precedence leaves open, which of the two runs first (the
*linear ordering* of :mod:`solver.peak.formulation`), and for every use ``w`` of a buffer ``b``
whether ``b`` was absent in the gap that ends with ``w``. In words::

    minimise   sum of size(b) * absent(b, w)      twice that where w writes
             + sum of size(b) * stored(b)
    before(.,.) is an order
    stored(b) >= absent(b, w)                     b neither input nor output, w a reader
    present(b, v) >= live(b, v) - sum of spans(b, w, v)
    spans(b, w, v) <= absent(b, w)
    spans(b, w, v) <= "w is the next use of b after v"
    sum of size(b) * present(b, v) + footprint(v) <= TCM

``live(b, v)``: some use of ``b`` is before ``v`` and some use after it, which is linear in
``before(., v)`` and a few "all of these are before v". So with ``v`` fixed the rows state that
whatever a minimum cut leaves live beyond the TCM is absent, and absence has its price: the linear
relaxation is never below that bound, and the cycle rows tie the cuts of several ops together. In
streaming mode the ops that use ``b`` have such rows too, one for the gap before and one for the
gap after.

The usual alternative numbers the steps: ``y[v, t] = 1`` if ``v`` is among the first ``t`` ops, with
residency, loads and a memory row per step (as COSMA does, Zhang et al., 2023). Its relaxation
spreads every op over many steps and holds nothing at all: on the cells of DARTS and AmoebaNet-A and
on randomly wired ones of 12 and 16 nodes, the root bound was 0 where this formulation had at least
83 % of the optimum, and mostly all of it; HiGHS took 0.5 to 1.7 s for the proof with this one and
had none after 40 s with the other.
"""
