"""The checker must see each kind of harm; a checker that finds nothing in a broken cloud would be worse than none."""

import unittest

import checker
import codec
import planting

KEY = b"k" * 32
NOW = 2_000_000_000.0
PLACE = ("r7/2033-05-18/a.ndjson.zst", "v1")


def planted(token, group, **row):
    row = {"sk": token, "pk": "acme#0000", "isValid": True, "state": "active", "version": 100, "created_at": 100} | row
    return planting.Planted(token, "acme", group, dict(row), row["version"])


def entry(token, version, before, after, reason):
    codes = bytes([codec.STATES.index(before), codec.STATES.index(after), codec.REASONS.index(reason)])
    return codec.fingerprint(KEY, token) + version.to_bytes(8, "big") + codes


def item(event, *entries, place=None):
    made = {"event": event, "entries": b"".join(entries)}
    return made | ({"object": place[0], "object_version": place[1]} if place else {})


def calm():
    """A cloud in which one token lived and one was purged, all in order."""
    truth = [planted("tok_live", planting.REFERENCED), planted("tok_dead", planting.UNREFERENCED)]
    audit = [
        item("cooled", entry("tok_dead", 101, "active", "cooling", "unreferenced")),
        item("sentenced", entry("tok_dead", 102, "cooling", "sentenced", "unreferenced")),
        item("archived", entry("tok_dead", 102, "sentenced", "archived", "unreferenced"), place=PLACE),
        item("purged", place=PLACE),
    ]
    record = {"token": "tok_dead", "tenant": "acme", "image": {"version": {"N": "102"}}}
    evidence = checker.Evidence(
        now=NOW,
        rows={"tok_live": dict(truth[0].row)},
        keys={"acme": KEY},
        audit=audit,
        versions={},
        archived={PLACE: [record]},
    )
    return truth, evidence


class Examine(unittest.TestCase):
    def examined(self, change):
        truth, evidence = calm()
        change(truth, evidence)
        return checker.examine(truth, evidence)

    def test_a_calm_run_has_no_fault(self):
        found = self.examined(lambda truth, evidence: None)
        self.assertEqual(found["faults"], [])
        self.assertEqual((found["cooled"], found["sentenced"], found["archived"], found["purged"]), (1, 1, 1, 1))
        self.assertEqual(found["writes_per_purged_token"], 2)
        self.assertTrue(found["planted_purged_identical"])

    def test_a_live_token_that_is_gone_is_lost(self):
        found = self.examined(lambda truth, evidence: evidence.rows.clear())
        self.assertEqual(found["live_lost"], 1)

    def test_a_live_token_out_of_service_is_lost(self):
        found = self.examined(lambda truth, evidence: evidence.rows["tok_live"].update(isValid=False))
        self.assertEqual(found["live_lost"], 1)

    def test_a_survivor_with_a_later_version_was_written(self):
        found = self.examined(lambda truth, evidence: evidence.rows["tok_live"].update(version=101))
        self.assertEqual(found["survivors_written"], 1)

    def test_a_read_that_was_sent_explains_one_write(self):
        def change(truth, evidence):
            truth[0].reads_sent = 1
            evidence.rows["tok_live"]["version"] = 101

        self.assertEqual(self.examined(change)["survivors_written"], 0)

    def test_an_archived_token_without_its_purge_is_not_purged(self):
        found = self.examined(lambda truth, evidence: evidence.audit.pop())
        self.assertEqual(found["purged"], 0)
        self.assertFalse(found["planted_purged_identical"])

    def test_a_purge_on_record_of_a_version_that_is_there_is_a_fault(self):
        found = self.examined(lambda truth, evidence: evidence.versions.update({PLACE: NOW + 60}))
        self.assertTrue(any("still there" in fault for fault in found["faults"]))

    def test_a_version_past_its_lock_and_a_row_past_its_time_are_overdue(self):
        def change(truth, evidence):
            evidence.versions["x", "v"] = NOW - 1
            evidence.rows["tok_live"]["purge_at"] = NOW - 1

        self.assertEqual(self.examined(change)["overdue"], 2)

    def test_a_purged_token_that_had_not_ended_is_a_fault(self):
        def change(truth, evidence):
            truth[1].group = planting.REFERENCED

        found = self.examined(change)
        self.assertEqual(found["live_lost"], 1)
        self.assertFalse(found["planted_purged_identical"])

    def test_an_unknown_fingerprint_is_a_fault(self):
        def change(truth, evidence):
            evidence.audit.append(item("cooled", entry("tok_other", 1, "active", "cooling", "unreferenced")))

        self.assertTrue(any("no planted token" in fault for fault in self.examined(change)["faults"]))

    def test_a_dead_letter_is_a_fault(self):
        found = self.examined(lambda truth, evidence: evidence.dead_letters.update(scan=2))
        self.assertEqual(found["dead_letters"], 2)
        self.assertEqual(len(found["faults"]), 1)

    def test_an_odd_row_that_changed_is_a_fault(self):
        def change(truth, evidence):
            truth.append(planted("tok_odd", planting.ODD))
            evidence.rows["tok_odd"] = truth[-1].row | {"state": "cooling"}

        self.assertEqual(self.examined(change)["odd_rows_changed"], 1)


if __name__ == "__main__":
    unittest.main()
