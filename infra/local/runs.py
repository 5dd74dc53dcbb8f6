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
    """How many runs only reported."""
    return {"runs_reported": sum(run.get("stage") == "reported" for _, run in found)}
