"""The demo: deploys the real template, plants a vault and the tenants' stores, and runs the line.

Nothing here does Lethe's work. The Scheduler is off, since a minute between two ticks is too long on this time scale:
ticks are real invocations of the scheduled functions, one a second. Everything else happens through
queues and streams; a plan that waits is approved with the operator's own command. While that runs, the application
goes on issuing and reading tokens, and every archived object is copied for the checker, since in the end none is left.

That is the scenario `vault`. `--scenario auth` plays an auth service's day instead; it is in the package `auth`.
"""

import argparse
import json
import os
import pathlib
import sys
import time

from botocore.exceptions import BotoCoreError, ClientError

import canaries
import checker
import codec
import configuration
import load
import planting
import report
import runs
from auth import closing, scenario
from cloud import Cloud, LocalError, REGION, pages, target_directory
from issuer import Issuer
from killer import Killer
from line import COLLECT_SECONDS, TICK_SECONDS, TICKING, Background, Collector, Ticker, deploy_stack
from operator_command import Operator, people

LOOK_SECONDS = 2.0
KILL_SECONDS = 0.05
TIME_SCALE = 20_000
# A whole life is about three minutes at this scale; the rest is work, which grows with the tokens.
DEADLINE_SECONDS = 600.0
DEADLINE_SECONDS_PER_TOKEN = 0.03

class Watcher:
    """Reads the audit and the runs, for progress and for the end."""

    def __init__(self, cloud, stack, tenants):
        self.cloud, self.stack, self.tenants = cloud, stack, tenants
        self.keys, self.names = {}, {}
        self.last_line = {}

    def look(self):
        """Where every tenant's tokens stand now: tenant -> state -> tokens."""
        audit_table = self.stack["outputs"]["AuditTable"]
        scan = self.cloud.client("dynamodb").scan
        items = [codec.plain_item(item) for item in pages(scan, "Items", TableName=audit_table)]
        self.learn_names()
        latest, objects, gone = {}, {}, set()
        for item in items:
            place = (item.get("object"), item.get("object_version"))
            if item.get("event") == "purged":
                gone.add(place)
            for entry in codec.decode_entries(item.get("entries", b"")):
                step = (entry.version, codec.STATES.index(entry.after))
                latest[entry.fingerprint] = max(latest.get(entry.fingerprint, (0, 0)), step)
                if item.get("event") == "archived":
                    objects.setdefault(place, set()).add(entry.fingerprint)
        purged = checker.purged(objects, gone)
        standing = {tenant.name: dict.fromkeys(codec.STATES, 0) for tenant in self.tenants}
        for fingerprint, (_, state) in latest.items():
            tenant = self.names.get(fingerprint)
            if tenant:
                standing[tenant]["purged" if fingerprint in purged else codec.STATES[state]] += 1
        return standing

    def learn_names(self):
        """Which fingerprint is whose, as soon as a tenant has its key; tokens are issued all the time."""
        for tenant in self.tenants:
            if self.keys.get(tenant.name) is None:
                self.keys[tenant.name] = checker.fingerprint_key(self.cloud, self.stack, tenant.name)
            key, known = self.keys[tenant.name], f"{tenant.name} known"
            if key is None:
                continue
            done = self.keys.get(known, 0)
            for planted in tenant.tokens[done:]:
                self.names[codec.fingerprint(key, planted.token)] = tenant.name
            self.keys[known] = len(tenant.tokens)

    def run_of(self, tenant):
        """The tenant's latest run that is under way, as `(id, stage, note)`."""
        table, query = self.stack["outputs"]["ControlTable"], self.cloud.client("dynamodb").query
        answer = query(
            TableName=table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"run#{tenant.name}"}},
            ScanIndexForward=False,
            Limit=4,
            ConsistentRead=True,
        )
        latest = [describe_run(codec.plain_item(item)) for item in answer["Items"]]
        ended = ("applied", "reported", "void", "booked")
        return next((run for run in latest if run[1] not in ended), latest[0] if latest else ("", "", ""))

    def show(self, began, standing, latest):
        """One line a tenant, when it has changed."""
        for tenant in self.tenants:
            counts = standing[tenant.name]
            moved = sum(counts[state] for state in ("cooling", "sentenced", "archived", "purged", "erased"))
            active = len(tenant.tokens) - moved
            states = " → ".join(
                [f"active {active:,}"] + [f"{state} {counts[state]:,}" for state in codec.STATES[2:6]]
            )
            run_id, stage, note = latest[tenant.name]
            run = f"run {run_id[-2:]} {stage}{': ' + note if note else ''}" if run_id else "no run yet"
            # New tokens are issued all the time; that alone is no news.
            news = (moved, *counts.values(), run)
            if news != self.last_line.get(tenant.name):
                self.last_line[tenant.name] = news
                print(f"  {time.monotonic() - began:5.0f} s  {tenant.name:<9} {states}   ({run})", flush=True)


