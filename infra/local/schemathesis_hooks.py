"""Loaded by schemathesis: points a part of the commands that it makes up at a tenant and at tokens that are there.

A tenant's name and a token made up at random are nobody's, and every answer would be the same refusal. Only texts that
were good before are replaced, so that what was made wrong on purpose stays wrong. Two rules of the page stand in words
only, since a schema cannot state them: `reason_text` holds no token and no subject, and `at` is not in the future. They
are kept here.
"""

import re
import zlib

import schemathesis

TENANT = "acme"
TENANT_NAME = re.compile(r"[a-z0-9-]{1,64}")
# As schemathesis_run.py plants them; they go one after another, so the answers change on the way.
TOKENS = [f"token-{number:03d}" for number in range(200)]
GOOD_KEY = re.compile(r"[A-Za-z0-9._:-]{1,128}")
LONG_AGO = 1_700_000_000
MAX_SECONDS = 9_999_999_999
SUBJECTS = [f"subject-{number}" for number in range(20)]


@schemathesis.hook
def before_call(context, case, kwargs):
    """Every case on its way out, whichever phase made it up."""
    if isinstance(case.body, dict):
        case.body = in_the_past(without_secrets(at_known(case.body)))


def at_known(body):
    """Three of four commands with a good tenant's name are the known tenant's; so with tokens and subjects."""
    if not is_text(body.get("tenant")) or not TENANT_NAME.fullmatch(body["tenant"]):
        return body
    # The same command is always changed in the same way.
    number = zlib.crc32(repr(sorted(body.items(), key=str)).encode("utf-8", "surrogatepass"))
    if number % 4 == 0:
        return body
    body = body | {"tenant": TENANT}
    key = body.get("idempotency_key")
    if is_text(key) and GOOD_KEY.fullmatch(key) and number % 8:
        # The page's examples share one key, and under it only the first command would be carried out.
        body["idempotency_key"] = f"case-{number:08x}"
    tokens = body.get("tokens")
    if isinstance(tokens, list) and tokens and all(is_text(token) for token in tokens) and number % 3:
        known = TOKENS[number % len(TOKENS)]
        if known not in tokens:
            body["tokens"] = [known, *tokens[1:]]
    if is_text(body.get("subject")) and number % 5:
        body["subject"] = SUBJECTS[number % len(SUBJECTS)]
    return body


def without_secrets(body):
    """Takes a good `reason_text` away where it happens to hold a token or the subject, as short ones easily do."""
    if not is_text(body.get("reason_text")):
        return body
    tokens = body.get("tokens")
    secrets = [*(tokens if isinstance(tokens, list) else []), body.get("subject")]
    if any(isinstance(secret, str) and secret in body["reason_text"] for secret in secrets):
        return {name: value for name, value in body.items() if name != "reason_text"}
    return body


def in_the_past(body):
    """Moves a good `at` back to where it can have happened."""
    at = body.get("at")
    if not isinstance(at, int) or isinstance(at, bool) or not LONG_AGO < at <= MAX_SECONDS:
        return body
    return body | {"at": at % LONG_AGO}


def is_text(value):
    """Whether this is a text that says something and is not too long for what it may stand for."""
    return isinstance(value, str) and 0 < len(value) <= 200
