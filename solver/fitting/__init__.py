"""Does a network fit a device, what is missing if not, and what would make it fit."""

from solver.fitting.answer import Answer, Verdict, judge
from solver.fitting.need import Need, assess
from solver.fitting.room import Arena, Room, room_of

__all__ = ["Answer", "Arena", "Need", "Room", "Verdict", "assess", "judge", "room_of"]
