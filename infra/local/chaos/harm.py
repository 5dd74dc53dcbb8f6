"""Puts the schedule's faults into stores and front, and takes them out again when their time is over."""

import json
import time
import urllib.request

from chaos import schedule, stores
from chaos.front import FAULTS_PATH

TIMEOUT_SECONDS = 30


class Harm:
    """Everything that goes wrong on purpose."""

    def __init__(self, cloud, tenants, journal, slices):
        self.cloud, self.journal = cloud, journal
        # tenant -> its stores
        self.tenants = tenants
        self.waiting = list(slices)
        # (slice, the journal's line of it)
        self.in_force = []
        self.rules = {"refused": [], "doubled": 0.0, "delayed": 0.0}

    def step(self, elapsed):
        """Begins and ends what is due at this time since the beginning."""
        for slice_, fault in [pair for pair in self.in_force if pair[0].end <= elapsed]:
            self.end(slice_, fault)
        while self.waiting and self.waiting[0].begin <= elapsed:
            self.begin(self.waiting.pop(0))

    def begin(self, slice_):
        """Puts one fault in force."""
        fault = self.journal.begin(slice_.kind, slice_.tenant, slice_.source, time.time())
        hit = self.hit(slice_)
        if slice_.kind in (schedule.UNREACHABLE, schedule.DENIED):
            self.refuse(self.rules["refused"] + [self.rule(slice_)])
            fault.n_hit = 1
        else:
            for store in hit:
                store.freeze()
            fault.n_hit = sum(self.damage(slice_.kind, store) for store in hit)
        fault.begin = time.time()
        self.in_force.append((slice_, fault))
        print(f"    ! {slice_.kind} {slice_.tenant} {slice_.source or 'all objects'}", flush=True)

    def end(self, slice_, fault):
        """Takes one out of force."""
        fault.end = time.time()
        self.in_force.remove((slice_, fault))
        if slice_.kind in (schedule.UNREACHABLE, schedule.DENIED):
            rule = self.rule(slice_)
            self.refuse([other for other in self.rules["refused"] if other != rule])
        else:
            for store in self.hit(slice_):
                store.mend()
        fault.mended = time.time()
        print(f"    . {slice_.kind} {slice_.tenant} is over", flush=True)

    def calm(self):
        """Ends everything and injects nothing more."""
        self.waiting = []
        for slice_, fault in list(self.in_force):
            self.end(slice_, fault)
        self.messages(0.0, 0.0)

    def hit(self, slice_):
        """The stores that a slice is about."""
        of_tenant = self.tenants[slice_.tenant]
        if slice_.source:
            return [store for store in of_tenant if store.source.name == slice_.source]
        return [store for store in of_tenant if store.kind == "s3"]

    def damage(self, kind, store):
        """Does it to one store; how many objects it met."""
        deeds = {
            schedule.TRUNCATED: store.truncate,
            schedule.WIPED: store.wipe,
            schedule.WRONG_FORMAT: lambda: store.encode(stores.wrong_format),
            schedule.BASE64: lambda: store.encode(stores.in_base64),
        }
        return deeds[kind]()

    def rule(self, slice_):
        """What the front must refuse."""
        (store,) = self.hit(slice_)
        denied = slice_.kind == schedule.DENIED
        if store.kind == "dynamodb":
            return {"table": store.table, "denied": denied}
        return {"bucket": store.bucket, "prefix": store.source.prefix, "denied": denied}

    def refuse(self, rules):
        """Tells the front what to refuse from now on."""
        self.rules["refused"] = rules
        self.put()

    def messages(self, doubled, delayed):
        """Tells the front which share of the messages to double and to delay."""
        self.rules |= {"doubled": doubled, "delayed": delayed}
        self.put()

    def put(self):
        """Sends the rules; what the front counted so far."""
        return self.ask("PUT", json.dumps(self.rules).encode())

    def counts(self):
        """What the front did so far."""
        return self.ask("GET", None)

    def ask(self, method, body):
        """One request to the front."""
        request = urllib.request.Request(self.cloud.endpoint + FAULTS_PATH, data=body, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)
