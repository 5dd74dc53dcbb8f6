"""The tenants' stores: DynamoDB items and S3 objects in every format, with each write in the journal.

A store knows what it holds, so that it can be damaged and mended. While it is damaged it is frozen: nobody writes to
it, and what it held counts as held, because the damage is an accident and not what the tenant wanted.
"""

import base64
import random
import threading
import time

import load
import render

# Tokens a document: small enough to be written again for every change.
DOCUMENT_TOKENS = 250
DELETE_BATCH = 1_000
# The first line of a document: one without a token is not an empty file.
HEADS = {
    "jsonl": '{"n":-1}',
    "csv": "number,card,text,state",
    "text": "cards and letters",
    "dynamodb-export": '{"Item":{"id":{"S":"head"}}}',
}


class Document:
    """One object: its key and its tokens, in order."""

    def __init__(self, number, key, fmt, tokens):
        self.number, self.key, self.fmt = number, key, fmt
        self.tokens = list(tokens)

    def body(self, tokens=None):
        """The bytes, with each token as this format writes it."""
        rng = random.Random(self.number)
        tokens = self.tokens if tokens is None else tokens
        lines = [render.LINES[self.fmt](number, token, rng) for number, token in enumerate(tokens)]
        text = "\n".join([HEADS[self.fmt], *lines]) + "\n"
        return render.packed("", text.encode(), self.number, self.fmt)[1]


