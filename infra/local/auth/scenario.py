"""An auth service's day from beginning to end: set up, play, wait until all that ended is gone, have it judged."""

import os
import random
import time
from dataclasses import dataclass

import codec
import load
import report
from auth import approvals, cast, configuration, evidence, judge, rows, service, stories, vault
from auth.clockwork import Clockwork
from auth.desk import Desk
from auth.probe import Prober
from auth.progress import Progress
from auth.scale import TIME_SCALE
from auth.truth import Token, Truth
from checker import require_keys
from cloud import Cloud, LocalError, REGION, target_directory
from front_door import FrontDoor
from line import COLLECT_SECONDS, TICK_SECONDS, TICKING, Background, Collector, Ticker, deploy_stack
from operator_command import Operator, people
import principals

LOOK_SECONDS = 2.0
APPROVE_SECONDS = 1.5
SAMPLE_SECONDS = 2.0
SAMPLED = 100
# Tokens that commands may end in a budget day, which is a second here, without a person.
COMMAND_FLOOR = 100
# The longest life of the day is that of what was stolen on day 20: some eighteen seconds until then, kept for 78 more.
DEADLINE_SECONDS = 420.0
DEADLINE_SECONDS_PER_TOKEN = 0.03
# Thousands of rows keep the emulator busy for a while, and one thread of it feeds queues and streams alike. So this
# comes when the day is nearly over, and before what takes longest is out of the archive.
ACCOUNT_AT_SECONDS = 28.0
REVOKED_AT_SECONDS = 16.0
ACCOUNT_KINDS = (("access", 80), ("refresh", 10), ("session", 9), ("vault", 1))


@dataclass
class Set:
    """Everything that was set up."""

    cloud: object
    stack: dict
    cast: object
    truth: Truth
    stores: dict
    account: list
    operators: list
    home: object


def run(arguments):
    """The whole day; returns the summary."""
    scene = set_up(arguments)
    cloud, stack = scene.cloud, scene.stack
    names = [user(tenant.name) for tenant in scene.cast.tenants for _, user, _ in configuration.USERS]
    users = [principals.create(cloud, name) for name in names]
    door = FrontDoor(cloud, stack["functions"]["intake"], users).start()
    before, began, faults = cloud.request_counts(), time.monotonic(), []
    progress = Progress(cloud, stack, scene.cast.tenants, scene.truth, began)
    shards = {tenant.name: tenant.shards for tenant in scene.cast.tenants}
    prober = Prober(cloud, stack["outputs"]["VaultTable"], shards)
    desk = Desk(cloud, stack, door.url, users)
    clerk = approvals.Approvals(
        cloud, stack["outputs"]["VaultTable"], scene.operators, scene.cast.tenants, prober, progress.say
    )
    auth = service.Service(cloud, stack["outputs"]["VaultTable"], desk, scene.truth, faults)
    stage = stories.Stage(auth, prober, clerk, stranger_in(scene.cast, arguments.seed), progress.say, scene.account)
    background, collector = start_line(scene, clerk, stage, arguments.seed)
    print("\nThe day begins: ticks every second, a day of Lethe's time is a second", flush=True)
    try:
        clockwork = play(scene, stage, background, progress)
        ended = wait_for_the_end(background, collector, progress, clockwork, began, arguments)
        too_late(scene, stage)
    finally:
        background.stop()
        door.stop()
    collector.collect()
    seconds = time.monotonic() - began
    summary = examine(scene, stage, collector)
    summary |= report.requests(before, cloud.request_counts())
    summary |= {"seconds": round(seconds, 1), "tenants": len(scene.cast.tenants), "seed": arguments.seed}
    if not ended:
        summary["faults"].insert(0, f"not over after {seconds:.0f} s")
    return summary, scene.home


def set_up(arguments):
    """The stack, the stores, the vault as it was before the day, and the configuration."""
    began = time.monotonic()
    home = target_directory() / "demo"
    home.mkdir(parents=True, exist_ok=True)
    cloud = Cloud(arguments.endpoint)
    planned = cast.plan(arguments.tokens, arguments.tenants, arguments.seed, int(time.time()))
    load.create_stores(cloud, arguments.stack, planned.tenants)
    tables, buckets = load.stores(arguments.stack, planned.tenants)
    print("  deploying template.yaml", flush=True)
    stack = deploy_stack(arguments, TIME_SCALE, tables, buckets)
    file = home / "lethe.toml"
    text = configuration.text(
        planned.tenants, lambda tenant, source: load.table_name(arguments.stack, tenant, source), REGION, COMMAND_FLOOR
    )
    file.write_text(text)
    # Before the first row, so that every change of one finds its tenant's key.
    print("  " + Operator(stack, home).apply(file), flush=True)
    truth, stores = Truth(), {}
    account = account_of(planned.owner)
    for share in planned.shares:
        generator = random.Random(f"{arguments.seed}/{share.tenant.name}/store")
        stores[share.tenant.name] = vault.Store(cloud, arguments.stack, share.tenant, generator)
        stores[share.tenant.name].put(share.lots[vault.IN_USE] + share.lots[vault.NOTICED])
        for token in share.tokens:
            truth.add(token)
    # An account's vault tokens are in use until it is deleted.
    stores[planned.owner.tenant].put([token for token in account if token.row["kind"] == "vault"])
    for token in account:
        truth.add(token)
    load.write_items(cloud, stack["outputs"]["VaultTable"], [load.wire(token.row) for token in truth.tokens])
    for token in truth.tokens:
        token.written_at = time.time()
    print(f"  deployed, {len(truth.tokens):,} rows in the vault: {time.monotonic() - began:.1f} s", flush=True)
    return Set(cloud, stack, planned, truth, stores, account, people(cloud, stack, home), home)


