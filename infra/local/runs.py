"""The runs as they lie in the control table, and what they say about the rails that they passed."""

import json

import codec
from cloud import pages

# Fewer witnesses than this ask for a person in every plan.
WITNESSES_MIN = 300


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
        "runs_shadow": sum(run.get("shadow") is not None for run in runs),
        "fewest_witnesses": min((kind["n_witnesses"] for kind in kinds), default=None),
        "lowest_recall_percent": round(min(shares), 2) if shares else None,
    }


def not_passed(found, in_use, approved):
    """One line for each rail that a tenant's tokens went around: without it the demo would show less than it says.
    `in_use` says how many of each tenant's tokens are read, `approved` are the `(tenant, principal)` that approved."""
    faults = []
    for tenant, n_read in in_use.items():
        runs = [run for name, run in found if name == tenant]
        acted = [run for run in runs if 0 < run.get("applied", {}).get("n_cooled", 0)]
        if not any(run.get("shadow") is not None for run in runs):
            faults.append(f"{tenant}: no run was a shadow run")
        if len(acted) < 2:
            faults.append(f"{tenant}: its first purge left in {len(acted)} slice(s)")
        if len({principal for name, principal in approved if name == tenant}) < 2:
            faults.append(f"{tenant}: fewer than two people approved")
        measured = [kind for run in acted for kind in run.get("measured", {}).get("witnesses", {}).values()]
        fewest = min((kind["n_witnesses"] for kind in measured), default=0)
        wanted = min(WITNESSES_MIN, n_read * 9 // 10)
        if fewest < wanted:
            faults.append(f"{tenant}: {fewest} witnesses, {wanted} are wanted")
    return faults
