"""The share of vault tokens: a few that tenants hold in a small store, so that a scan has something to find unused.

`plan` is pure; the stories at the end are like those of stories.py.
"""

import time
from dataclasses import dataclass

import codec
import load
import planting
import render
from auth import rows
from auth.truth import NEVER, Token

DAY = 86_400
STORE = planting.Source("orders", "dynamodb", segments=1)
# How many tokens of each lot there are in a hundred.
IN_USE, UNUSED, READ_BACK, TAKEN_BACK, NOTICED = "in use", "unused", "read back", "taken back", "noticed"
LOTS = {UNUSED: 20, READ_BACK: 4, TAKEN_BACK: 4, NOTICED: 6}
LEAST = 50
LOOK_SECONDS = 0.7
PATIENCE_SECONDS = 120


@dataclass
class Share:
    """One tenant's vault tokens by lot."""

    tenant: object
    lots: dict

    @property
    def tokens(self):
        """All of them."""
        return [token for lot in self.lots.values() for token in lot]


def plan(tenant, count, generator, now):
    """A tenant's share: old tokens, of which some are in no store."""
    count = max(LEAST, count)
    sizes = {lot: count * percent // 100 for lot, percent in LOTS.items()}
    sizes[IN_USE] = count - sum(sizes.values())
    lots = {lot: [draft(tenant, lot, generator, now) for _ in range(size)] for lot, size in sizes.items()}
    for token in lots[UNUSED]:
        token.ends("unreferenced", 0.0)
    for token in lots[READ_BACK] + lots[TAKEN_BACK]:
        token.came_back, token.unsure = True, [(0.0, NEVER)]
    return Share(tenant, lots)


def draft(tenant, lot, generator, now):
    """One token that was issued long ago."""
    created_ms = (now - generator.randint(40 * DAY, 400 * DAY)) * 1_000
    token = codec.make_token(generator)
    row = rows.issue(tenant.name, tenant.shards, token, "vault", {}, created_ms)
    return Token(row, tenant.name, f"a vault token {lot}", written_at=0.0)


class Store:
    """A tenant's own table, in which its applications keep tokens."""

    def __init__(self, cloud, stack, tenant, generator):
        self.dynamodb, self.random = cloud.client("dynamodb"), generator
        self.table = load.table_name(stack, tenant, STORE)
        self.n_items = 0

    def put(self, tokens):
        """Writes items that hold these tokens."""
        for token in tokens:
            self.n_items += 1
            item = render.item_of(self.n_items, [token.id], self.random)
            self.dynamodb.put_item(TableName=self.table, Item=item)


def comes_back(stage, person, share, lot, store):
    """What was found unused comes back while it cools: somebody reads it, or a person takes it back."""
    tokens = share.lots[lot]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not all(row and row["state"] == "cooling" for row in rows_of(stage, tokens)):
        if deadline < time.monotonic():
            stage.service.faults.append(f"{person.story}: not all are out of service after {PATIENCE_SECONDS} s")
            return
        yield LOOK_SECONDS
    word, user = ("read", person.app) if lot == READ_BACK else ("reinstate", person.desk)
    made = stage.service.command(person, word, tokens=[token.id for token in tokens])
    stage.service.ask(user, person, made, ("reinstated",))
    for token in tokens:
        token.unsure = [(0.0, time.time())]
    stage.look(f"after unused tokens were {lot}", tokens)
    # Whoever used it holds it again.
    store.put(tokens)
    yield 15
    stage.look(f"later after unused tokens were {lot}", tokens)


def rows_of(stage, tokens):
    """The tokens' rows now."""
    found = stage.prober.read({(token.row["pk"], token.id) for token in tokens})
    return [found.get((token.row["pk"], token.id)) for token in tokens]


def is_noticed(stage, person, share):
    """Applications tell of references that they stored and deleted; they forget some, so nothing ends by that alone."""
    first, *others = share.lots[NOTICED]
    yield 2
    for event, word, expect in (
        ("stored-1", "created", ("noted",)),
        ("stored-1", "created", ("noted", "kept")),
        ("deleted-1", "deleted", ("candidate",)),
        ("deleted-2", "deleted", ("drift",)),
    ):
        made = stage.service.command(person, word, tokens=[first.id], event_id=f"{person.subject}-{event}")
        stage.service.ask(person.app, person, made, expect)
    event_id = f"{person.subject}-deleted-3"
    stage.service.tell("tenant", person, "deleted", others, event_id=event_id)
    yield 12
    stage.look("after applications told of deletions", share.lots[NOTICED])


def is_too_late(stage, person, tokens):
    """Somebody wants tokens back that are gone."""
    for token in tokens:
        made = stage.service.command(person, "reinstate", tokens=[token.id])
        stage.service.ask(person.desk, person, made, (410,))
