"""The runs as they lie in the control table, and what they say about the rails that they passed."""

import json

import codec
from cloud import pages


def items(cloud, stack, tenants):
    """Every run of every tenant as `(tenant's name, plain values)`, the oldest first."""
    query = cloud.client("dynamodb").query
    for tenant in tenants:
        values = {":pk": {"S": f"run#{tenant.name}"}}
        arguments = {"TableName": stack["outputs"]["ControlTable"], "ExpressionAttributeValues": values}
        for item in pages(query, "Items", KeyConditionExpression="pk = :pk", ConsistentRead=True, **arguments):
            yield tenant.name, flat(codec.plain_item(item))


def flat(item):
    """A run's item, whose parts may be attributes or one JSON text."""
    for value in list(item.values()):
        if isinstance(value, str) and value.startswith("{"):
            item = json.loads(value) | item
        elif isinstance(value, dict) and "stage" in value:
            item = value | item
    return item


def rails(found):
    """The figures of the rails over all runs: in how many slices tokens cooled, how many runs only reported, how many
    witnesses the least had, and the least share of them that a scan found. None where no run measured anything."""
    runs = [run for _, run in found]
    kinds = [kind for run in runs for kind in run.get("measured", {}).get("witnesses", {}).values()]
    shares = [100.0 * kind["n_found"] / kind["n_witnesses"] for kind in kinds if kind["n_witnesses"]]
    return {
        "slices": sum(0 < run.get("applied", {}).get("n_cooled", 0) for run in runs),
        "runs_reported": sum(run.get("stage") == "reported" for run in runs),
        "fewest_witnesses": min((kind["n_witnesses"] for kind in kinds), default=None),
        "lowest_recall_percent": round(min(shares), 2) if shares else None,
    }
