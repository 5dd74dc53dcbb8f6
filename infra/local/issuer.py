"""Plays the application while Lethe runs: it issues tokens, issues old ones again, reads some, and refers to them.

Whatever it touches was in use, so it has to survive. Each round is one call; drive.py calls it from one thread.
"""

import json
import random
import time

import codec
import load
import planting
import render

READ_SECONDS = 2.5
# Tokens in use that are read again and again, a tenant: a scan is judged by whether it finds them. Below 300 nobody
# could tell a good scan from a bad one.
WITNESSES = 400
# Well within the seven days of Lethe's time in which a read makes a witness.
WITNESS_SECONDS = 8.0
TOKENS_A_COMMAND = 100
ISSUE_SECONDS = 2.0
REFERENCE_DELAY_SECONDS = 0.7
# No more are issued than a campaign can tell from the planted ones; enough to meet each of its runs.
MAX_CREATED = 24
# A token whose cooling was not seen by then is issued again all the same.
REISSUE_DEADLINE_SECONDS = 240.0


class Issuer:
    """The application of all tenants."""

    def __init__(self, cloud, stack, tenants, seed):
        self.cloud, self.stack, self.tenants = cloud, stack, tenants
        self.random = random.Random(f"{seed}/issuer")
        self.vault = stack["outputs"]["VaultTable"]
        self.queue = stack["outputs"]["IntakeIssuerQueueUrl"]
        self.began = time.monotonic()
        self.last = {"read": 0.0, "issue": 0.0, "witness": 0.0}
        self.to_refer = []
        groups = {tenant.name: tenant.of_group(planting.REISSUED) for tenant in tenants}
        self.soon = {name: group[::2] for name, group in groups.items()}
        self.when_cooling = {name: group[1::2] for name, group in groups.items()}
        self.n_reissued_cooling = 0
        self.n_references = 0

    def round(self):
        """Does what is due now."""
        now = time.monotonic()
        if READ_SECONDS <= now - self.last["read"]:
            self.last["read"] = now
            self.read()
        if WITNESS_SECONDS <= now - self.last["witness"]:
            self.last["witness"] = now
            self.read_witnesses()
        if ISSUE_SECONDS <= now - self.last["issue"]:
            self.last["issue"] = now
            for tenant in self.tenants:
                self.create(tenant)
                self.reissue(tenant)
        self.refer(now)

    def read(self):
        """Tells the intake queue that these tokens were read just now."""
        at = int(time.time())
        for tenant in self.tenants:
            group = tenant.of_group(planting.READ)
            for start in range(0, len(group), 10):
                part = group[start : start + 10]
                entries = [
                    {"Id": str(number), "MessageBody": json.dumps(read_command([planted], at))}
                    for number, planted in enumerate(part)
                ]
                self.cloud.client("sqs").send_message_batch(QueueUrl=self.queue, Entries=entries)
                for planted in part:
                    planted.reads_sent += 1

    def read_witnesses(self):
        """Tells the intake queue that tokens in use were read; always the same ones, so that few rows are stamped."""
        at = int(time.time())
        for tenant in self.tenants:
            group = self.witnesses(tenant)
            for start in range(0, len(group), TOKENS_A_COMMAND):
                part = group[start : start + TOKENS_A_COMMAND]
                self.cloud.client("sqs").send_message(QueueUrl=self.queue, MessageBody=json.dumps(read_command(part, at)))
                for planted in part:
                    planted.reads_sent += 1

    def witnesses(self, tenant):
        """The tokens that are read again and again."""
        return tenant.of_group(planting.REFERENCED)[:WITNESSES]

    def create(self, tenant):
        """Issues a new token; its first reference follows a moment later, as in real life."""
        if MAX_CREATED <= len(tenant.of_group(planting.CREATED)):
            return
        token = codec.make_token(self.random)
        row = planting.issue(tenant, token, self.random, int(time.time() * 1_000))
        self.put(row, new=True)
        tenant.tokens.append(planting.Planted(token, tenant.name, planting.CREATED, row, row["version"]))
        self.refer_later(tenant, token)

    def reissue(self, tenant):
        """Issues old tokens again: every other one at once, the rest when Lethe has taken them out of service."""
        soon, waiting = self.soon[tenant.name], self.when_cooling[tenant.name]
        if soon:
            self.issue_again(tenant, soon.pop(0))
        if not waiting:
            return
        planted = waiting.pop(0)
        cooling = self.is_cooling(planted)
        if cooling or REISSUE_DEADLINE_SECONDS <= time.monotonic() - self.began:
            self.n_reissued_cooling += cooling
            self.issue_again(tenant, planted)
        else:
            waiting.append(planted)

    def issue_again(self, tenant, planted):
        """Writes the row as new; a reference follows."""
        row = planting.issue(tenant, planted.token, self.random, int(time.time() * 1_000))
        self.put(row, new=False)
        planted.row, planted.version = row, row["version"]
        self.refer_later(tenant, planted.token)

    def is_cooling(self, planted):
        """Whether the row is out of service by now."""
        key = {name: {"S": planted.row[name]} for name in ("pk", "sk")}
        row = self.cloud.client("dynamodb").get_item(TableName=self.vault, Key=key, ConsistentRead=True).get("Item", {})
        return row.get("state", {}).get("S") == "cooling"

    def put(self, row, new):
        """Writes a row as an issuer does."""
        condition = {"ConditionExpression": "attribute_not_exists(pk)"} if new else {}
        self.cloud.client("dynamodb").put_item(TableName=self.vault, Item=load.wire(row), **condition)

    def refer_later(self, tenant, token):
        """Notes a reference to be written shortly."""
        self.to_refer.append((time.monotonic() + REFERENCE_DELAY_SECONDS, tenant, token))

    def refer(self, now):
        """Writes the references that are due, alternately to the tenant's kinds of store."""
        due = [entry for entry in self.to_refer if entry[0] <= now]
        self.to_refer = [entry for entry in self.to_refer if now < entry[0]]
        for _, tenant, token in due:
            self.n_references += 1
            sources = [source for source in tenant.sources if not source.lookalikes_only]
            source = sources[self.n_references % len(sources)]
            number = 900_000 + self.n_references
            if source.kind == "dynamodb":
                item = load.stamped(render.item_of(number, [token], self.random))
                table = load.table_name(self.stack["stack"], tenant, source)
                self.cloud.client("dynamodb").put_item(TableName=table, Item=item)
            else:
                objects = render.objects(source.format, [token], [], random.Random(number))
                objects = [(f"{number}-{key.rpartition('/')[2]}", body) for key, body in objects]
                load.put_objects(self.cloud, load.bucket_name(self.stack["stack"], tenant), source.prefix, objects)

    def finish(self):
        """Issues again what is still waiting and writes every noted reference."""
        for tenant in self.tenants:
            for planted in self.soon[tenant.name] + self.when_cooling[tenant.name]:
                self.issue_again(tenant, planted)
        self.refer(float("inf"))


def read_command(planted, at):
    """The intake command `read` for tokens of one tenant."""
    tokens = [item.token for item in planted]
    return {"v": 1, "tenant": planted[0].tenant, "command": "read", "tokens": tokens, "at": at}
