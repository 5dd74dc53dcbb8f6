"""Every story must hold against a Lethe that does what it promises: a small one in memory, with a clock set by hand.

It knows no queues, streams or removals; what it answers and what a reader is told is all that stories look at.
"""

import random
import unittest
from unittest import mock

import codec
from auth import cast, commands, configuration, stories, vault
from auth.desk import Answer
from auth.probe import Prober
from auth.service import Service
from auth.truth import Truth

SHARDS = {"acme": 4, "globex": 4}
MAY = {"auth": configuration.MAY_ISSUE, "desk": configuration.MAY_OPERATE, "app": configuration.MAY_NOTIFY}
GROUPS = ("subject", "session", "device", "family")
LEEWAY = 1


class Lethe:
    """What commands do to rows, at once and in one thread."""

    def __init__(self, clock):
        self.clock, self.rows, self.answers, self.counts = clock, {}, {}, {}

    def now(self):
        return int(self.clock())

    def row(self, id):
        return next(row for row in self.rows.values() if row["sk"] == id)

    def owned(self, tenant, **fields):
        """The token rows of a group."""
        return [
            row
            for row in self.rows.values()
            if row["kind"] != "subject"
            and row["pk"].startswith(f"{tenant}#")
            and all(row.get(name) == value for name, value in fields.items())
        ]

    def end(self, row, reason):
        if row["isValid"]:
            row.update(state="cooling", isValid=False, reason=reason, cooling_since=self.now())
            row.pop("due_at", None)

    def cut_off(self, tenant, subject):
        key = codec.vault_key(tenant, f"subject#{subject}", SHARDS[tenant]), f"subject#{subject}"
        self.rows[key] = {"pk": key[0], "sk": key[1], "kind": "subject", "cutoff_at": int(self.clock() * 1_000)}

    def allowed(self, user, made):
        tenant, _, role = user.partition("-")
        return tenant == made["tenant"] and made["command"] in MAY[role]

    def carry_out(self, made):
        """`(status, results)` of one command."""
        word, tenant = made["command"], made["tenant"]
        if "subject" in made:
            group = {name: made[name] for name in GROUPS if name in made}
            if word in ("logout", "account_deleted") and len(group) == 1:
                # The rows are left as they are: the cut-off is enough for a reader.
                self.cut_off(tenant, made["subject"])
            elif word not in ("hold", "release"):
                for row in self.owned(tenant, **group):
                    self.end(row, word)
            return 200, []
        found = [self.one(word, self.row(id), made) for id in made["tokens"]]
        return (409 if word == "reinstate" and "kept" in found else 200), found

    def one(self, word, row, made):
        tenant = made["tenant"]
        if word == "read":
            return self.read(row)
        if word in ("created", "deleted"):
            return self.notice(row, word, made["event_id"])
        if word == "reinstate":
            if row.get("reason") != "unreferenced":
                return "kept"
            return self.revive(row)
        if word == "rotated" and row.get("reason") == "rotated":
            if made["at"] <= row["cooling_since"] + LEEWAY:
                return "kept"
            for other in self.owned(tenant, family=row["family"]):
                self.end(other, "compromised")
            return "reuse"
        scope = {"logout": "session", "device_logout": "device"}.get(word)
        rows = self.owned(tenant, **{scope: row[scope], "subject": row["subject"]}) if scope else [row]
        for other in rows:
            self.end(other, word)
        return "ended"

    def read(self, row):
        if row["isValid"]:
            return "stamped"
        return self.revive(row) if row["reason"] == "unreferenced" else "late"

    def revive(self, row):
        row.update(state="active", isValid=True)
        row.pop("reason"), row.pop("cooling_since")
        return "reinstated"

    def notice(self, row, word, event):
        count, seen = self.counts.setdefault(row["sk"], [0, set()])
        if event not in seen:
            seen.add(event)
            count += 1 if word == "created" else -1
        self.counts[row["sk"]][0] = count
        return "noted" if 0 < count else "candidate" if count == 0 else "drift"


class Desk:
    """Commands on the shortest way."""

    def __init__(self, lethe, users):
        self.lethe, self.users = lethe, users

    def post(self, user, made):
        if not self.lethe.allowed(user, made):
            return Answer(403, {"error": "forbidden"})
        known = self.lethe.answers.get(made["idempotency_key"])
        if known:
            return known[1] if known[0] == commands.text(made) else Answer(409, {"error": "idempotency_conflict"})
        status, results = self.lethe.carry_out(made)
        answer = Answer(status, {"results": [{"result": word} for word in results]})
        self.lethe.answers[made["idempotency_key"]] = commands.text(made), answer
        return answer

    def follow(self, user, made):
        return self.post(user, made)

    def send(self, queue, *many):
        may = dict(configuration.QUEUES)[queue]
        for made in many:
            if made["command"] in may:
                self.lethe.carry_out(made)


