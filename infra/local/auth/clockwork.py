"""Runs stories side by side. A story is a generator: it acts, then yields for how many seconds it pauses."""

import heapq
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from cloud import LocalError

WORKERS = 6
LOOK_SECONDS = 0.05


class Clockwork:
    """Stories by the moment of their next step; several steps are made at a time, of each story one."""

    def __init__(self):
        self.waiting, self.order, self.lock = [], itertools.count(), threading.Lock()
        self.n_running, self.n_done, self.n_stories = 0, 0, 0
        self.faults = []

    def start(self, name, story, at=0.0):
        """Takes a story up, to begin `at` seconds after the beginning."""
        self.n_stories += 1
        heapq.heappush(self.waiting, (at, next(self.order), name, story))

    def run(self, check):
        """Runs every story to its end; `check` is called all the time and may raise."""
        began = time.monotonic()
        with ThreadPoolExecutor(WORKERS) as pool:
            while self.is_busy():
                check()
                if self.faults:
                    raise self.faults[0]
                for name, story in self.due(time.monotonic() - began):
                    pool.submit(self.step, began, name, story)
                time.sleep(LOOK_SECONDS)
        if self.faults:
            raise self.faults[0]

    def is_busy(self):
        """Whether any story is not done."""
        with self.lock:
            return bool(self.waiting or self.n_running)

    def due(self, now):
        """The stories whose next step has come."""
        found = []
        with self.lock:
            while self.waiting and self.waiting[0][0] <= now:
                _, _, name, story = heapq.heappop(self.waiting)
                found.append((name, story))
            self.n_running += len(found)
        return found

    def step(self, began, name, story):
        """One step; the story waits for its next one, or is done."""
        pause, done = 0.0, False
        try:
            pause = next(story)
        except StopIteration:
            done = True
        except Exception as fault:  # noqa: BLE001 - handed over to the main thread, whatever it is
            self.faults.append(LocalError(f"story {name}: {type(fault).__name__}: {fault}"))
            done = True
        with self.lock:
            self.n_running -= 1
            self.n_done += done
            if not done:
                heapq.heappush(self.waiting, (time.monotonic() - began + pause, next(self.order), name, story))
