"""Kills functions while they work, to show that recovery is the normal path.

A killed function leaves behind whatever it had done so far: half a batch of writes, a message nobody acknowledged, a
stream batch that comes again. Only processes of the one local cloud that is under test are touched, each found by the
directory from which that cloud runs its functions.
"""

import math
import os
import pathlib
import random
import signal
import time

from cloud import LocalError

# Each function dies this often, so that every one of them is met.
KILLS_A_FUNCTION = 3
# At first only a function that uses the processor is killed, for it is in the middle of something; whoever was too
# quick to be seen so is killed after this time wherever it is.
BUSY_ONLY_SECONDS = 20.0


class Killer:
    """Sends SIGKILL to one function at a time, the least killed first."""

    def __init__(self, endpoint, functions, seed, share=KILLS_A_FUNCTION):
        self.marker = f"ministack-provided-code-{endpoint.rsplit(':', 1)[1].rstrip('/')}"
        self.kills = {name: 0 for name in functions.values()}
        # How often each is killed; None = as often as it is met.
        self.share = math.inf if share is None else share
        self.n_busy = 0
        self.ticks = {}
        self.random = random.Random(seed)
        self.began = time.monotonic()

    def kill_one(self):
        """Kills the least killed function that is at work now, unless every one has had its share."""
        before, self.ticks = self.ticks, {pid: (name, ticks) for pid, name, ticks in self.processes()}
        running, busy = {}, {}
        for pid, (name, ticks) in self.ticks.items():
            if self.share <= self.kills[name]:
                continue
            running.setdefault(name, []).append(pid)
            if before.get(pid, (name, ticks))[1] < ticks:
                busy.setdefault(name, []).append(pid)
        patient = time.monotonic() < self.began + BUSY_ONLY_SECONDS
        chosen = busy or ({} if patient else running)
        if not chosen:
            return
        name = min(chosen, key=lambda name: (self.kills[name], self.random.random()))
        try:
            os.kill(self.random.choice(chosen[name]), signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills[name] += 1
        self.n_busy += bool(busy)

    def processes(self):
        """The functions' processes, as `(pid, function name, processor time used)`."""
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if self.marker not in os.readlink(entry / "exe"):
                    continue
                variables = dict(
                    pair.split("=", 1) for pair in (entry / "environ").read_text().split("\0") if "=" in pair
                )
                # User and system time are the 14th and 15th fields; the second may hold blanks and ends with `)`.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            name = variables.get("AWS_LAMBDA_FUNCTION_NAME")
            if name in self.kills:
                yield int(entry.name), name, int(fields[11]) + int(fields[12])

    def require_all(self):
        """Raises unless every function was killed, and some at work: a run without kills would show nothing."""
        spared = sorted(name for name, kills in self.kills.items() if kills == 0)
        if spared:
            raise LocalError(f"no process of {', '.join(spared)} was there to be killed")
        if self.n_busy == 0:
            raise LocalError("no function was killed while it worked")