class Table:
    """The two calls that the service and the prober make."""

    def __init__(self, lethe):
        self.lethe = lethe

    def put_item(self, TableName, Item, ConditionExpression):  # noqa: N803 - as boto3 names them
        row = codec.plain_item(Item)
        assert (row["pk"], row["sk"]) not in self.lethe.rows
        self.lethe.rows[row["pk"], row["sk"]] = row


class Approvals:
    """Everything waits; nobody has to approve it here."""

    def hold_back(self, tenant):
        pass

    allow = hold_back

    def waiting(self, tokens):
        return tokens


class User:
    def __init__(self, name):
        self.arn = f"arn:aws:iam::000000000000:user/{name}"


def stage_on(lethe):
    users = {f"{tenant}-{role}": User(f"{tenant}-{role}") for tenant in SHARDS for role in MAY}
    service = object.__new__(Service)
    service.dynamodb, service.vault, service.desk = Table(lethe), "vault", Desk(lethe, users)
    service.truth, service.faults = Truth(), []
    prober = object.__new__(Prober)
    Prober.__init__(prober, mock.Mock(), "vault", SHARDS)
    prober.read = lambda keys: {key: lethe.rows[key] for key in keys if key in lethe.rows}
    return stories.Stage(service, prober, Approvals(), lambda person: stranger(person), lambda text: None, [])


def stranger(person):
    return person_at("globex", stories.stays, 99)


def person_at(tenant, story, seed):
    return cast.person_of(type("Tenant", (), {"name": tenant, "shards": SHARDS[tenant]}), story, 1, seed)


def faults_of(make, seed, prepare=None, story=None):
    """Plays one story to its end; what it had to complain of."""
    clock = [2_000_000_000.25]

    def tick():
        clock[0] += 0.001
        return clock[0]

    lethe = Lethe(tick)
    with mock.patch("time.time", tick):
        stage = stage_on(lethe)
        if prepare:
            prepare(stage, lethe)
        for pause in make(stage, person_at("acme", story or make, seed)):
            clock[0] += pause
    assert stage.service.truth.tokens
    return stage.service.faults + stage.prober.lines


class Stories(unittest.TestCase):
    def play(self, make, prepare=None, seeds=range(4), story=None):
        for seed in seeds:
            with self.subTest(seed=seed):
                self.assertEqual(faults_of(make, seed, prepare, story), [])

    def test_the_common_stories(self):
        for story, *_ in cast.COMMON:
            # A session goes idle by `expire`, which is not here.
            if story is not stories.goes_idle:
                with self.subTest(story.__name__):
                    self.play(story)

    def test_what_happens_once_a_tenant(self):
        for story, _ in cast.ONCE:
            with self.subTest(story.__name__):
                self.play(story)

    def test_too_many_revocations(self):
        self.play(lambda stage, person: stories.revokes_too_much(stage, person, 5), story=stories.revokes_too_much)

    def test_a_large_account(self):
        def prepare(stage, lethe):
            owner = person_at("acme", stories.deletes_the_account, 0)
            stage.account.extend(stage.service.issue(owner, "access") for _ in range(5))

        self.play(stories.deletes_the_account, prepare, seeds=[0])

    def test_a_lethe_that_leaves_something_in_service_is_found_out(self):
        with mock.patch.object(Lethe, "cut_off", lambda *_: None):
            self.assertTrue(faults_of(stories.deletes_at_once, 0))
        with mock.patch.object(Lethe, "end", lambda *_: None):
            for story in (stories.is_stolen, stories.logs_out, stories.loses_a_device, stories.is_revoked):
                # Half of them command over a queue and do not look right after it.
                found = [fault for seed in range(6) for fault in faults_of(story, seed)]
                self.assertTrue(found, story.__name__)

    def test_a_lethe_that_lets_anybody_command_is_found_out(self):
        with mock.patch.object(Lethe, "allowed", lambda *_: True):
            self.assertTrue(faults_of(stories.reaches_too_far, 0))


class Vault(unittest.TestCase):
    def setUp(self):
        tenant = cast.plan(200, 1, 1, 2_000_000_000).tenants[0]
        self.share = vault.plan(tenant, 50, random.Random(1), 2_000_000_000)

    def play(self, make, reason=None):
        def prepare(stage, lethe):
            for token in self.share.tokens:
                stage.service.truth.add(token)
                lethe.rows[token.row["pk"], token.id] = dict(token.row)
            for token in self.share.lots[vault.READ_BACK] + self.share.lots[vault.TAKEN_BACK]:
                if reason:
                    lethe.end(lethe.row(token.id), reason)

        self.assertEqual(faults_of(make, 0, prepare, vault.comes_back), [])

    def test_unused_tokens_come_back(self):
        store = mock.Mock()
        for lot in (vault.READ_BACK, vault.TAKEN_BACK):
            self.play(lambda stage, person: vault.comes_back(stage, person, self.share, lot, store), "unreferenced")
        self.assertEqual(store.put.call_count, 2)

    def test_notices_end_nothing(self):
        self.play(lambda stage, person: vault.is_noticed(stage, person, self.share))


if __name__ == "__main__":
    unittest.main()
