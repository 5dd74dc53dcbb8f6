"""What a tenant does all the while: writes, copies, moves and deletes references, reads tokens, issues new ones and old
ones again. Each step is one small deed; what was done is in the journal when its answer is there.
"""

import json
import random
import time

from botocore.exceptions import BotoCoreError, ClientError

import codec
import front_door
import load
import planting
import principals

# Tokens that one deed touches at the most.
BATCH = 6
READ_BATCH = 50
# What a tenant does, and how often of a hundred deeds. Few deletions: a token that is read and then deleted is a
# witness that no scan finds, and many at once would be what they look like, a scan that sees less than it did.
DEEDS = {"copy": 30, "move": 42, "carry": 12, "delete": 4, "issue": 6, "reissue": 6}
# How long a token is nowhere while it is carried: deleted here, not yet written there.
CARRY_SECONDS = (0.05, 0.6)
# Of the tokens that are read, so many of a hundred are in no store any more: somebody still has them.
READ_UNHELD_PERCENT = 0.5


class Traffic:
    """One tenant at work; one thread calls `deed`, another `read`."""

    def __init__(self, cloud, stack, tenant, stores, journal, seed):
        self.cloud, self.stack, self.tenant = cloud, stack, tenant
        self.stores, self.journal = stores, journal
        self.random = random.Random(f"{seed}/{tenant.name}/traffic")
        self.reader = random.Random(f"{seed}/{tenant.name}/reader")
        self.vault = stack["outputs"]["VaultTable"]
        self.lambdas, self.dynamodb = cloud.client("lambda"), cloud.client("dynamodb")
        self.caller = principals.arn_of(reading_user(tenant.name))
        self.counts = dict.fromkeys([*DEEDS, "read"], 0)
        # Tokens without an end of their own: only those can be needed or not.
        self.lasting = [planted for planted in tenant.tokens if planted.group in planting.LIVE + (planting.UNREFERENCED,)]
        self.only_held = False

    def deed(self):
        """One step."""
        name = self.random.choices(list(DEEDS), list(DEEDS.values()))[0]
        if getattr(self, name)():
            self.counts[name] += 1

    def two(self):
        """Two stores, which may be one."""
        return self.random.choice(self.stores), self.random.choice(self.stores)

    def copy(self):
        """References to tokens of one store in another as well."""
        here, there = self.two()
        tokens = here.some(self.random.randint(1, BATCH))
        return bool(tokens) and there.add(tokens)

    def move(self):
        """Written there, then deleted here."""
        here, there = self.two()
        tokens = here.some(self.random.randint(1, BATCH))
        return bool(tokens) and there.add(tokens) and here.drop(tokens)

    def carry(self):
        """Deleted here, then written there: in between the reference is nowhere."""
        here, there = self.two()
        tokens = here.some(self.random.randint(1, BATCH))
        if not tokens or there.is_frozen or not here.drop(tokens):
            return False
        time.sleep(self.random.uniform(*CARRY_SECONDS))
        # Whoever carries something does not let it fall: another place when this one is closed by now.
        while not there.add(tokens):
            there = self.random.choice(self.stores)
        return True

    def delete(self):
        """Deletes references to a few tokens everywhere: nobody needs them any more."""
        here = self.random.choice(self.stores)
        tokens = here.some(self.random.randint(1, BATCH))
        for token in tokens:
            for store in self.stores:
                while store.holds(token) and store.drop([token]):
                    pass
        return bool(tokens)

    def issue(self):
        """A new token, and its first reference a moment later."""
        token = codec.make_token(self.random)
        row, answered = self.put(token, {"ConditionExpression": "attribute_not_exists(pk)"})
        planted = planting.Planted(token, self.tenant.name, planting.CREATED, row, row["version"])
        self.tenant.tokens.append(planted)
        self.lasting.append(planted)
        self.journal.used(token, row["version"] / 1_000, answered)
        return any(store.add([token]) for store in self.random.sample(self.stores, len(self.stores)))

    def reissue(self):
        """An old token is handed out again, whether or not anybody holds it."""
        planted = self.random.choice(self.lasting)
        row, answered = self.put(planted.token, {})
        self.journal.used(planted.token, row["version"] / 1_000, answered)
        store = self.random.choice(self.stores)
        return self.random.random() < 0.5 or store.add([planted.token])

    def put(self, token, condition):
        """Writes a row as an issuer does; the row and when that was answered."""
        row = planting.issue(self.tenant, token, self.random, int(time.time() * 1_000))
        self.dynamodb.put_item(TableName=self.vault, Item=load.wire(row), **condition)
        return row, time.time()

    def read(self):
        """Tells Lethe that tokens were read; counts only when it said that it took notice."""
        tokens = [planted.token for planted in self.reader.sample(self.lasting, READ_BATCH) if self.may_read(planted.token)]
        if not tokens:
            return
        command = {"v": 1, "tenant": self.tenant.name, "command": "read", "tokens": tokens}
        sent = time.time()
        headers = {"content-type": "application/json"}
        event = front_door.event_of("POST", "/", headers, json.dumps(command).encode(), self.caller, sent)
        try:
            answer = self.lambdas.invoke(FunctionName=self.stack["functions"]["intake"], Payload=json.dumps(event).encode())
            status, _, body = front_door.reply_of(answer["Payload"].read(), "FunctionError" in answer)
        except (BotoCoreError, ClientError):
            # Nobody knows whether it was noted; the reader promised nothing either.
            return
        if status in (200, 207):
            self.note(tokens, json.loads(body), sent)

    def note(self, tokens, answer, sent):
        """Journals the reads that were taken notice of; of a token that is gone or unknown nobody did."""
        results = answer.get("results") or [{}] * len(tokens)
        for token, result in zip(tokens, results):
            if result.get("result") in ("stamped", "reinstated", "kept"):
                self.journal.used(token, sent, time.time())
        self.counts["read"] += 1

    def may_read(self, token):
        """Mostly tokens that some store holds; at the end only those, so that the others can leave."""
        unheld = not self.only_held and self.reader.random() * 100 < READ_UNHELD_PERCENT
        return unheld or self.journal.is_held(token)


def reading_user(tenant):
    """The user under which a tenant's application reads."""
    return f"{tenant}-app"
