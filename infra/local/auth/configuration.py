"""The `lethe.toml` of the scenario, and the numbers of it that an issuer and the checker must know. Pure.

Actions, scopes and retentions are the shipped ones: the table of triggers is what the scenario shows. Some waits are
set, where the shipped ones would be too short to watch on this time scale.
"""

from auth.scale import scaled
import principals

DUE_SHARDS = 16
KINDS = ("session", "access", "refresh", "auth_code", "vault")
SHIPPED_COOL_OFF = "24h"
# A token that expired stays long enough for its successor to be issued: then it is superseded.
ACCESS_EXPIRED_COOL_OFF = "50d"
# Somebody still uses a session after its logout: that must be on record, so it must still be there then.
SESSION_LOGOUT_COOL_OFF = "20d"
# Long enough to be read, or taken back by a person, while it cools.
UNREFERENCED_COOL_OFF = "14d"
# A session that nobody reads is idle after this time; those of the day must not become idle while the demo runs.
IDLE_AFTER = "1000d"
READ_GRANULARITY = "1h"
REUSE_LEEWAY = "30s"
MAY_ISSUE = ("rotated", "consumed", "logout", "device_logout", "compromised", "read")
MAY_NOTIFY = ("created", "deleted", "read")
MAY_OPERATE = ("revoked", "compromised", "account_deleted", "hold", "release", "reinstate")


def auth_user(tenant):
    """The user under which a tenant's auth service calls."""
    return f"{tenant}-auth"


def desk_user(tenant):
    """The user under which a tenant's support and security desk calls."""
    return f"{tenant}-desk"


def app_user(tenant):
    """The user under which a tenant's applications send notices."""
    return f"{tenant}-app"


# Name of the class, who is in it over the front door, its queue, and what it may say. A queue shows its senders by
# unique ids and the front door by ARN, so each has a class of its own.
USERS = (("auth", auth_user, MAY_ISSUE), ("desk", desk_user, MAY_OPERATE), ("app", app_user, MAY_NOTIFY))
QUEUES = (("issuer", MAY_ISSUE), ("operator", MAY_OPERATE), ("tenant", MAY_NOTIFY))


COOL_OFFS = {
    ("access", "expired"): ACCESS_EXPIRED_COOL_OFF,
    ("session", "logout"): SESSION_LOGOUT_COOL_OFF,
    ("vault", "unreferenced"): UNREFERENCED_COOL_OFF,
}


def cool_off(kind, trigger):
    """How long a token of this kind stays after this end, in seconds of the scenario."""
    if trigger == "superseded":
        return 0
    return scaled(COOL_OFFS.get((kind, trigger), "7d" if trigger == "idle" else SHIPPED_COOL_OFF))


def idle_seconds():
    """How long a session lives without being read, in seconds of the scenario."""
    return scaled(IDLE_AFTER) + scaled(READ_GRANULARITY)


def text(tenants, table_of, region, command_floor):
    """The file. `tenants` have a name, shards and sources; `table_of` names a source's table."""
    lines = HEAD.format(command_floor=command_floor).splitlines()
    for tenant in tenants:
        lines += tenant_lines(tenant)
        for source in tenant.sources:
            lines += ["", f"[tenants.{tenant.name}.sources.{source.name}]", 'type = "dynamodb"']
            lines += [f'table = "{table_of(tenant, source)}"', f"segments = {source.segments}"]
            lines += ['changed_at = "changed_at"', 'changed_at_unit = "ms"', f'region = "{region}"']
    return "\n".join(lines) + "\n"


def tenant_lines(tenant):
    """A tenant's section and its callers."""
    # One campaign lasts weeks of Lethe's own time; the next one must not begin while the demo watches the first.
    lines = ["", f"[tenants.{tenant.name}]", f"shards = {tenant.shards}", 'cadence = "365d"']
    lines.append(f"kinds = {listed(KINDS)}")
    # The demo's sessions are as old as it plants them: no read feed can have been proven alive before it began.
    lines += ["", f"[tenants.{tenant.name}.reads]", 'feed = "trusted"']
    for name, user, may in USERS:
        lines += ["", f"[tenants.{tenant.name}.callers.{name}]"]
        lines += [f"principals = {listed([principals.arn_of(user(tenant.name))])}", f"may = {listed(may)}"]
    for queue, may in QUEUES:
        lines += ["", f"[tenants.{tenant.name}.callers.{queue}]", f'queue = "{queue}"', f"may = {listed(may)}"]
    return lines


def listed(words):
    """A list as TOML writes it."""
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


HEAD = f"""# Written by infra/local/auth for the demo.
version = 1
due_shards = {DUE_SHARDS}

[formats.card]
type = "pattern"
prefix = "tok_"
alphabet = "base36"
length = 24
checksum = "luhn"

[kinds.vault]
format = "card"
read_granularity = "{READ_GRANULARITY}"

[kinds.vault.on.unreferenced]
cool_off = "{UNREFERENCED_COOL_OFF}"

[kinds.session]
read_granularity = "{READ_GRANULARITY}"
idle_after = "{IDLE_AFTER}"

[kinds.session.on.logout]
cool_off = "{SESSION_LOGOUT_COOL_OFF}"

[kinds.access]

[kinds.access.on.expired]
cool_off = "{ACCESS_EXPIRED_COOL_OFF}"

[kinds.refresh]
reuse_leeway = "{REUSE_LEEWAY}"

[kinds.auth_code]

[rails]
ratio_percent = 5
ratio_floor = 10
command_percent = 1
command_floor = {{command_floor}}
"""
