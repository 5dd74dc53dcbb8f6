"""What the tenants and their applications did, with the times of it: the truth that the checker holds the cloud against.

A reference is certain from the moment its write was answered until the moment its removal was sent; it is possible from
the moment its write was sent until its removal was answered. Who must be kept is judged by what is certain, who must go
by what is possible, so that the journal never asks for more than a tenant could know.
"""

import math
import threading
from collections import defaultdict
from dataclasses import dataclass, field


@dataclass
class Reference:
    """One token in one place."""

    # When its write was sent and answered.
    sent: float
    written: float = math.inf
    # When its removal was sent and answered.
    leaving: float = math.inf
    left: float = math.inf


@dataclass
class Use:
    """A token was read or issued, and that was answered."""

    sent: float
    answered: float


@dataclass
class Fault:
    """A fault that was in force: certainly from `begin` to `end`, in part from `setting` to `mended`."""

    kind: str
    tenant: str
    source: str
    setting: float
    begin: float = math.inf
    end: float = math.inf
    mended: float = math.inf
    # Objects or stores that it met; one that met nothing did no harm.
    n_hit: int = 0

    def covers(self, since, until):
        """Whether it was in force all the while."""
        return 0 < self.n_hit and self.begin <= since and until <= self.end

    def touches(self, since, until):
        """Whether any part of it was in force at any time in between."""
        return self.setting <= until and since <= self.mended


@dataclass
class Journal:
    """Everything that was done, in memory; any thread may write."""

    references: dict = field(default_factory=lambda: defaultdict(list))
    uses: dict = field(default_factory=lambda: defaultdict(list))
    faults: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def sending(self, token, now):
        """A reference is about to be written; its record."""
        reference = Reference(now)
        with self.lock:
            self.references[token].append(reference)
        return reference

    def used(self, token, sent, answered):
        """A read or an issue was answered."""
        with self.lock:
            self.uses[token].append(Use(sent, answered))

    def begin(self, kind, tenant, source, now):
        """A fault is being put in force; its record, of which the rest is filled in later."""
        fault = Fault(kind, tenant, source, now)
        with self.lock:
            self.faults.append(fault)
        return fault

    def is_held(self, token):
        """Whether some store certainly holds it now."""
        return any(place.written < math.inf and place.leaving == math.inf for place in self.references.get(token, ()))

    def held_throughout(self, token, since, until, in_flight):
        """Whether some store held it all the while, gaps up to `in_flight` allowed: a reference that moves is nowhere
        for a moment. One whose last reference had gone before the end was not held."""
        reached = since - in_flight
        spans = sorted((place.written, place.leaving) for place in self.references.get(token, ()))
        for written, leaving in spans:
            if reached + in_flight < written:
                break
            reached = max(reached, leaving)
        return until <= reached

    def used_after(self, token, since, until):
        """Whether it was read or issued in this time: sent after its beginning, answered before its end."""
        return any(since <= use.sent and use.answered <= until for use in self.uses.get(token, ()))

    def idle_since(self, token):
        """From when on it was certainly in no store and nobody used it; infinity while that is not so."""
        places = [place.left for place in self.references.get(token, ())]
        uses = [use.answered for use in self.uses.get(token, ())]
        return max(places + uses, default=-math.inf)
