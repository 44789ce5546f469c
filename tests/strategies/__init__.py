"""Random scenarios in the file's form, for Hypothesis: one byte of a small stream decides one thing.

    bytes per head, rank, member, default, event   ->   a scenario, its rulebook inline, all scalars strings

One stream for each part keeps drawing cheap and shrinking useful: a rank, a member, a default or an event
is left out whole, and a byte of zero is the simplest choice. ``features`` switch words of the language on
for a whole scenario, so that some scenarios have few of them and others nearly all.
"""

from strategies.happenings import scenarios
from strategies.shares import Pot, chains, sharings, simple
from strategies.values import BIDS, CHAIN, OTHERS, PLAIN, TIMES, UNKNOWN, WIDE, day_of_2024, instant

__all__ = [
    "BIDS",
    "CHAIN",
    "OTHERS",
    "PLAIN",
    "TIMES",
    "UNKNOWN",
    "WIDE",
    "Pot",
    "chains",
    "day_of_2024",
    "instant",
    "scenarios",
    "sharings",
    "simple",
]
