"""Runs the chaos: plants tenants, lets the line, the tenants and the faults loose, ends the faults after so many minutes,
and waits in the calm that follows until everything that nobody needs has left."""

import itertools
import os
import time
from collections import Counter

import configuration
import load
import planting
import principals
import runs
from chaos import evidence, harm, journal, judge, schedule, stores, traffic
from cloud import Cloud, LocalError, REGION, target_directory
from killer import Killer
from line import TICK_SECONDS, TICKING, Background, Collector, Ticker, deploy_stack
from operator_command import Operator, people

# A week of Lethe's time is a minute: long enough for scans of this size, short enough to see tokens go.
TIME_SCALE = 10_000
DAY_SECONDS = 86_400 / TIME_SCALE
# Without base64, so that a store that turns to it is one whose tokens no scan can see.
ENCODINGS = ("json", "url", "gzip")
PACE = configuration.Pace(cadence="14d", in_flight="24h", encodings=ENCODINGS, readers=traffic.reading_user)
VERSION_MARGIN_DAYS = 3
# A deed rewrites a whole object. Faster than this no look at the objects would ever be true at this scale, on which a
# second is two hours of a tenant's.
DEED_SECONDS = 1.5
READ_SECONDS = 1.6
COLLECT_SECONDS = 2.0
SECOND_SURVEY_SECONDS = 7.0
KILL_SECONDS = 2.5
LOOK_SECONDS = 5.0
DOUBLED, DELAYED = 0.15, 0.1
# A whole campaign, the slices of a backlog, retention and margin, and the work in between on a slow machine.
TAIL_DAYS = 90
FIRST_SCANS_SECONDS = 900.0
TAIL_SECONDS = 300.0
ASKED_A_LOOK = 400


def sources_of(index):
    """Every tenant has a table and objects of several formats; the first one has every kind."""
    if index == 0:
        return planting.sources_of(0)
    return [
        planting.Source("orders", "dynamodb", segments=2),
        planting.Source("lake", "s3", format="jsonl"),
        planting.Source("reports", "s3", format="csv"),
        planting.Source("notes", "s3", format="text"),
    ]


