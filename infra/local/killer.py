"""Kills functions while they work, to show that recovery is the normal path.

A killed function leaves behind whatever it had done so far: half a batch of writes, a message nobody acknowledged, a
stream batch that comes again. Only processes of the one local cloud that is under test are touched, each found by the
directory from which that cloud runs its functions.
"""

import os
import pathlib
import random
import signal

from cloud import LocalError

# Each function dies at least this often before the killer rests, so that every one of them is met.
KILLS_A_FUNCTION = 2


class Killer:
    """Sends SIGKILL to one function at a time, the least killed first."""

    def __init__(self, endpoint, functions, seed):
        self.marker = f"ministack-provided-code-{endpoint.rsplit(':', 1)[1].rstrip('/')}"
        self.kills = {name: 0 for name in functions.values()}
        self.random = random.Random(seed)

    def kill_one(self):
        """Kills the least killed function that runs now, unless every one has had its share."""
        running = {}
        for pid, name in self.processes():
            running.setdefault(name, []).append(pid)
        waiting = [name for name in running if self.kills[name] < KILLS_A_FUNCTION]
        if not waiting:
            return
        name = min(waiting, key=lambda name: (self.kills[name], self.random.random()))
        try:
            os.kill(self.random.choice(running[name]), signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills[name] += 1

    def processes(self):
        """The functions' processes, as `(pid, function name)`."""
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if self.marker not in os.readlink(entry / "exe"):
                    continue
                variables = dict(
                    pair.split("=", 1) for pair in (entry / "environ").read_text().split("\0") if "=" in pair
                )
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            name = variables.get("AWS_LAMBDA_FUNCTION_NAME")
            if name in self.kills:
                yield int(entry.name), name

    def require_all(self):
        """Raises unless every function was killed: a run without kills would show nothing."""
        spared = sorted(name for name, kills in self.kills.items() if kills == 0)
        if spared:
            raise LocalError(f"no process of {', '.join(spared)} was there to be killed")
