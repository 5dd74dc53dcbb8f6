"""The chaos's checker must see each kind of harm that it is there for; each test plants one, and a calm world has none."""

import math
import unittest

import codec
import planting
from chaos import judge
from chaos.evidence import Change, Evidence, Run
from chaos.journal import Fault, Journal

NOW = 2_000_000_000.0
QUIET = NOW - 300
# A verdict's scan lay here, well within the storm.
BEGAN, SEALED = NOW - 1_000, NOW - 980
LEFT = NOW - 950
PLACE = ("r7/2033-05-18/a.ndjson.zst", "v1")
BOUNDS = judge.Bounds(in_flight=9.0, quiet_since=QUIET, version_margin=26.0)


def planted(token, group=planting.REFERENCED, **row):
    row = {"sk": token, "isValid": True, "state": "active", "version": 100} | row
    return planting.Planted(token, "acme", group, dict(row), row["version"])


def run(stage="applied", **changes):
    fields = {"tenant": "acme", "name": "7-03", "stage": stage, "note": "", "began": BEGAN, "sealed": SEALED}
    fields |= {"applied": SEALED + 10 if stage == "applied" else None, "void": SEALED if stage == "void" else None}
    return Run(**(fields | changes))


def change(version, before, after, **others):
    event = {"cooling": "cooled"}.get(after, after)
    fields = {"event": event, "reason": "unreferenced", "run": "7-03", "place": PLACE if after == "archived" else None}
    return Change(version, before, after, **(fields | others))


def whole_life():
    return [
        change(101, "active", "cooling", run="7-02"),
        change(102, "cooling", "sentenced"),
        change(102, "sentenced", "archived", run=None),
    ]


class World:
    """A token that is held and stands, and one that nobody held for long and that has left."""

    def __init__(self):
        self.truth = [planted("tok_live"), planted("tok_dead", planting.UNREFERENCED)]
        self.journal = Journal()
        self.hold("tok_live", 0.0)
        self.evidence = Evidence(
            now=NOW,
            rows={"tok_live": dict(self.truth[0].row)},
            changes={"tok_dead": whole_life()},
            runs={("acme", "7-03"): run()},
            versions={},
            archived={PLACE: [{"token": "tok_dead", "version": 102, "removed_at": LEFT}]},
            purged={PLACE},
            n_strange=0,
            dead_letters={},
        )

    def hold(self, token, since, until=math.inf):
        reference = self.journal.sending(token, since)
        reference.written, reference.leaving, reference.left = since, until, until

    def fault(self, kind, begin, end, n_hit=3):
        fault = self.journal.begin(kind, "acme", "lake", begin)
        fault.begin, fault.end, fault.mended, fault.n_hit = begin, end, end, n_hit

    def row(self, token, **row):
        self.evidence.rows[token] = {"sk": token, "isValid": True, "state": "active", "version": 100} | row

    def figures(self):
        verdict = judge.judge(self.truth, self.journal, self.evidence, BOUNDS)
        return {name: len(lines) for name, lines in vars(verdict).items() if lines}


class Calm(unittest.TestCase):
    def test_a_calm_world_has_no_fault(self):
        self.assertEqual(World().figures(), {})


