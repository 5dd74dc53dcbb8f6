"""Who takes part in the day: how many of each story, for which tenant, and when each begins. Pure: one seed, one day.
"""

import math
import random
from dataclasses import dataclass

import planting
from auth import stories, vault
from auth.service import Person

# Stories begin within this time; the longest go on for a while after it.
DAY_SECONDS = 14.0
ACCOUNT_TOKENS = 5_000
ROWS_PER_SHARD = 2_000
# Story, how often it happens, and about how many tokens it issues.
COMMON = (
    (stories.stays, 30, 4),
    (stories.lets_it_expire, 12, 4),
    (stories.refreshes, 12, 8),
    (stories.logs_out, 8, 8),
    (stories.refreshes_to_the_end, 6, 6),
    (stories.is_revoked, 6, 4),
    (stories.is_issued_again, 6, 5),
    (stories.loses_a_device, 5, 8),
    (stories.never_uses_the_code, 5, 1),
    (stories.two_tabs, 4, 6),
    (stories.logs_out_everywhere, 3, 16),
    (stories.goes_idle, 3, 1),
    (stories.is_read_in_time, 3, 1),
)
# Once a tenant, early, because what follows takes long.
ONCE = (
    (stories.is_stolen, 6),
    (stories.is_stolen_on_day_20, 6),
    (stories.is_on_hold, 3),
    (stories.is_released, 3),
    (stories.deletes_at_once, 3),
    (stories.same_key_twice, 4),
    (stories.reaches_too_far, 8),
)


@dataclass
class Part:
    """One story of one person."""

    story: object
    person: Person
    at: float


@dataclass
class Cast:
    """Everybody."""

    tenants: list
    parts: list
    shares: list
    # The person with the large account, at the first tenant.
    owner: Person
    # The operator of the last tenant, who revokes too much in a day.
    operator: Person
    n_revoked: int

    def tenant(self, name):
        """A tenant by its name."""
        return next(tenant for tenant in self.tenants if tenant.name == name)


def plan(n_tokens, n_tenants, seed, now):
    """The day of `n_tokens` tokens, the large account and the operator's revocations apart."""
    weights = [1 / (index + 1) for index in range(n_tenants)]
    tenants, parts, shares = [], [], []
    for index in range(n_tenants):
        count = round(n_tokens * weights[index] / sum(weights))
        rows = count + (ACCOUNT_TOKENS if index == 0 else 0)
        shards = max(4, 2 ** math.ceil(math.log2(max(1, rows / ROWS_PER_SHARD))))
        tenant = planting.Tenant(planting.tenant_name(index), shards, [vault.STORE])
        generator = random.Random(f"{seed}/{tenant.name}/auth")
        share = vault.plan(tenant, count // 20, generator, now)
        tenants.append(tenant)
        shares.append(share)
        parts += parts_of(tenant, count - len(share.tokens), seed, generator)
    owner = person_of(tenants[0], stories.deletes_the_account, 0, seed)
    operator = person_of(tenants[-1], stories.revokes_too_much, 0, seed)
    # Well over the budget, however large the tenant is.
    n_revoked = max(400, n_tokens // n_tenants // 15)
    return Cast(tenants, parts, shares, owner, operator, n_revoked)


def parts_of(tenant, count, seed, generator):
    """A tenant's stories: each once, then by their weights until there are tokens enough."""
    parts = [Part(story, person_of(tenant, story, 0, seed), generator.random() * 2) for story, _ in ONCE]
    left = count - sum(size for _, size in ONCE)
    weights = [weight for _, weight, _ in COMMON]
    number = 0
    while number < len(COMMON) or 0 < left:
        story, _, size = COMMON[number] if number < len(COMMON) else generator.choices(COMMON, weights)[0]
        number += 1
        left -= size
        parts.append(Part(story, person_of(tenant, story, number, seed), generator.random() * DAY_SECONDS))
    return parts


def person_of(tenant, story, number, seed):
    """A person who takes part in one story."""
    subject = f"{story.__name__.replace('_', '-')}-{number:04d}"
    generator = random.Random(f"{seed}/{tenant.name}/{subject}")
    return Person(tenant.name, tenant.shards, subject, story.__name__.replace("_", " "), generator)
