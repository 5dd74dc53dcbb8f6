"""Lethe's durations on this scenario's time scale. Pure.

A day of Lethe's time is just under a second here, so that what was compromised, and is kept for 90 days by default,
leaves the archive while the demo watches.
"""

import re

TIME_SCALE = 100_000
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def real(duration):
    """A duration of the configuration, as `90d`, in seconds of the real world."""
    number, unit = re.fullmatch(r"(\d+)([smhd])", duration).groups()
    return int(number) * UNITS[unit]


def scaled(duration):
    """The same on the local profile's scale: whole seconds, rounded up, so that nothing becomes nothing."""
    return -(-real(duration) // TIME_SCALE)