class LiveLost(unittest.TestCase):
    def setUp(self):
        self.world = World()

    def test_a_token_that_was_held_all_through_the_verdicts_scan(self):
        self.world.hold("tok_dead", 0.0, SEALED + 1)
        self.assertEqual(self.world.figures(), {"live_lost": 1})

    def test_a_reference_that_was_on_its_way_for_a_moment(self):
        self.world.hold("tok_dead", 0.0, BEGAN + 5)
        self.world.hold("tok_dead", BEGAN + 13, SEALED + 1)
        self.assertEqual(self.world.figures(), {"live_lost": 1})

    def test_a_reference_that_was_away_for_longer_than_was_promised_is_no_loss(self):
        self.world.hold("tok_dead", 0.0, BEGAN + 3)
        self.world.hold("tok_dead", BEGAN + 13, SEALED + 1)
        self.assertEqual(self.world.figures(), {})

    def test_a_reference_that_had_gone_before_the_end_of_the_scan_is_no_loss(self):
        self.world.hold("tok_dead", 0.0, SEALED - 1)
        self.assertEqual(self.world.figures(), {})

    def test_a_token_that_was_read_after_the_scan_began(self):
        self.world.journal.used("tok_dead", BEGAN + 1, BEGAN + 2)
        self.assertEqual(self.world.figures(), {"live_lost": 1})

    def test_a_read_before_the_scan_or_after_the_removal_is_no_loss(self):
        self.world.journal.used("tok_dead", BEGAN - 2, BEGAN - 1)
        self.world.journal.used("tok_dead", LEFT + 1, LEFT + 2)
        self.assertEqual(self.world.figures(), {})

    def test_a_token_that_left_without_a_sealed_verdict(self):
        self.world.evidence.runs[("acme", "7-03")] = run(sealed=None, applied=None, stage="scanning")
        self.assertEqual(self.world.figures(), {"live_lost": 1})

    def test_a_token_that_left_without_a_reason_and_without_an_end(self):
        self.world.evidence.changes["tok_dead"] = [change(100, "active", "archived", reason="none", run=None)]
        self.world.evidence.archived[PLACE][0]["version"] = 100
        self.assertEqual(self.world.figures(), {"live_lost": 1})

    def test_a_held_token_that_is_gone_at_the_end(self):
        del self.world.evidence.rows["tok_live"]
        self.assertEqual(self.world.figures(), {"live_lost": 1, "unaudited": 1})

    def test_a_held_token_that_is_out_of_service_at_the_end(self):
        self.world.row("tok_live", isValid=False, state="cooling", version=101)
        self.world.evidence.changes["tok_live"] = [change(101, "active", "cooling")]
        self.assertEqual(self.world.figures(), {"live_lost": 1})


