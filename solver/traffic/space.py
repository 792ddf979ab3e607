"""The state space of a traffic problem, in reversed time.

Backwards, a plan only ever drops buffers. A buffer becomes live when its last user is undone, has
to be back at each earlier user, and leaves for good when its first user is undone. Dropping it
costs what absence during the gap costs forwards: a reload, and the one write-back the first time;
reappearing is free. So a state is

* ``undone``: the ops undone so far, closed under successors,
* ``resident``: the live buffers that have been kept since they were last touched,
* ``stored``: the resident buffers that were absent in an earlier gap, so that a write-back is paid.

Only buffers with two users or more are *tracked*. All others take room while their op runs and
need no decision. A space may be restricted to a *window* of ops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.peak.space import bits
from solver.traffic.live import live_workspace
from solver.traffic.model import Mode
from solver.traffic.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from solver.traffic._native import Capsule
    from solver.traffic.model import TrafficProblem


class Space:
    """Backward states over a set of ops.

    Parameters
    ----------
    problem : TrafficProblem
        The whole problem; no op of the window may be oversized.
    window : sequence of int, optional
        Ops to undo; all when omitted.
    reach : sequence of int, optional
        Mask of all descendants of each problem op, itself excluded; computed when omitted.

    Attributes
    ----------
    ops : tuple of int
        Problem op of each window op.
    need : list of int
        Mask of window ops that must be undone before, direct or not.
    follow : list of tuple of int
        Window ops that may become ready when this one is undone.
    fixed : list of int
        Bytes each op needs for its workspace and its untracked operands.
    touch : list of int
        Mask of tracked buffers per op.
    buffers : tuple of int
        Problem buffer of each tracked buffer, largest first.
    size, users, writers : list of int
        Bytes, and masks of window ops, per tracked buffer.
    clean : int
        Mask of tracked buffers that external memory holds anyway: inputs and outputs.
    full : int
        Mask of all window ops.
    live_capacity : int or None
        Bytes that may be live while an op runs, wherever they are; None if that cannot bind. Only
        of spaces without a window.
    live : int
        Bytes live when no op is undone.
    workspace : list of int
        Bytes per op that hold nothing live while it runs, under a cap on live bytes.
    enters, leaves : list of int
        Bytes of untracked buffers that become live, and that cease to be so, when an op is undone.
    inputs, outputs : int
        Masks of tracked buffers.
    kept : int
        Mask of tracked buffers that are never dropped: external memory is too small for them.
    """

    def __init__(
        self,
        problem: TrafficProblem,
        window: Sequence[int] | None = None,
        reach: Sequence[int] | None = None,
    ) -> None:
        self.problem = problem
        self.capacity = problem.capacity
        self.streaming = problem.mode is Mode.STREAMING
        self.ops = tuple(range(len(problem)) if window is None else window)
        self.full = (1 << len(self.ops)) - 1
        index = {v: i for i, v in enumerate(self.ops)}
        reach = descendants(problem) if reach is None else reach
        self.need = [
            sum(1 << index[w] for w in bits(reach[v]) if w in index) if window is not None
            else reach[v]
            for v in self.ops
        ]  # fmt: skip
        self._follow(problem, window, index)
        self.native: Capsule | None = None  # the same in the compiled kernel, made on demand
        self.tally = Tally(self)
        self._track(problem, index)
        self._count_live(problem, whole=window is None)

    def _follow(
        self, problem: TrafficProblem, window: Sequence[int] | None, index: dict[int, int]
    ) -> None:
        if window is None:
            self.follow = [tuple(problem.predecessors[v]) for v in self.ops]
            return
        follow: list[list[int]] = [[] for _ in self.ops]
        for i, need in enumerate(self.need):
            indirect = 0
            for j in bits(need):
                indirect |= self.need[j]
            for j in bits(need & ~indirect):
                follow[j].append(i)
        del index
        self.follow = [tuple(f) for f in follow]

    def _track(self, problem: TrafficProblem, index: dict[int, int]) -> None:
        tracked = [
            b
            for b, buffer in enumerate(problem.buffers)
            if sum(u in index for u in buffer.users) > 1
        ]
        tracked.sort(key=lambda b: (-problem.buffers[b].size, b))
        self.buffers = tuple(tracked)
        self.size = [problem.buffers[b].size for b in tracked]
        self.users = [_mask(problem.buffers[b].users, index) for b in tracked]
        self.writers = [_mask(problem.buffers[b].writers, index) for b in tracked]
        self.clean = sum(
            1 << k
            for k, b in enumerate(tracked)
            if problem.buffers[b].is_input or problem.buffers[b].is_output
        )
        self.touch = [0] * len(self.ops)
        for k, users in enumerate(self.users):
            for i in bits(users):
                self.touch[i] |= 1 << k
        known = set(tracked)
        self.fixed = [problem.workspace[v] for v in self.ops]
        if not self.streaming:
            for i, v in enumerate(self.ops):
                self.fixed[i] += sum(
                    problem.buffers[b].size for b in problem.touched[v] if b not in known
                )

    def _count_live(self, problem: TrafficProblem, *, whole: bool) -> None:
        buffers = problem.buffers
        self.live = problem.idle_bytes + sum(b.size for b in buffers if b.is_output)
        self.workspace = [0] * len(self.ops)
        capacity = problem.live_capacity if whole else None
        if capacity is not None:
            self.workspace = list(live_workspace(problem))
            most = problem.idle_bytes + sum(b.size for b in buffers)
            if capacity >= most + max(self.workspace, default=0):
                capacity, self.workspace = None, [0] * len(self.ops)
        self.live_capacity = capacity
        outside = problem.external
        self.kept = 0
        if outside is not None:
            outside -= problem.idle_bytes
            self.kept = sum(1 << k for k, size in enumerate(self.size) if size > outside)
        self.inputs = sum(1 << k for k, b in enumerate(self.buffers) if buffers[b].is_input)
        self.outputs = sum(1 << k for k, b in enumerate(self.buffers) if buffers[b].is_output)
        self.enters = [0] * len(self.ops)
        self.leaves = [0] * len(self.ops)
        for i, v in enumerate(self.ops):
            for b in problem.touched[v]:
                if len(buffers[b].users) == 1:
                    self.enters[i] += 0 if buffers[b].is_output else buffers[b].size
                    self.leaves[i] += 0 if buffers[b].is_input else buffers[b].size

    def live_at(self, op: int, undone: int, live: int) -> tuple[int, int]:
        """Bytes live while ``op`` runs, its workspace included, and before it.

        ``live`` bytes are so before the ops ``undone``.
        """
        enters, leaves = self.enters[op], self.leaves[op]
        for k in bits(self.touch[op]):
            if not (self.users[k] & undone or self.outputs >> k & 1):
                enters += self.size[k]
            if not (self.writers[k] & ~(undone | 1 << op) or self.inputs >> k & 1):
                leaves += self.size[k]
        during = live + enters + self.workspace[op]
        return during, live + enters - leaves

    def bytes_of(self, buffers: int) -> int:
        """Total size of tracked buffers."""
        return sum(self.size[k] for k in bits(buffers))

    def drop_cost(self, buffer: int, undone: int, stored: int) -> int:
        """Bytes that absence since the buffer was last touched costs."""
        size = self.size[buffer]
        if undone & self.writers[buffer]:
            return 2 * size
        return size if (self.clean | stored) >> buffer & 1 else 2 * size

    def finished(self, op: int, undone: int) -> int:
        """Buffers of ``op`` that leave for good when it is undone, giving ``undone``."""
        gone = 0
        for k in bits(self.touch[op]):
            if not self.users[k] & ~undone:
                gone |= 1 << k
        return gone

    def rewritten(self, op: int) -> int:
        """Buffers that ``op`` writes: what was stored of them before is of no more use."""
        return sum(1 << k for k in bits(self.touch[op]) if self.writers[k] >> op & 1)

    def ready(self, undone: int) -> int:
        """Mask of ops that may be undone next."""
        return sum(
            1 << i for i, need in enumerate(self.need) if not undone >> i & 1 and not need & ~undone
        )

    def ready_after(self, op: int, undone: int, ready: int) -> int:
        """Update the ready mask once ``op`` is undone, giving ``undone``."""
        ready &= ~(1 << op)
        for i in self.follow[op]:
            if not self.need[i] & ~undone:
                ready |= 1 << i
        return ready


def descendants(problem: TrafficProblem) -> list[int]:
    """Mask of the ops that must come later, for each op."""
    waiting = [len(after) for after in problem.successors]
    front = [v for v, count in enumerate(waiting) if count == 0]
    reach = [0] * len(problem)
    while front:
        v = front.pop()
        for w in problem.successors[v]:
            reach[v] |= reach[w] | 1 << w
        for p in problem.predecessors[v]:
            waiting[p] -= 1
            if waiting[p] == 0:
                front.append(p)
    return reach


def _mask(ops: Iterable[int], index: dict[int, int]) -> int:
    mask = 0
    for v in ops:
        if v in index:
            mask |= 1 << index[v]
    return mask