def account_of(owner):
    """The tokens of the one large account, issued over the last weeks for no client in particular."""
    tokens, now_ms = [], int(time.time() * 1_000)
    for kind, percent in ACCOUNT_KINDS:
        for _ in range(cast.ACCOUNT_TOKENS * percent // 100):
            token = codec.make_token(owner.random) if kind == "vault" else rows.bearer(owner.random)
            expires_at = None if kind in ("session", "vault") else now_ms // 1_000 + service.FAR
            created_ms = now_ms - owner.random.randrange(60_000, 300_000)
            named = {"subject": owner.subject, "session": owner.name("session")}
            row = rows.issue(owner.tenant, owner.shards, token, kind, named, created_ms, expires_at)
            tokens.append(Token(row, owner.tenant, owner.story))
    return tokens


def stranger_in(planned, seed):
    """Finds a person at another tenant than somebody's own; None where there is no other."""

    def find(person):
        others = [tenant for tenant in planned.tenants if tenant.name != person.tenant]
        return cast.person_of(others[0], stories.stays, 90_000 + hash_of(person), seed) if others else None

    return find


def hash_of(person):
    """A small number that is the same in every process."""
    return sum(person.tenant.encode()) % 1_000


def start_line(scene, clerk, stage, seed):
    """Ticks, copies, approvals and a reader who looks at any tokens all the time."""
    background, collector = Background(), Collector(scene.cloud, scene.stack)
    generator = random.Random(f"{seed}/sample")

    def sample():
        tokens = scene.truth.all()
        stage.look("at any moment", generator.sample(tokens, min(SAMPLED, len(tokens))))

    for function in TICKING:
        background.repeat(function, Ticker(scene.cloud, scene.stack, function).tick, TICK_SECONDS)
    background.repeat("archive copies", collector.collect, COLLECT_SECONDS)
    background.repeat("operator", clerk.round, APPROVE_SECONDS)
    background.repeat("reader", sample, SAMPLE_SECONDS)
    return background, collector


def play(scene, stage, background, progress):
    """Plays every story to its end."""
    clockwork, planned = Clockwork(), scene.cast
    for part in planned.parts:
        clockwork.start(part.person.story, part.story(stage, part.person), part.at)
    owner, operator = planned.owner, planned.operator
    clockwork.start(owner.story, stories.deletes_the_account(stage, owner), ACCOUNT_AT_SECONDS)
    clockwork.start(operator.story, stories.revokes_too_much(stage, operator, planned.n_revoked), REVOKED_AT_SECONDS)
    for share in planned.shares:
        store = scene.stores[share.tenant.name]
        for number, lot in enumerate((vault.READ_BACK, vault.TAKEN_BACK)):
            person = cast.person_of(share.tenant, vault.comes_back, number, lot)
            clockwork.start(person.story, vault.comes_back(stage, person, share, lot, store), 1.0)
        person = cast.person_of(share.tenant, vault.is_noticed, 0, "notices")
        clockwork.start(person.story, vault.is_noticed(stage, person, share), 1.0)
    watch, caller = {"next": 0.0}, os.getppid()

    def check():
        background.check()
        still_wanted(caller)
        if watch["next"] <= time.monotonic():
            looked = time.monotonic()
            progress.show(progress.look(), clockwork)
            # Looking costs the emulator work, so a slow look makes the next one rarer.
            watch["next"] = time.monotonic() + max(LOOK_SECONDS, 3 * (time.monotonic() - looked))

    clockwork.run(check)
    return clockwork


def still_wanted(caller):
    """Raises when whoever started this has gone."""
    if os.getppid() != caller:
        raise LocalError("whoever started this has gone, and the cloud with it")


def wait_for_the_end(background, collector, progress, clockwork, began, arguments):
    """Waits until everything that had to go is gone; False at the deadline."""
    deadline = began + DEADLINE_SECONDS + DEADLINE_SECONDS_PER_TOKEN * arguments.tokens
    caller = os.getppid()
    while time.monotonic() < deadline:
        background.check()
        still_wanted(caller)
        looked = time.monotonic()
        found = progress.look()
        progress.show(found, clockwork)
        if progress.is_over(found) and collector.present == 0:
            return True
        background.stopping.wait(max(LOOK_SECONDS, 3 * (time.monotonic() - looked)))
    return False


def too_late(scene, stage):
    """Somebody wants back what is gone for good."""
    for share in scene.cast.shares:
        person = cast.person_of(share.tenant, vault.is_too_late, 0, "late")
        vault.is_too_late(stage, person, share.lots[vault.UNUSED][:2])


def examine(scene, stage, collector):
    """Has everything judged."""
    print("\nThe checker reads tables, bucket and audit", flush=True)
    found = evidence.read(scene.cloud, scene.stack, scene.cast.tenants, collector.archived)
    require_keys(found)
    prober, desk = stage.prober, stage.service.desk
    summary = judge.examine(scene.truth.tokens, scene.truth.refusals, prober.wrong, found)
    summary["faults"] += stage.service.faults + prober.lines[:20]
    waited = sum(token.story == scene.cast.operator.story and 0 < token.not_before for token in scene.truth.tokens)
    return summary | {
        "answers_checked": prober.n_answers,
        "answers_by_moment": prober.moments,
        "commands_asked": sum(desk.statuses.values()),
        "commands_told": desk.n_sent,
        "statuses": {str(status): count for status, count in sorted(desk.statuses.items())},
        "waited": waited,
        "approved": len(stage.approvals.approved),
    }
