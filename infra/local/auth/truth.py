"""What becomes of each token, or must: the truth that the cloud is held against. Pure but for being filled in.

The stories write it down as they act, with the moments between which Lethe may have acted: before it was asked a token
must be good, after it has answered it must not be, in between nobody can say.
"""

import threading
from dataclasses import dataclass, field

TRIGGERS = (
    "expired",
    "consumed",
    "rotated",
    "logout",
    "device_logout",
    "compromised",
    "revoked",
    "account_deleted",
    "idle",
    "unreferenced",
    "superseded",
)
NEVER = float("inf")


@dataclass
class End:
    """How one token ends."""

    trigger: str
    # When Lethe was asked, and when it had answered; for what ends by itself the row says it.
    asked_at: float = NEVER
    certain_at: float = NEVER
    # For what else it may have ended before, and for what it may have ended instead: both may be on record.
    earlier: frozenset = frozenset()
    instead: frozenset = frozenset()
    # It is out of service and still in the vault when the demo closes: held, or spent in a family that lives.
    stays: bool = False
    # It leaves without a copy.
    erased: bool = False
    # Who asked: a principal's ARN, or the class of a queue. None where nobody did, or where who it was is not checked.
    actor: str | None = None
    reason_text: str | None = None

    @property
    def last_reasons(self):
        """For what it may have ended at last."""
        return {self.trigger} | self.instead

    @property
    def reasons(self):
        """Every reason that may be on record."""
        return self.last_reasons | self.earlier


@dataclass
class Token:
    """One token: its row as issued and what has to become of it."""

    row: dict
    tenant: str
    story: str
    end: End | None = None
    # Windows in which it may be good or not: `(from, until)`.
    unsure: list = field(default_factory=list)
    # When its row was surely there.
    written_at: float = NEVER
    # A later issue or a revocation for the same subject and client may let it leave before its cool-off is over.
    may_leave_early: bool = False
    # It may have been out of service for a time: it came back while it cooled.
    came_back: bool = False
    # It may not have left the vault earlier: it was held, or waited for a person.
    not_before: float = 0.0

    @property
    def id(self):
        """The sort key."""
        return self.row["sk"]

    @property
    def key(self):
        """The vault's key."""
        return {"pk": self.row["pk"], "sk": self.row["sk"]}

    @property
    def subject(self):
        """Whose it is."""
        return self.row.get("subject")

    def ends(self, trigger, asked_at=NEVER, certain_at=NEVER, **facts):
        """Notes that it ends so; what was said of it before stays possible on record, and the earliest moments hold."""
        before = self.end or End(trigger)
        moments = min(asked_at, before.asked_at), min(certain_at, before.certain_at)
        self.end = End(trigger, *moments, earlier=frozenset(before.reasons), **facts)

    def expected(self, began, done, now):
        """Whether it has to be good for who read it between two moments and takes it for `now`; None is either."""
        if began < self.written_at or any(start <= done and began <= until for start, until in self.unsure):
            return None
        if self.row.get("expires_at", NEVER) <= now:
            return False
        if self.end is None or done < self.end.asked_at:
            return True
        return False if self.end.certain_at <= began else None


class Truth:
    """All tokens of the day."""

    def __init__(self):
        self.tokens, self.by_id = [], {}
        # What must be on record as refused: the actor, or the class of the queue.
        self.refusals = []
        self.lock = threading.Lock()

    def add(self, token):
        """Takes a token up."""
        with self.lock:
            self.tokens.append(token)
            self.by_id[token.id] = token
        return token

    def of_subject(self, tenant, subject):
        """The tokens of a subject."""
        with self.lock:
            return [token for token in self.tokens if token.tenant == tenant and token.subject == subject]

    def all(self):
        """The tokens so far."""
        with self.lock:
            return list(self.tokens)
