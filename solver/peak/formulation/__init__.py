"""What the CP-SAT and the ILP formulation of least peak memory share; needs no solver library.

Both decide, for every pair of ops that precedence leaves open, which of the two runs first: the
*linear ordering* formulation (Groetschel, Juenger, Reinelt, Operations Research 1984) with memory
rows on top. In words::

    minimise   P
    before(u, v) = 1 - before(v, u)                        for u, v in either order
    before(u, v) + before(v, w) + before(w, u) <= 2        no cycle
    bytes in use while v runs <= P                         for every op v

What is live while ``v`` runs depends on the *set* of ops before ``v`` alone, so its bytes are
linear in ``before(., v)`` and a few "all of these are before v". Fix one ``v``: the linear program
over its row is the minimum cut of :mod:`solver.peak.bounds` in its standard dual form, so the
relaxation is never below the largest cut bound; the cycle rows, which tie the cuts of several ops
together, lift it above. Steps have no number here.

The alternative is ``y[v, t] = 1`` if ``v`` is among the first ``t`` ops, with a memory row per
step. Its LP spreads every op over many steps: on a closed layered graph of 60 ops its root bound
was 7041, no better than the largest cut, where this one had 8396 (optimum 9173). Ten random graphs
of 25 to 28 ops took HiGHS 10.5 s with this one and 18.8 s with the other; on graphs of 40 ops, and
for CP-SAT, the two are about equal. The other is the smaller program from about 100 ops on: its
rows grow with the square of the number of ops, here with the cube.
"""