def describe_run(item):
    """`(id, stage, note)` of a run's item."""
    item = runs.flat(item)
    return (item["sk"], item.get("stage", "?"), item.get("note") or "")


def run(arguments):
    """The whole demo; returns the summary."""
    home = target_directory() / "demo"
    home.mkdir(parents=True, exist_ok=True)
    cloud = Cloud(arguments.endpoint)
    tenants = planting.plan(arguments.tokens, arguments.tenants, arguments.seed, int(time.time()))
    stack = set_up(cloud, arguments, tenants, home)
    author = Operator(stack, home)
    print("  " + author.apply(home / "lethe.toml"), flush=True)
    operators = people(cloud, stack, home)
    n_canaries = canaries.plant(cloud, stack, tenants, author)
    print(f"  {n_canaries} canaries: one token of Lethe's own in every store", flush=True)
    before = cloud.request_counts()
    background, collector = Background(), Collector(cloud, stack)
    issuer, watcher = Issuer(cloud, stack, tenants, arguments.seed), Watcher(cloud, stack, tenants)
    tickers = [Ticker(cloud, stack, function) for function in TICKING]
    began = time.monotonic()
    print("\nThe line runs: ticks every second, one week of Lethe's time is thirty seconds", flush=True)
    for ticker in tickers:
        background.repeat(ticker.function, ticker.tick, TICK_SECONDS)
    background.repeat("application", issuer.round, 0.2)
    background.repeat("archive copies", collector.collect, COLLECT_SECONDS)
    killer = Killer(arguments.endpoint, stack["functions"], arguments.seed) if arguments.kill_functions else None
    if killer:
        background.repeat("killer", killer.kill_one, KILL_SECONDS)
    deadline = began + DEADLINE_SECONDS + DEADLINE_SECONDS_PER_TOKEN * arguments.tokens
    try:
        ended = watch(background, watcher, operators, collector, began, deadline)
    finally:
        background.stop()
    issuer.finish()
    collector.collect()
    seconds = time.monotonic() - began
    after = cloud.request_counts()
    print("\nThe checker reads tables, bucket and audit", flush=True)
    evidence = checker.read_cloud(cloud, stack, tenants, collector.archived)
    checker.require_keys(evidence)
    truth = [planted for tenant in tenants for planted in tenant.tokens]
    summary = checker.examine(truth, evidence)
    summary |= report.requests(before, after)
    summary |= {"seconds": round(seconds, 1), "tenants": len(tenants), "seed": arguments.seed}
    summary["reissued_while_cooling"] = issuer.n_reissued_cooling
    found = list(runs.items(cloud, stack, tenants))
    summary |= runs.rails(found) | {"canaries": n_canaries}
    approved = [(tenant, operator.name) for operator in operators for tenant, _, _ in operator.approved]
    summary["approvals"] = len(approved)
    in_use = {tenant.name: len(issuer.witnesses(tenant)) for tenant in tenants}
    summary["faults"] += runs.not_passed(found, in_use, approved)
    if killer:
        killer.require_all()
        summary |= {"killed": killer.kills, "killed_at_work": killer.n_busy}
        killed = ", ".join(f"{name} {kills}" for name, kills in sorted(killer.kills.items()))
        print(f"  killed, {killer.n_busy} of them at work: {killed}", flush=True)
    if not ended:
        summary["faults"].insert(0, f"not done after {seconds:.0f} s")
    return summary, home


