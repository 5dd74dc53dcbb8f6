"""A command's text, as every caller sends it: one JSON object of version 1. Pure."""

import json

MAX_TOKENS = 100


def command(tenant, word, key=None, reason_text=None, **fields):
    """One command; what is None is left out."""
    made = {"v": 1, "tenant": tenant, "command": word, "idempotency_key": key, "reason_text": reason_text} | fields
    return {name: value for name, value in made.items() if value is not None}


def text(made):
    """The command as it travels."""
    return json.dumps(made, separators=(",", ":"))


def parts(tokens):
    """Tokens in lists that one command may name."""
    return [tokens[start : start + MAX_TOKENS] for start in range(0, len(tokens), MAX_TOKENS)]


def queue_url(outputs, name):
    """The queue of a class of callers among a stack's outputs; None when it has none, or several could be meant."""
    found = [
        url
        for output, url in outputs.items()
        if output.endswith("QueueUrl") and name in output.lower() and "dlq" not in output.lower()
    ]
    return found[0] if len(found) == 1 else None
