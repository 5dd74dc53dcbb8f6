"""The chaos's other parts: its schedule, its front, its stores' forms, its journal."""

import asyncio
import json
import random
import unittest

import codec
import render
from chaos import front, schedule, stores
from chaos.journal import Journal
from chaos.scenario import sources_of

TENANTS = {"acme": sources_of(0), "globex": sources_of(1), "initech": sources_of(2)}


class Schedule(unittest.TestCase):
    def test_the_same_seed_makes_the_same_schedule(self):
        self.assertEqual(schedule.plan(20, TENANTS, 3), schedule.plan(20, TENANTS, 3))
        self.assertNotEqual(schedule.plan(20, TENANTS, 3), schedule.plan(20, TENANTS, 4))

    def test_every_kind_comes_and_every_tenant_has_calm_between_two(self):
        slices = schedule.plan(20, TENANTS, 1)
        self.assertEqual({slice_.kind for slice_ in slices}, set(schedule.KINDS))
        for tenant in TENANTS:
            own = [slice_ for slice_ in slices if slice_.tenant == tenant]
            for before, after in zip(own, own[1:]):
                self.assertGreaterEqual(after.begin - before.end, schedule.CALM_SECONDS[0])
            self.assertLessEqual(own[-1].end, 20 * 60)

    def test_what_is_cut_is_packed(self):
        for seed in range(20):
            for slice_ in schedule.plan(60, TENANTS, seed):
                if slice_.kind == schedule.TRUNCATED:
                    formats = {source.name: source.format for source in TENANTS[slice_.tenant]}
                    self.assertNotIn(formats[slice_.source], ("", "text"))


class Documents(unittest.TestCase):
    TOKENS = [codec.make_token(random.Random(seed)) for seed in range(40)]

    def test_a_document_is_written_the_same_way_each_time(self):
        for fmt in render.LINES:
            one, two = (stores.Document(5, "x", fmt, self.TOKENS).body() for _ in range(2))
            self.assertEqual(one, two)

    def test_an_empty_document_is_no_empty_file(self):
        for fmt in render.LINES:
            self.assertTrue(stores.Document(4, "x", fmt, []).body())

    def test_another_form_leaves_no_token(self):
        for way in (stores.wrong_format, stores.in_base64):
            for token in self.TOKENS:
                self.assertFalse(codec.is_token(way(token)))
                self.assertNotIn(token, way(token))
            body = stores.Document(0, "x", "csv", self.TOKENS).body([way(token) for token in self.TOKENS]).decode()
            self.assertFalse(any(token in body for token in self.TOKENS))


class JournalTest(unittest.TestCase):
    def test_who_is_idle_is_judged_by_what_is_possible(self):
        journal = Journal()
        reference = journal.sending("tok", 10.0)
        self.assertEqual(journal.idle_since("tok"), float("inf"))
        self.assertFalse(journal.is_held("tok"))
        reference.written = 11.0
        self.assertTrue(journal.is_held("tok"))
        reference.leaving = 20.0
        self.assertFalse(journal.is_held("tok"))
        self.assertEqual(journal.idle_since("tok"), float("inf"))
        reference.left = 21.0
        self.assertEqual(journal.idle_since("tok"), 21.0)
        journal.used("tok", 30.0, 31.0)
        self.assertEqual(journal.idle_since("tok"), 31.0)
        self.assertEqual(journal.idle_since("tok_never"), -float("inf"))


def scope(path="/", query=b"", **headers):
    agent = {"user-agent": "aws-sdk-rust/1.0"}
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in (agent | headers).items()]
    return {"type": "http", "method": "POST", "path": path, "query_string": query, "headers": pairs}


S3 = {"authorization": "AWS4-HMAC-SHA256 Credential=test/20330518/us-east-1/s3/aws4_request"}


class Rules(unittest.TestCase):
    BUCKET = [{"bucket": "b", "prefix": "lake/", "denied": True}]
    TABLE = [{"table": "t", "denied": False}]

    def test_a_source_is_refused_and_its_neighbour_is_not(self):
        def refused(rules, body=b"", **place):
            return front.refusal_of(rules, scope(**place), body) is not None

        self.assertTrue(refused(self.BUCKET, path="/b/lake/2026/x", **S3))
        self.assertTrue(refused(self.BUCKET, path="/b", query=b"list-type=2&prefix=lake%2F", **S3))
        self.assertFalse(refused(self.BUCKET, path="/b/notes/x", **S3))
        self.assertFalse(refused(self.BUCKET, path="/other/lake/x", **S3))
        scan = {"x_amz_target": "DynamoDB_20120810.Scan"}
        self.assertTrue(refused(self.TABLE, b'{"TableName":"t"}', **scan))
        self.assertFalse(refused(self.TABLE, b'{"TableName":"vault"}', **scan))

    def test_a_table_refuses_as_dynamodb_does(self):
        self.assertEqual(front.table_refusal(True)[0], 400)
        self.assertEqual(front.bucket_refusal(False)[0], 503)


class Messages(unittest.TestCase):
    def test_messages_are_doubled_and_delayed(self):
        seen = []

        async def inner(scope, receive, send):
            seen.append(json.loads(await front.read(receive)))
            await front.answer(send, 200, "application/json", b"{}")

        async def play():
            made = front.Front(inner)
            made.rules |= {"doubled": 1.0, "delayed": 1.0}
            body = json.dumps({"QueueUrl": "q", "Entries": [{"Id": "0", "MessageBody": "x"}]}).encode()
            sends = scope(x_amz_target="AmazonSQS.SendMessageBatch", content_length=str(len(body)))
            await made(sends, front.replay(body), front.ignore)
            await asyncio.gather(*made.later)
            return made.counts

        delays, front.DELAY_SECONDS = front.DELAY_SECONDS, (0, 0)
        try:
            counts = asyncio.run(play())
        finally:
            front.DELAY_SECONDS = delays
        self.assertEqual(len(seen), 2)
        self.assertIn("DelaySeconds", seen[0]["Entries"][0])
        self.assertEqual((counts["doubled"], counts["delayed"]), (1, 1))

    def test_the_tenants_are_left_alone(self):
        tenant = scope()
        tenant["headers"] = [(b"user-agent", b"Boto3/1.40")]
        self.assertFalse(front.is_function(tenant))
        self.assertTrue(front.is_function(scope()))


if __name__ == "__main__":
    unittest.main()
