"""Stands before the local cloud: refuses what it is told to, and doubles and delays the functions' messages.

An ASGI application around the emulator's, which serve.py puts there. Only requests of the functions are touched; the
tenants, the demo and the checker reach the cloud as it is. `PUT /_lethe/faults` says what is refused from now on, `GET`
answers how often anything was.
"""

import asyncio
import collections
import json
import random
import urllib.parse

FAULTS_PATH = "/_lethe/faults"
SENDS = ("AmazonSQS.SendMessage", "AmazonSQS.SendMessageBatch")
DELAY_SECONDS = (1, 12)


class Front:
    """Faults between the functions and the cloud."""

    def __init__(self, inner, seed=0):
        self.inner, self.random = inner, random.Random(seed)
        self.rules = {"refused": [], "doubled": 0.0, "delayed": 0.0}
        self.counts = collections.Counter()
        self.later = set()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        if scope["path"] == FAULTS_PATH:
            await self.control(scope, receive, send)
            return
        if not (self.is_calm() or not is_function(scope)):
            body = await read(receive)
            refusal = refusal_of(self.rules["refused"], scope, body)
            if refusal:
                self.counts["refused"] += 1
                await answer(send, *refusal)
                return
            scope, body = self.trouble(scope, body)
            receive = replay(body)
        await self.inner(scope, receive, send)

    def is_calm(self):
        """Whether nothing is to be done."""
        return not (self.rules["refused"] or self.rules["doubled"] or self.rules["delayed"])

    async def control(self, scope, receive, send):
        """Takes new rules, answers the counts."""
        if scope["method"] == "PUT":
            self.rules |= json.loads(await read(receive))
        await answer(send, 200, "application/json", json.dumps(dict(self.counts)).encode())

    def trouble(self, scope, body):
        """A request that sends messages comes again later, or asks for a delay; all others stay as they are."""
        if header(scope, b"x-amz-target") not in SENDS:
            return scope, body
        if self.random.random() < self.rules["doubled"]:
            self.counts["doubled"] += 1
            task = asyncio.get_running_loop().create_task(self.send_again(scope, body))
            # A task that nobody holds may be collected before it is done.
            self.later.add(task)
            task.add_done_callback(self.later.discard)
        if self.random.random() < self.rules["delayed"]:
            self.counts["delayed"] += 1
            body = delayed(body, self.random)
            scope = scope | {"headers": with_length(scope["headers"], len(body))}
        return scope, body

    async def send_again(self, scope, body):
        """The same request some seconds later; nobody waits for its answer."""
        await asyncio.sleep(self.random.uniform(*DELAY_SECONDS))
        await self.inner(dict(scope), replay(body), ignore)


def is_function(scope):
    """Whether the functions, or the operator's command, made the request."""
    agent = header(scope, b"user-agent") + header(scope, b"x-amz-user-agent")
    return "aws-sdk-rust" in agent


def header(scope, wanted):
    """A header's value, or nothing."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name.lower() == wanted), "")


def refusal_of(refused, scope, body):
    """`(status, type, body)` for a request that a rule forbids; None for the others."""
    table = table_of(scope, body)
    place = place_of(scope)
    for rule in refused:
        if table is not None and table == rule.get("table"):
            return table_refusal(rule["denied"])
        if place and place[0] == rule.get("bucket") and place[1].startswith(rule["prefix"]):
            return bucket_refusal(rule["denied"])
    return None


def table_of(scope, body):
    """The table that a DynamoDB request names."""
    if not header(scope, b"x-amz-target").startswith("DynamoDB_"):
        return None
    try:
        return json.loads(body or b"{}").get("TableName")
    except ValueError:
        return None


def place_of(scope):
    """`(bucket, key or listed prefix)` of an S3 request; None for other services."""
    if header(scope, b"x-amz-target") or "/s3/" not in header(scope, b"authorization"):
        return None
    bucket, _, key = scope["path"].lstrip("/").partition("/")
    query = urllib.parse.parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return bucket, key or query.get("prefix", [""])[0]


def table_refusal(denied):
    """What DynamoDB answers."""
    name = "AccessDeniedException" if denied else "InternalServerError"
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": "refused by the chaos front"}
    return (400 if denied else 500), "application/x-amz-json-1.0", json.dumps(body).encode()


def bucket_refusal(denied):
    """What S3 answers."""
    code = "AccessDenied" if denied else "ServiceUnavailable"
    body = f"<Error><Code>{code}</Code><Message>refused by the chaos front</Message></Error>"
    return (403 if denied else 503), "application/xml", body.encode()


def delayed(body, rng):
    """The same messages, to be seen some seconds later."""
    request = json.loads(body)
    for entry in request.get("Entries", [request]):
        entry["DelaySeconds"] = rng.randint(*DELAY_SECONDS)
    return json.dumps(request).encode()


def with_length(headers, length):
    """The headers for a body of another length."""
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    return kept + [(b"content-length", str(length).encode())]


async def read(receive):
    """A request's whole body."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def replay(body):
    """A `receive` that gives this body."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        if messages:
            return messages.pop()
        # What an application that still listens would get only at the end of the connection.
        await asyncio.Event().wait()

    return receive


async def ignore(_message):
    """A `send` for an answer that nobody waits for."""


async def answer(send, status, kind, body):
    """A whole answer."""
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
