"""A second, naive reading of the rulebook language, to judge the engine by.

Everything is brute force with exact fractions; money is counted in minor units. ``words`` reads the
file's form, ``sharing`` divides, ``periods`` knows days and windows; ``reading`` finds what an amount
comes to, ``purses`` where money stands, ``pouring`` who pays, ``returns`` what comes back, and ``run``
takes a scenario from its first event to its last.
"""

from oracle.run import judge, told
from oracle.words import CALLED, HELD_BY_CHAIN, OWED, Refused

__all__ = ["CALLED", "HELD_BY_CHAIN", "OWED", "Refused", "judge", "told"]