class Bucket:
    """One S3 source of a tenant."""

    def __init__(self, cloud, journal, bucket, source, rng):
        self.cloud, self.s3 = cloud, cloud.client("s3")
        self.journal, self.bucket, self.random = journal, bucket, rng
        self.source, self.kind = source, "s3"
        self.documents, self.where = [], {}
        self.lock, self.is_frozen = threading.RLock(), False

    def fill(self, tokens):
        """Plants the first documents."""
        fmt = self.source.format
        for number, start in enumerate(range(0, max(len(tokens), 1), DOCUMENT_TOKENS)):
            name = render.packed(f"2026/part-{number:05d}", b"", number, fmt)[0]
            part = tokens[start : start + DOCUMENT_TOKENS]
            document = Document(number, self.source.prefix + name, fmt, part)
            self.documents.append(document)
            for token in part:
                self.where.setdefault(token, []).append((document, self.record(token)))
        load.put_objects(self.cloud, self.bucket, "", [(document.key, document.body()) for document in self.documents])

    def record(self, token):
        """The journal's line of a reference that is there from the beginning."""
        reference = self.journal.sending(token, 0.0)
        reference.written = 0.0
        return reference

    def add(self, tokens):
        """Writes references into one document; False while the store is frozen."""
        with self.lock:
            if self.is_frozen:
                return False
            document = self.random.choice(self.documents)
            lines = [(token, self.journal.sending(token, time.time())) for token in tokens]
            document.tokens += tokens
            self.put(document)
            for token, reference in lines:
                reference.written = time.time()
                self.where.setdefault(token, []).append((document, reference))
            return True

    def drop(self, tokens):
        """Removes one reference of each token; False while the store is frozen."""
        with self.lock:
            if self.is_frozen:
                return False
            touched, gone = {}, []
            for token in tokens:
                document, reference = self.where[token].pop()
                reference.leaving = time.time()
                document.tokens.remove(token)
                touched[document.number] = document
                gone.append(reference)
            for document in touched.values():
                self.put(document)
            for reference in gone:
                reference.left = time.time()
            return True

    def some(self, count):
        """Tokens that lie in one document, each once."""
        with self.lock:
            full = [document for document in self.documents if document.tokens]
            if not full or self.is_frozen:
                return []
            tokens = sorted(set(self.random.choice(full).tokens))
            return self.random.sample(tokens, min(count, len(tokens)))

    def holds(self, token):
        """Whether it is here."""
        return bool(self.where.get(token))

    def put(self, document, body=None):
        """Writes an object."""
        self.s3.put_object(Bucket=self.bucket, Key=document.key, Body=document.body() if body is None else body)

    def freeze(self):
        """Nobody but the harm writes from now on."""
        with self.lock:
            self.is_frozen = True

    def truncate(self):
        """Cuts a packed object in the middle; how many were cut."""
        packed = [document for document in self.documents if render.is_packed(document.number, document.fmt)]
        for document in packed[:1]:
            body = document.body()
            self.put(document, body[: len(body) // 2])
        return len(packed[:1])

    def wipe(self):
        """Deletes every object; how many there were."""
        keys = [{"Key": document.key} for document in self.documents]
        for start in range(0, len(keys), DELETE_BATCH):
            self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": keys[start : start + DELETE_BATCH]})
        return len(keys)

    def encode(self, way):
        """Writes every token in a form that the config does not know; how many objects."""
        for document in self.documents:
            self.put(document, document.body([way(token) for token in document.tokens]))
        return len(self.documents)

    def mend(self):
        """Writes everything as it was; the store takes writes again."""
        with self.lock:
            for document in self.documents:
                self.put(document)
            self.is_frozen = False


class Table:
    """One DynamoDB source of a tenant: an item for each reference or two."""

    def __init__(self, cloud, journal, table, source, rng):
        self.cloud, self.dynamodb = cloud, cloud.client("dynamodb")
        self.journal, self.table, self.random = journal, table, rng
        self.source, self.kind = source, "dynamodb"
        self.where, self.order, self.count = {}, [], 0
        self.lock, self.is_frozen = threading.RLock(), False

    def item(self, token):
        """A new item with one token, in one of the shapes that tenants use."""
        self.count += 1
        return load.stamped(render.item_of(self.count, [token], self.random))

    def fill(self, tokens):
        """Plants the first items."""
        items = []
        for token in tokens:
            reference = self.journal.sending(token, 0.0)
            reference.written = 0.0
            items.append(self.item(token))
            self.place(token, items[-1], reference)
        load.write_items(self.cloud, self.table, items)

    def place(self, token, item, reference):
        """Remembers where a token lies."""
        key = {name: item[name] for name in ("id", "at")}
        self.where.setdefault(token, []).append((key, reference))
        self.order.append(token)

    def add(self, tokens):
        """Writes an item for each token; False while the store is frozen."""
        with self.lock:
            if self.is_frozen:
                return False
            for token in tokens:
                item, reference = self.item(token), self.journal.sending(token, time.time())
                self.dynamodb.put_item(TableName=self.table, Item=item)
                reference.written = time.time()
                self.place(token, item, reference)
            return True

    def drop(self, tokens):
        """Deletes one item of each token; False while the store is frozen."""
        with self.lock:
            if self.is_frozen:
                return False
            for token in tokens:
                key, reference = self.where[token].pop()
                reference.leaving = time.time()
                self.dynamodb.delete_item(TableName=self.table, Key=key)
                reference.left = time.time()
            return True

    def some(self, count):
        """Tokens that lie here, each once."""
        with self.lock:
            if self.is_frozen:
                return []
            picked = self.random.sample(self.order, min(4 * count, len(self.order)))
            return sorted({token for token in picked if self.where[token]})[:count]

    def holds(self, token):
        """Whether it is here."""
        return bool(self.where.get(token))

    def freeze(self):
        """Nobody writes from now on."""
        with self.lock:
            self.is_frozen = True

    def mend(self):
        """The store takes writes again."""
        with self.lock:
            self.is_frozen = False


def wrong_format(token):
    """As a program writes it that thinks it is a name: in capitals."""
    return token.upper()


def in_base64(token):
    """As a program writes it that packs everything."""
    return base64.b64encode(token.encode()).decode()


def of_tenant(cloud, stack, journal, tenant, seed):
    """All stores of a tenant, filled with references to its tokens in use."""
    rng = random.Random(f"{seed}/{tenant.name}/stores")
    stores = []
    for source in tenant.sources:
        if source.kind == "dynamodb":
            table = load.table_name(stack, tenant, source)
            stores.append(Table(cloud, journal, table, source, random.Random(rng.random())))
        else:
            bucket = load.bucket_name(stack, tenant)
            stores.append(Bucket(cloud, journal, bucket, source, random.Random(rng.random())))
    held = load.spread(tenant, rng)
    for store in stores:
        store.fill(held[store.source.name])
    return stores