class Undead(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.world.evidence.changes.pop("tok_dead")
        self.world.evidence.archived, self.world.evidence.purged = {}, set()

    def test_a_token_that_nobody_holds_and_that_stands(self):
        self.world.row("tok_dead")
        self.assertEqual(self.world.figures(), {"undead": 1})

    def test_a_token_that_was_used_in_the_quiet_time_may_stand(self):
        self.world.row("tok_dead")
        self.world.journal.used("tok_dead", QUIET + 1, QUIET + 2)
        self.assertEqual(self.world.figures(), {})

    def test_a_token_that_has_expired_and_stands(self):
        self.world.truth[1].group = planting.EXPIRED
        self.world.row("tok_dead")
        self.assertEqual(self.world.figures(), {"undead": 1})

    def test_a_row_after_its_date_of_removal(self):
        self.world.journal.used("tok_dead", QUIET + 1, QUIET + 2)
        self.world.row("tok_dead", isValid=False, state="cooling", version=102, purge_at=int(NOW) - 60)
        self.world.evidence.changes["tok_dead"] = whole_life()[:2]
        self.assertEqual(self.world.figures(), {"undead": 1})

    def test_an_archived_copy_after_its_lock_and_the_margin(self):
        world = World()
        world.evidence.purged = set()
        world.evidence.versions = {PLACE: NOW - 100}
        self.assertEqual(world.figures(), {"undead": 1})
        world.evidence.versions = {PLACE: NOW - 50}
        self.assertEqual(world.figures(), {})


class Unaudited(unittest.TestCase):
    def setUp(self):
        self.world = World()

    def test_a_removal_that_is_not_on_record(self):
        self.world.evidence.changes["tok_dead"].pop()
        # The copy is there, and nothing says so either.
        self.assertEqual(self.world.figures(), {"unaudited": 2})

    def test_a_token_that_vanished_without_a_copy_or_a_record(self):
        self.world.evidence.changes.pop("tok_dead")
        self.world.evidence.archived, self.world.evidence.purged = {}, set()
        self.assertEqual(self.world.figures(), {"unaudited": 1})

    def test_a_changed_state_that_is_not_on_record(self):
        self.world.hold("tok_new", 0.0, QUIET + 10)
        self.world.truth.append(planted("tok_new"))
        self.world.row("tok_new", isValid=False, state="cooling", version=101)
        self.assertEqual(self.world.figures(), {"unaudited": 1})

    def test_a_record_of_a_change_that_did_not_happen(self):
        self.world.evidence.changes["tok_live"] = [change(101, "active", "cooling")]
        self.assertEqual(self.world.figures(), {"unaudited": 1})

    def test_a_record_of_a_removal_that_did_not_happen(self):
        self.world.hold("tok_dead", QUIET - 10)
        self.world.row("tok_dead", version=102)
        self.assertEqual(self.world.figures(), {"unaudited": 1})

    def test_a_token_that_was_issued_anew_after_it_had_left_may_stand(self):
        self.world.hold("tok_dead", QUIET - 10)
        self.world.row("tok_dead", version=5_000)
        self.assertEqual(self.world.figures(), {})

    def test_a_copy_on_record_that_nobody_ever_saw(self):
        self.world.evidence.archived, self.world.evidence.purged = {}, set()
        self.assertEqual(self.world.figures(), {"unaudited": 1})

    def test_a_version_on_record_as_purged_that_is_there(self):
        self.world.evidence.versions = {PLACE: NOW + 60}
        self.assertEqual(self.world.figures(), {"unaudited": 1})

    def test_an_entry_of_a_token_that_was_never_there(self):
        self.world.evidence.n_strange = 1
        self.assertEqual(self.world.figures(), {"unaudited": 1})

    def test_an_unreadable_row_that_was_changed(self):
        self.world.truth.append(planted("tok_odd", planting.ODD))
        self.world.row("tok_odd", state="frozen")
        self.assertEqual(self.world.figures(), {})
        self.world.evidence.changes["tok_odd"] = [change(101, "active", "cooling")]
        self.assertEqual(self.world.figures(), {"unaudited": 1})


class WrongVoids(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.key = ("acme", "9-01")

    def add(self, **changes):
        self.world.evidence.runs[self.key] = run(**({"name": "9-01"} | changes))

    def test_a_void_without_a_fault(self):
        self.add(stage="void", sealed=None)
        self.assertEqual(self.world.figures(), {"wrong_voids": 1})

    def test_a_void_that_a_fault_touched(self):
        self.add(stage="void", sealed=None)
        self.world.fault("bucket_wiped", BEGAN + 5, NOW)
        self.assertEqual(self.world.figures(), {})

    def test_a_void_that_a_fault_of_another_time_does_not_explain(self):
        self.add(stage="void", sealed=None)
        self.world.fault("bucket_wiped", SEALED + 5, NOW)
        self.assertEqual(self.world.figures(), {"wrong_voids": 1})

    def test_a_run_that_went_through_under_a_fault(self):
        self.add()
        self.world.fault("store_in_base64", BEGAN - 1, SEALED + 20)
        # The run whose verdict the dead token left by lay under it as well.
        self.assertEqual(self.world.figures(), {"wrong_voids": 2})

    def test_a_run_of_which_a_part_lay_under_a_fault_may_go_either_way(self):
        self.add()
        self.world.fault("store_in_base64", BEGAN + 1, SEALED + 20)
        self.assertEqual(self.world.figures(), {})

    def test_a_fault_that_met_nothing_makes_no_run_void(self):
        self.add()
        self.world.fault("object_truncated", BEGAN - 1, SEALED + 20, n_hit=0)
        self.assertEqual(self.world.figures(), {})


class Kinds(unittest.TestCase):
    def test_the_checkers_words_are_the_records(self):
        self.assertLessEqual(set(judge.GONE), set(codec.STATES))
        self.assertTrue(Fault("x", "acme", "", 1.0).touches(0.0, 2.0))


if __name__ == "__main__":
    unittest.main()
