"""What stands in the vault when schemathesis begins, and who may say what. Pure."""

import codec

TENANT = "acme"
SHARDS = 4
KINDS = ("session", "access", "refresh", "auth_code")
N_TOKENS = 200
N_SUBJECTS = 20
# Also what the page's own examples name.
EXAMPLES = ("tok_4f9a0c",)
COMMANDS = (
    "rotated",
    "consumed",
    "logout",
    "device_logout",
    "compromised",
    "revoked",
    "account_deleted",
    "read",
    "created",
    "deleted",
    "hold",
    "release",
    "reinstate",
)


def rows(now_ms):
    """The vault's rows; the names are those of schemathesis_hooks.py."""
    names = [f"token-{number:03d}" for number in range(N_TOKENS)] + list(EXAMPLES)
    return [row(name, number, now_ms) for number, name in enumerate(names)]


def row(token, number, now_ms):
    """One token. Every tenth is a row that nobody understands, every tenth is idle and may come back."""
    subject, session = f"subject-{number % N_SUBJECTS}", f"session-{number}"
    made = {
        "pk": codec.vault_key(TENANT, token, SHARDS),
        "sk": token,
        "kind": KINDS[number % len(KINDS)],
        "state": "active",
        "isValid": True,
        "version": now_ms,
        "created_at": now_ms,
        "subject": subject,
        "session": session,
        "device": f"device-{number % 3}",
        "family": f"family-{number}",
        "owner_pk": codec.owner_key(TENANT, subject, token),
        "owner_sk": f"{session}#{token}",
    }
    if number % 10 == 3:
        made["state"] = "frozen"
    if number % 10 == 7:
        made |= {"state": "cooling", "isValid": False, "reason": "idle", "cooling_since": now_ms // 1_000}
    return made


def configuration(caller):
    """A `lethe.toml` with one tenant and one caller, who may say everything."""
    lines = ["version = 1", "due_shards = 16", ""]
    for kind in KINDS:
        lines += [f"[kinds.{kind}]", ""]
    lines += [f"[tenants.{TENANT}]", f"shards = {SHARDS}", f"kinds = {list(KINDS)}".replace("'", '"'), ""]
    lines += [f"[tenants.{TENANT}.callers.schema]", f'principals = ["{caller}"]']
    lines += [f"may = {list(COMMANDS)}".replace("'", '"'), ""]
    return "\n".join(lines)
