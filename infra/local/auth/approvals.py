"""The operators at work while the day goes on: all of them approve the plans of runs, which may need two people, and one
of them the commands of a day that wait."""

import threading
import time

from cloud import pages

# What was approved and still waits had come later; it is approved again after this time.
AGAIN_SECONDS = 3.0


def words(tenant, day):
    """How the operator's command is told to approve a tenant's commands of a budget day."""
    return ("approve-commands", tenant, str(day))


class Approvals:
    """Finds what waits and approves it, unless it is held back to be seen waiting."""

    def __init__(self, cloud, vault, operators, tenants, prober, say):
        self.scan, self.vault = cloud.client("dynamodb").scan, vault
        self.operators, self.tenants, self.prober, self.say = operators, tenants, prober, say
        self.held_back, self.approved, self.lock = set(), {}, threading.Lock()
        self.said = set()

    def hold_back(self, tenant):
        """Approves nothing of this tenant's commands until `allow`."""
        with self.lock:
            self.held_back.add(tenant)

    def allow(self, tenant):
        """Approves again."""
        with self.lock:
            self.held_back.discard(tenant)

    def waiting(self, tokens):
        """Those of the tokens that are out of service and wait for a person."""
        found = self.prober.read({(token.row["pk"], token.id) for token in tokens})
        return [token for token in tokens if waits(found.get((token.row["pk"], token.id)))]

    def round(self):
        """Approves what waits now."""
        for tenant in self.tenants:
            for operator in self.operators:
                operator.approve_what_waits(tenant.name)
        for tenant, day in sorted(self.waiting_days()):
            with self.lock:
                if tenant in self.held_back:
                    continue
            if time.monotonic() < self.approved.get((tenant, day), 0.0) + AGAIN_SECONDS:
                continue
            answer, succeeded = self.operators[0].call(*words(tenant, day))
            if succeeded:
                self.approved[tenant, day] = time.monotonic()
                self.say(f"$ lethe {' '.join(words(tenant, day))}")
            elif answer not in self.said:
                self.said.add(answer)
                self.say(f"lethe {' '.join(words(tenant, day))}: {answer.strip().splitlines()[0]}")

    def waiting_days(self):
        """`(tenant, day)` of every removal that waits."""
        found = pages(
            self.scan,
            "Items",
            TableName=self.vault,
            FilterExpression="attribute_exists(waits_for)",
            ProjectionExpression="pk, waits_for",
        )
        return {(item["pk"]["S"].rpartition("#")[0], int(item["waits_for"]["N"])) for item in found}


def waits(row):
    """Whether a row is out of service, without a date of removal, and waits for an approval."""
    return bool(row) and not row["isValid"] and "waits_for" in row and "purge_at" not in row
