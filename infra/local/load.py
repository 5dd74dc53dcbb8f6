"""Puts the planted tenants into the local cloud: stores with references, and the vault's rows."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

from boto3.dynamodb.types import TypeSerializer

import planting
import render
from cloud import LocalError

BATCH = 25
THREADS = 6
SERIALIZE = TypeSerializer().serialize
# Unprocessed items are sent again this often before the load gives up.
ATTEMPTS = 20
# The attribute that every write of a tenant's item sets to its time, in milliseconds.
CHANGED_AT = "changed_at"


def table_name(stack, tenant, source):
    """The table of a DynamoDB store."""
    return f"{stack}-{tenant.name}-{source.name}"


def bucket_name(stack, tenant):
    """The bucket that holds all of a tenant's S3 stores."""
    return f"{stack}-{tenant.name}-store"


def stores(stack, tenants):
    """`(tables, buckets)` that the tenants' stores need; the template's parameters name them to the scanner."""
    tables = [
        table_name(stack, tenant, source)
        for tenant in tenants
        for source in tenant.sources
        if source.kind == "dynamodb"
    ]
    return tables, [bucket_name(stack, tenant) for tenant in tenants]


def create_stores(cloud, stack, tenants):
    """Creates the tenants' tables and buckets."""
    tables, buckets = stores(stack, tenants)
    for name in tables:
        cloud.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "at", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        )
    for name in buckets:
        cloud.client("s3").create_bucket(Bucket=name)


def stamped(item):
    """The item with the time of this write, by which a scan finds what changed while it went on."""
    return item | {CHANGED_AT: {"N": str(int(time.time() * 1_000))}}


def wire(row):
    """A plain row in boto3's low-level form."""
    return {name: SERIALIZE(value) for name, value in row.items()}


def write_items(cloud, table, items):
    """Batch writes with several threads; unprocessed items are sent again."""
    dynamodb = cloud.client("dynamodb")

    def write(batch):
        requests = {table: [{"PutRequest": {"Item": item}} for item in batch]}
        for attempt in range(ATTEMPTS):
            requests = dynamodb.batch_write_item(RequestItems=requests)["UnprocessedItems"]
            if not requests:
                return
            time.sleep(min(1.0, 0.05 * 2**attempt))
        raise LocalError(f"{table}: items stay unprocessed")

    batches = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, batches))


def load_vault(cloud, table, tenants):
    """Writes every planted row."""
    rows = [wire(planted.row) for tenant in tenants for planted in tenant.tokens]
    write_items(cloud, table, rows)
    return len(rows)


def spread(tenant, source):
    """Which references each store holds: every referenced token one to four times, over one or several stores."""
    choices = [store for store in tenant.sources if not store.lookalikes_only]
    held = {store.name: [] for store in tenant.sources}
    expired = tenant.of_group(planting.EXPIRED)
    # An end is an end, whoever still holds the token.
    for planted in tenant.of_group(planting.REFERENCED) + expired[::2]:
        planted.references = source.choice((1, 1, 1, 2, 2, 4))
        for _ in range(planted.references):
            held[source.choice(choices).name].append(planted.token)
    return held


def load_stores(cloud, stack, tenants, seed):
    """Writes the tenants' references and look-alikes; returns how many references, items and objects."""
    n_references = n_items = n_objects = 0
    for tenant in tenants:
        generator = random.Random(f"{seed}/{tenant.name}/stores")
        held = spread(tenant, generator)
        dead = [planted.token for planted in tenant.of_group(planting.UNREFERENCED)]
        for source in tenant.sources:
            tokens = held[source.name]
            generator.shuffle(tokens)
            fakes = generator.sample(dead, min(len(dead), 200 + len(dead) // 10))
            n_references += len(tokens)
            if source.kind == "dynamodb":
                items = [stamped(item) for item in render.items(tokens, fakes, generator)]
                write_items(cloud, table_name(stack, tenant, source), items)
                n_items += len(items)
            else:
                objects = render.objects(source.format, tokens, fakes, generator)
                put_objects(cloud, bucket_name(stack, tenant), source.prefix, objects)
                n_objects += len(objects)
    return n_references, n_items, n_objects


def put_objects(cloud, bucket, prefix, objects):
    """Writes a store's objects."""

    def put(pair):
        cloud.client("s3").put_object(Bucket=bucket, Key=prefix + pair[0], Body=pair[1])

    cloud.client("s3")
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(put, objects))
