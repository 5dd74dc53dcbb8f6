"""Canaries: tokens of Lethe's own that every registered store holds, so that a scan can be asked whether it saw it.

`lethe canary plant` writes one to the vault and prints what the tenant puts into its store; this does as the tenant is
told."""

import json
import random
import re

import load
import render
from cloud import LocalError

TOKEN = re.compile(r"tok_[0-9a-z]{24}")
# Far from the numbers of what is planted and of what the application adds.
NUMBER = 990_000


def plant(cloud, stack, tenants, operator):
    """Plants one in each source; how many."""
    count = 0
    for tenant in tenants:
        for source in tenant.sources:
            tokens = told(operator, tenant, source)
            put(cloud, stack["stack"], tenant, source, tokens)
            count += len(tokens)
    return count


def told(operator, tenant, source):
    """What the operator's command says that this source shall hold."""
    output, succeeded = operator.call("canary", "plant", tenant.name, source.name, "--json")
    if not succeeded:
        raise LocalError(f"`lethe canary plant {tenant.name} {source.name}` refused: {output.strip()}")
    tokens = TOKEN.findall(json.dumps(json.loads(output)))
    if not tokens:
        raise LocalError(f"`lethe canary plant {tenant.name} {source.name}` names no token")
    return sorted(set(tokens))


def put(cloud, stack, tenant, source, tokens):
    """Writes them where the scan looks."""
    rng = random.Random(NUMBER)
    if source.kind == "dynamodb":
        items = [load.stamped(render.item_of(NUMBER + number, [token], rng)) for number, token in enumerate(tokens)]
        load.write_items(cloud, load.table_name(stack, tenant, source), items)
        return
    objects = [(f"canary-{key.rpartition('/')[2]}", body) for key, body in render.objects(source.format, tokens, [], rng)]
    load.put_objects(cloud, load.bucket_name(stack, tenant), source.prefix, objects)