class Chaos:
    """One chaos from the first table to the last figure."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.home = target_directory() / "chaos"
        self.home.mkdir(parents=True, exist_ok=True)
        self.cloud, self.journal = Cloud(arguments.endpoint), journal.Journal()
        self.tenants = planting.plan(arguments.tokens, arguments.tenants, arguments.seed, int(time.time()))
        for index, tenant in enumerate(self.tenants):
            tenant.sources = sources_of(index)
        self.background = Background()
        self.began = self.broken_since = self.quiet_since = 0.0

    def run(self):
        """The whole chaos; the summary."""
        self.set_up()
        self.start()
        try:
            self.first_scans()
            self.storm()
            is_done = self.tail()
        finally:
            self.background.stop()
        self.collector.collect()
        return self.close(is_done)

    def set_up(self):
        """Stores, stack, vault and configuration."""
        cloud, arguments = self.cloud, self.arguments
        load.create_stores(cloud, arguments.stack, self.tenants)
        tables, buckets = load.stores(arguments.stack, self.tenants)
        print("  deploying template.yaml", flush=True)
        self.stack = deploy_stack(arguments, TIME_SCALE, tables, buckets, "chaos")
        began = time.monotonic()
        self.stores = {
            tenant.name: stores.of_tenant(cloud, arguments.stack, self.journal, tenant, arguments.seed)
            for tenant in self.tenants
        }
        rows = load.load_vault(cloud, self.stack["outputs"]["VaultTable"], self.tenants)
        references = sum(len(places) for places in self.journal.references.values())
        print(f"  {rows:,} vault rows, {references:,} references: {time.monotonic() - began:.0f} s", flush=True)
        path = self.home / "lethe.toml"
        path.write_text(configuration.text(arguments.stack, self.tenants, REGION, PACE))
        for tenant in self.tenants:
            principals.create(cloud, traffic.reading_user(tenant.name))
        self.operators = people(cloud, self.stack, self.home)
        print("  " + Operator(self.stack, self.home).apply(path), flush=True)

    def start(self):
        """Everything that goes on in the background."""
        cloud, stack, seed = self.cloud, self.stack, self.arguments.seed
        self.began = time.monotonic()
        self.collector = Collector(cloud, stack)
        self.killer = Killer(self.arguments.endpoint, stack["functions"], seed, share=None)
        self.second = Ticker(cloud, stack, "survey")
        slices = schedule.plan(self.arguments.minutes, {tenant.name: tenant.sources for tenant in self.tenants}, seed)
        self.harm = harm.Harm(cloud, self.stores, self.journal, slices)
        self.traffic = [
            traffic.Traffic(cloud, stack, tenant, self.stores[tenant.name], self.journal, seed)
            for tenant in self.tenants
        ]
        self.is_stormy = True
        for function in TICKING:
            self.background.repeat(function, Ticker(cloud, stack, function).tick, TICK_SECONDS)
        self.background.repeat("archive copies", self.collector.collect, COLLECT_SECONDS)
        for tenant in self.traffic:
            self.background.repeat(f"{tenant.tenant.name} at work", self.in_the_storm(tenant.deed), DEED_SECONDS)
            self.background.repeat(f"{tenant.tenant.name} reads", tenant.read, READ_SECONDS)
        self.background.repeat("a second survey", self.in_the_storm(self.second.tick), SECOND_SURVEY_SECONDS)
        self.background.repeat("killer", self.in_the_storm(self.killer.kill_one), KILL_SECONDS)
        self.background.repeat("harm", self.in_the_storm(self.harm_step), 0.5)
        self.harm.messages(DOUBLED, DELAYED)
        print(f"\nChaos for {self.arguments.minutes} min; a week of Lethe's time is a minute", flush=True)

    def in_the_storm(self, step):
        """A step that is left out once the calm has begun."""
        return lambda: step() if self.is_stormy else None

    def harm_step(self):
        """The schedule's next faults."""
        if self.broken_since:
            self.harm.step(time.monotonic() - self.broken_since)

    def first_scans(self):
        """Waits until every tenant has had a whole scan. What a fault takes away is told by what the runs before it saw;
        in a tenant's first run nobody but the person who accepts its recall can tell."""
        if not self.watch(self.began + FIRST_SCANS_SECONDS, self.are_scanned):
            raise LocalError(f"not every tenant had a whole scan in {FIRST_SCANS_SECONDS:.0f} s")
        self.broken_since = time.monotonic()
        print("  every tenant has had a whole scan: from here on stores break", flush=True)

    def are_scanned(self):
        """Whether every tenant has a run that went through."""
        good = {
            tenant
            for tenant, run in runs.items(self.cloud, self.stack, self.tenants)
            if run.get("stage") in ("reported", "applied")
        }
        return len(good) == len(self.tenants)

    def storm(self):
        """Waits until the minutes are over; then nothing is broken, killed or written any more."""
        self.watch(self.broken_since + 60 * self.arguments.minutes, lambda: False)
        self.is_stormy = False
        # Threads that are in the middle of a deed end it; what it writes is in the journal.
        time.sleep(2 * LOOK_SECONDS)
        self.harm.calm()
        for tenant in self.traffic:
            tenant.only_held = True
        time.sleep(LOOK_SECONDS)
        self.quiet_since = time.time()
        print("  calm: everything that nobody needs must leave now", flush=True)

    def tail(self):
        """Waits for everything that has to leave; whether it has."""
        deadline = time.monotonic() + TAIL_SECONDS + TAIL_DAYS * DAY_SECONDS
        self.dead = {
            planted.token: planted
            for tenant in self.tenants
            for planted in tenant.tokens
            if planted.group != planting.ODD
            and (planted.group == planting.EXPIRED or self.journal.idle_since(planted.token) <= self.quiet_since)
        }
        return self.watch(deadline, self.is_empty)

    def is_empty(self):
        """Whether nothing dead is left in vault and archive. Asks only about what was still there the last time, and
        about a few hundred of them a look: people who approve must not wait for it."""
        for planted in list(itertools.islice(self.dead.values(), ASKED_A_LOOK)):
            del self.dead[planted.token]
            if self.is_there(planted):
                # Behind the others, so that the next look asks about those.
                self.dead[planted.token] = planted
        return not self.dead and self.collector.present == 0

    def is_there(self, planted):
        """Whether the vault has the row."""
        key = {name: {"S": planted.row[name]} for name in ("pk", "sk")}
        table = self.stack["outputs"]["VaultTable"]
        answer = self.cloud.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)
        return "Item" in answer

    def watch(self, deadline, is_over):
        """Shows progress and approves what waits until the deadline, or until it is over; whether it is."""
        caller = os.getppid()
        while time.monotonic() < deadline:
            self.background.check()
            if os.getppid() != caller:
                raise LocalError("whoever started this has gone, and the cloud with it")
            if is_over():
                return True
            for tenant, run in runs.items(self.cloud, self.stack, self.tenants):
                if run.get("stage") == "gated":
                    for operator in self.operators:
                        operator.approve_what_waits(tenant)
            self.show()
            self.background.stopping.wait(LOOK_SECONDS)
        return is_over()

    def show(self):
        """One line about the runs of every tenant."""
        stages = Counter()
        for tenant, run in runs.items(self.cloud, self.stack, self.tenants):
            stages[run.get("stage")] += 1
        line = ", ".join(f"{stage} {count}" for stage, count in sorted(stages.items()))
        left = f"; {len(self.dead):,} to leave, {self.collector.present} archived" if self.quiet_since else ""
        if line + left != getattr(self, "last_line", None):
            self.last_line = line + left
            print(f"  {time.monotonic() - self.began:5.0f} s  runs: {line}{left}", flush=True)

    def close(self, is_done):
        """The judgement and the figures."""
        print("\nThe checker reads stores, tables, archive and audit", flush=True)
        found = evidence.read(self.cloud, self.stack, self.tenants, self.collector.archived)
        truth = [planted for tenant in self.tenants for planted in tenant.tokens]
        bounds = judge.Bounds(PACE.in_flight_seconds(TIME_SCALE), self.quiet_since, VERSION_MARGIN_DAYS * DAY_SECONDS)
        verdict = judge.judge(truth, self.journal, found, bounds)
        return self.summary(found, verdict, is_done), self.home

    def summary(self, found, verdict, is_done):
        """The figures as JSON holds them."""
        figures = {name: sorted(lines) for name, lines in vars(verdict).items()}
        stages = Counter(run.stage for run in found.runs.values())
        left = {token for token, changes in found.changes.items() for change in changes if change.after == "archived"}
        done = Counter()
        for tenant in self.traffic:
            done.update(tenant.counts)
        faults = [f"{len(lines)} {name}, e.g. {lines[0]}" for name, lines in figures.items() if lines]
        if not is_done:
            faults.insert(0, f"{len(self.dead)} tokens and {self.collector.present} archived copies did not leave in time")
        return {
            "tokens": sum(len(tenant.tokens) for tenant in self.tenants),
            "tenants": len(self.tenants),
            "minutes": self.arguments.minutes,
            "seed": self.arguments.seed,
            "seconds": round(time.monotonic() - self.began, 1),
            "faults_injected": self.injected(),
            **{name: len(lines) for name, lines in figures.items()},
            "traffic": dict(done),
            "runs": dict(stages),
            "void_notes": dict(Counter(run.note for run in found.runs.values() if run.stage == "void")),
            "tokens_archived": len(left),
            "dead_letters": found.dead_letters,
            "examples": {name: lines[:20] for name, lines in figures.items()},
            "faults": faults,
        }

    def injected(self):
        """How often each kind of fault was injected."""
        counts = Counter(fault.kind for fault in self.journal.faults)
        front = self.harm.counts()
        counts["functions_killed"] = sum(self.killer.kills.values())
        counts["messages_doubled"] = front.get("doubled", 0)
        counts["messages_delayed"] = front.get("delayed", 0)
        counts["requests_refused"] = front.get("refused", 0)
        counts["surveys_at_once"] = self.second.count
        return dict(counts)