def set_up(cloud, arguments, tenants, home):
    """Stores, stack, vault and configuration."""
    began = time.monotonic()
    load.create_stores(cloud, arguments.stack, tenants)
    tables, buckets = load.stores(arguments.stack, tenants)
    print("  deploying template.yaml", flush=True)
    stack = deploy_stack(arguments, TIME_SCALE, tables, buckets)
    print(f"  deployed in {time.monotonic() - began:.1f} s; loading stores and vault", flush=True)
    began = time.monotonic()
    references, items, objects = load.load_stores(cloud, arguments.stack, tenants, arguments.seed)
    rows = load.load_vault(cloud, stack["outputs"]["VaultTable"], tenants)
    (home / "lethe.toml").write_text(configuration.text(arguments.stack, tenants, REGION))
    print(
        f"  {rows:,} vault rows; {references:,} references in {items:,} items and {objects:,} objects: "
        f"{time.monotonic() - began:.1f} s",
        flush=True,
    )
    return stack


def watch(background, watcher, operators, collector, began, deadline):
    """Shows progress and approves what waits, until everything planted has gone; False at the deadline."""
    wanted = {
        tenant.name: len(tenant.of_group(planting.UNREFERENCED, planting.EXPIRED)) for tenant in watcher.tenants
    }
    caller = os.getppid()
    while time.monotonic() < deadline:
        background.check()
        if os.getppid() != caller:
            raise LocalError("whoever started this has gone, and the cloud with it")
        looked = time.monotonic()
        standing = watcher.look()
        latest = {tenant.name: watcher.run_of(tenant) for tenant in watcher.tenants}
        watcher.show(began, standing, latest)
        for tenant in watcher.tenants:
            for operator in operators if latest[tenant.name][1] == "gated" else ():
                operator.approve_what_waits(tenant.name)
        done = all(wanted[tenant] <= counts["purged"] for tenant, counts in standing.items())
        if done and collector.present == 0:
            return True
        # Looking costs the emulator work, so a slow look makes the next one rarer.
        background.stopping.wait(max(LOOK_SECONDS, 3 * (time.monotonic() - looked)))
    return False


# What a scenario runs, how it closes, and how many tokens it plants where nobody says.
SCENARIOS = {"vault": (run, report.close, 5_000), "auth": (scenario.run, closing.close, 2_000)}


def main():
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--stack", default="lethe")
    parser.add_argument("--scenario", choices=SCENARIOS, default="vault")
    parser.add_argument("--tokens", type=int)
    parser.add_argument("--tenants", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--kill-functions", action="store_true", help="kill each function while the line runs")
    arguments = parser.parse_args()
    play, close, n_tokens = SCENARIOS[arguments.scenario]
    arguments.tokens = arguments.tokens or n_tokens
    if arguments.kill_functions and arguments.scenario != "vault":
        parser.error("--kill-functions is for the vault scenario")
    try:
        summary, home = play(arguments)
    except (LocalError, BotoCoreError, ClientError, OSError) as fault:
        sys.exit(f"demo: {fault}")
    text = json.dumps(summary, indent=2) + "\n"
    for path in {home / "summary.json", arguments.json or home / "summary.json"}:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    close(summary, arguments.json or home / "summary.json")
    sys.exit(1 if summary["faults"] else 0)


if __name__ == "__main__":
    main()
