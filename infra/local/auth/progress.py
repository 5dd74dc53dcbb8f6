"""Where everything stands while the day runs, and whether all is over. One line when something has moved."""

import time

from auth import evidence, record
from auth.judge import must_go

STATES = ("cooling", "sentenced", "archived", "purged", "erased")
STATE_OF = {"cooled": "cooling", "sentenced": "sentenced", "archived": "archived", "erased": "erased"}


class Progress:
    """Reads the audit every now and then."""

    def __init__(self, cloud, stack, tenants, truth, began):
        self.cloud, self.stack, self.tenants = cloud, stack, tenants
        self.truth, self.began = truth, began
        self.keys, self.names, self.n_named = {}, {}, 0
        self.last = None

    def look(self):
        """The audit as it is now."""
        if not self.keys or None in self.keys.values():
            self.keys, self.names, self.n_named = evidence.keys_of(self.cloud, self.stack, self.tenants), {}, 0
        tokens = self.truth.all()
        self.names |= record.names_of(tokens[self.n_named :], self.keys)
        self.n_named = len(tokens)
        return record.follow(evidence.audit_items(self.cloud, self.stack), self.names)

    def is_over(self, found):
        """Whether everything that had to go has gone."""
        gone = found.purged | found.erased
        return all(token.id in gone for token in self.truth.all() if must_go(token))

    def show(self, found, clockwork):
        """Prints a line when it would be another one."""
        counts = dict.fromkeys(STATES, 0)
        purged = found.purged
        for id, mentions in found.mentions.items():
            state = next((STATE_OF[one.event] for one in reversed(mentions) if one.event in STATE_OF), None)
            if state:
                counts["purged" if id in purged else state] += 1
        issued = len(self.truth.all())
        states = ", ".join(f"{state} {count:,}" for state, count in counts.items())
        line = f"issued {issued:,}: {states}; stories {clockwork.n_done} of {clockwork.n_stories}"
        if line != self.last:
            self.last = line
            self.say(line)

    def say(self, text):
        """One line with the time since the beginning."""
        print(f"  {time.monotonic() - self.began:5.0f} s  {text}", flush=True)
