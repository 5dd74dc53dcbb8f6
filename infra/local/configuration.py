"""The `lethe.toml` of the vault's scenarios, and the numbers in it that the checkers must know. Pure."""

import re
from dataclasses import dataclass

import load
import planting
import principals

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True)
class Pace:
    """How often stores are scanned and how long a reference may be on its way."""

    # One campaign lasts days of Lethe's own time; by default the next does not begin while the demo watches the first.
    cadence: str = "365d"
    in_flight: str = "15m"
    # How tokens may be written beside as they are; None = in every way that Lethe knows.
    encodings: tuple | None = None
    # Gives the name of the user under which a tenant's application reads; None where it only uses the queue.
    readers: object = None

    def in_flight_seconds(self, time_scale):
        """The longest way of a reference on this scale: whole seconds, rounded up as the local profile does."""
        number, unit = re.fullmatch(r"(\d+)([smhd])", self.in_flight).groups()
        return -(-int(number) * UNITS[unit] // time_scale)


DEMO = Pace()

HEAD = """# Written by infra/local for a scenario of the vault.
version = 1
due_shards = {due_shards}

[formats.card]
type = "pattern"
prefix = "tok_"
alphabet = "base36"
length = 24
checksum = "luhn"

[kinds.vault]
format = "card"
read_granularity = "1h"
grace = "24h"

[kinds.vault.on.unreferenced]
action = "invalidate"
cool_off = "7d"
archive = true
retention = "7d"
strikes = 2

[kinds.vault.on.expired]
action = "remove"
cool_off = "7d"
archive = true
retention = "7d"

[rails]
ratio_percent = 5
ratio_floor = 10
# An eighth of a tenant's tokens is planted unused: both people have to approve, also after what expired has left.
two_persons_percent = 8
in_flight_max = "{in_flight}"
"""


def text(stack, tenants, region, pace=DEMO):
    """The whole file."""
    parts = [HEAD.format(due_shards=planting.DUE_SHARDS, in_flight=pace.in_flight)]
    for tenant in tenants:
        parts += tenant_lines(tenant, pace)
        for source in tenant.sources:
            parts += source_lines(stack, tenant, source, region)
            if pace.encodings is not None:
                parts.append("encodings = [" + ", ".join(f'"{name}"' for name in pace.encodings) + "]")
    return "\n".join(parts) + "\n"


def tenant_lines(tenant, pace):
    """A tenant's section and its callers."""
    lines = [f"[tenants.{tenant.name}]", f"shards = {tenant.shards}", f'cadence = "{pace.cadence}"', 'kinds = ["vault"]']
    lines += ["", f"[tenants.{tenant.name}.callers.application]", 'queue = "issuer"', 'may = ["read"]']
    if pace.readers:
        lines += ["", f"[tenants.{tenant.name}.callers.readers]"]
        lines += [f'principals = ["{principals.arn_of(pace.readers(tenant.name))}"]', 'may = ["read"]']
    return lines


def source_lines(stack, tenant, source, region):
    """A source's section."""
    lines = ["", f"[tenants.{tenant.name}.sources.{source.name}]", f'type = "{source.kind}"', f'region = "{region}"']
    if source.kind == "dynamodb":
        lines += [f'table = "{load.table_name(stack, tenant, source)}"', f"segments = {source.segments}"]
        return lines + [f'changed_at = "{load.CHANGED_AT}"', 'changed_at_unit = "ms"']
    lines += [f'bucket = "{load.bucket_name(stack, tenant)}"', f'prefix = "{source.prefix}"']
    return lines + [f'format = "{source.format}"']
