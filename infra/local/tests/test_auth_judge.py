"""The day's checker must see each kind of harm; one that finds nothing in a broken cloud would be worse than none."""

import unittest

import codec
from auth import closing, judge, record, rows
from auth.evidence import Evidence
from auth.truth import TRIGGERS, Token

KEY = b"k" * 32
NOW = 2_000_000_000
PLACE = ("r30/2033-05-18/a.ndjson.zst", "v1")
ACTOR = "arn:aws:iam::000000000000:user/acme-auth"


def token(id, end=None, **facts):
    row = rows.issue("acme", 4, id, "refresh", {"subject": f"s-{id}"}, (NOW - 100) * 1_000)
    made = Token(row, "acme", "story")
    if end:
        made.ends(end, NOW - 50.0, NOW - 49.0, **facts)
    return made


def entry(id, version, before, after, reason):
    codes = bytes([codec.STATES.index(before), codec.STATES.index(after), codec.REASONS.index(reason)])
    return codec.fingerprint(KEY, id) + version.to_bytes(8, "big") + codes


def item(event, at, *entries, place=None, **facts):
    made = {"event": event, "sk": f"{at * 1_000:013d}#{event}#1", "entries": b"".join(entries)} | facts
    return made | ({"object": place[0], "object_version": place[1]} if place else {})


class Cloud:
    """A day with one token in service, one logged out and purged, one spent and kept, one erased; all in order."""

    def __init__(self):
        self.live = token("live")
        self.dead = token("dead", "logout", actor=ACTOR, reason_text="why")
        self.spent = token("spent", "rotated", stays=True, actor="issuer")
        self.erased = token("erased", "account_deleted", erased=True)
        self.tokens = [self.live, self.dead, self.spent, self.erased]
        version = self.live.row["version"]
        said = {"actor": ACTOR, "reason_text": "why"}
        spent = self.spent.row | {"state": "cooling", "isValid": False, "reason": "rotated", "cooling_since": NOW - 50}
        self.rows = {("acme", "subject#x"): {"kind": "subject"}}
        for row in (self.live.row, spent):
            self.rows[row["pk"], row["sk"]] = dict(row)
        self.ended = item("sentenced", NOW - 49, entry("dead", version + 1, "active", "sentenced", "logout"), **said)
        gone = entry("dead", version + 1, "sentenced", "archived", "logout")
        self.audit = [
            self.ended,
            item("archived", NOW - 40, gone, place=PLACE),
            item("purged", NOW - 5, place=PLACE),
            item("cooled", NOW - 49, entry("spent", version + 1, "active", "cooling", "rotated"), actor="queue:issuer"),
            item("sentenced", NOW - 49, entry("erased", version + 1, "active", "sentenced", "account_deleted")),
            item("erased", NOW - 30, entry("erased", version + 1, "sentenced", "erased", "account_deleted")),
            item("refused", NOW - 20, actor=ACTOR),
        ]
        image = {"version": {"N": str(version + 1)}, "reason": {"S": "logout"}, "cooling_since": {"N": str(NOW - 50)}}
        self.archived = {PLACE: [{"token": "dead", "removed_at": NOW - 40, "image": image}]}
        self.versions, self.dead_letters, self.refusals, self.wrong = {}, {}, [ACTOR], {}

    def examine(self):
        found = Evidence(
            now=float(NOW),
            rows=self.rows,
            keys={"acme": KEY},
            audit=self.audit,
            versions=self.versions,
            archived=self.archived,
            shards={"acme": 4},
            dead_letters=self.dead_letters,
        )
        summary = judge.examine(self.tokens, self.refusals, self.wrong, found)
        # This small day has not every trigger.
        summary["faults"] = [fault for fault in summary["faults"] if not fault.startswith("no token ended as")]
        return summary

    def row(self, made):
        return self.rows[made.row["pk"], made.row["sk"]]


class Examine(unittest.TestCase):
    def check(self, change, **figures):
        cloud = Cloud()
        change(cloud)
        found = cloud.examine()
        self.assertTrue(found["faults"])
        self.assertEqual({name: found[name] for name in figures}, figures)
        return found

    def test_a_calm_day_has_no_fault(self):
        found = Cloud().examine()
        self.assertEqual(found["faults"], [])
        self.assertEqual({found[name] for name in closing.REQUIRED_ZERO}, {0})
        logout = {"planted": 1, "ended": 1, "archived": 1, "erased": 0, "purged": 1, "kept": 0}
        self.assertEqual(found["by_trigger"]["logout"], logout)
        self.assertEqual(found["by_trigger"]["rotated"]["kept"], 1)
        self.assertEqual(found["by_trigger"]["account_deleted"]["erased"], 1)
        self.assertEqual(set(found["by_trigger"]), set(TRIGGERS))

    def test_a_trigger_that_never_occurred_is_a_fault(self):
        cloud = Cloud()
        cloud.tokens.remove(cloud.spent)
        found = judge.examine(cloud.tokens, [], {}, Evidence(NOW, cloud.rows, {"acme": KEY}, [], {}, {}, {"acme": 4}))
        self.assertIn("no token ended as `rotated`", found["faults"])

    def test_a_live_token_that_is_gone_out_of_service_or_cut_off_is_lost(self):
        self.check(lambda cloud: cloud.rows.pop((cloud.live.row["pk"], "live")), live_lost=1)
        self.check(lambda cloud: cloud.row(cloud.live).update(isValid=False), live_lost=1)
        key = rows.subject_key("acme", "s-live", 4)
        cut = {(key["pk"], key["sk"]): {"kind": "subject", "cutoff_at": NOW * 1_000}}
        self.check(lambda cloud: cloud.rows.update(cut), live_lost=1)

    def test_a_token_in_use_that_was_condemned_for_a_while_is_a_fault(self):
        def change(cloud):
            cloud.audit.append(item("cooled", NOW - 9, entry("live", 7, "active", "cooling", "idle")))

        self.check(change, condemned_in_use=1, live_lost=0)

    def test_a_token_that_came_back_may_have_cooled(self):
        cloud = Cloud()
        cloud.live.came_back = True
        cloud.audit.append(item("cooled", NOW - 9, entry("live", 7, "active", "cooling", "unreferenced")))
        self.assertEqual(cloud.examine()["faults"], [])

    def test_a_token_that_ended_and_is_still_good(self):
        def change(cloud):
            cloud.rows[cloud.dead.row["pk"], "dead"] = cloud.dead.row

        self.check(change, still_good=1, not_gone=1)

    def test_another_reason_than_the_right_one(self):
        self.check(lambda cloud: setattr(cloud.dead.end, "trigger", "revoked"), wrong_reason=1)

    def test_a_version_that_is_still_there(self):
        self.check(lambda cloud: cloud.audit.pop(2), not_gone=1)
        found = self.check(lambda cloud: cloud.versions.update({PLACE: NOW + 60}))
        self.assertTrue(any("still there" in fault for fault in found["faults"]))

    def test_what_had_to_stay_and_left(self):
        self.check(lambda cloud: cloud.rows.pop((cloud.spent.row["pk"], "spent")), kept_too_little=1)

    def test_a_copy_of_a_deleted_account_and_an_end_without_a_copy(self):
        def copied(cloud):
            cloud.archived[PLACE].append({"token": "erased", "removed_at": NOW - 30, "image": {"version": {"N": "1"}}})

        self.check(copied, archived_though_erased=1)
        self.check(lambda cloud: setattr(cloud.erased.end, "erased", False), not_archived=1)

    def test_a_removal_before_the_cool_off_or_the_release(self):
        self.check(lambda cloud: cloud.archived[PLACE][0].update(removed_at=NOW - 52), left_too_soon=1)
        self.check(lambda cloud: setattr(cloud.dead, "not_before", NOW - 38.5), left_too_soon=1)

    def test_a_date_of_removal_under_hold(self):
        self.check(lambda cloud: cloud.row(cloud.spent).update(hold="case-1", purge_at=NOW + 9), dated_under_hold=1)

    def test_a_command_without_its_actor_or_its_words_on_record(self):
        self.check(lambda cloud: cloud.ended.pop("actor"), nobody_on_record=1)
        self.check(lambda cloud: cloud.ended.update(reason_text="other"), nobody_on_record=1)
        self.check(lambda cloud: setattr(cloud.spent.end, "actor", "operator"), nobody_on_record=1)

    def test_what_was_compromised_is_kept_longer(self):
        def change(cloud):
            cloud.dead.end.trigger = "compromised"

        self.check(change, wrong_class=1)

    def test_a_record_that_nobody_saw_and_a_copy_that_nobody_recorded(self):
        self.check(lambda cloud: cloud.archived.clear(), audit_differs=1)
        self.check(lambda cloud: cloud.audit.pop(1), audit_differs=1)

    def test_a_refusal_that_is_not_on_record(self):
        self.check(lambda cloud: cloud.audit.pop())
        self.check(lambda cloud: cloud.refusals.append("tenant"))

    def test_a_reader_who_was_told_wrong(self):
        self.check(lambda cloud: cloud.wrong.update({"after a logout": {"dead"}}), wrong_answers=1)

    def test_overdue_rows_and_dead_letters(self):
        self.check(lambda cloud: cloud.row(cloud.live).update(purge_at=NOW - 1), overdue=1)
        self.check(lambda cloud: cloud.dead_letters.update(intake=2), dead_letters=2)

    def test_an_entry_of_nobody(self):
        nobody = item("cooled", NOW, entry("x", 1, "active", "cooling", "idle"))
        found = self.check(lambda cloud: cloud.audit.append(nobody))
        self.assertTrue(any("no token of the day" in fault for fault in found["faults"]))


    def test_a_known_end_that_was_written_to(self):
        def change(cloud, version):
            known = rows.issue("acme", 4, "known", "access", {}, (NOW - 100) * 1_000, NOW - 60)
            cloud.tokens.append(Token(known, "acme", "story"))
            cloud.tokens[-1].ends("expired")
            place = (PLACE[0], "v2")
            image = {"version": {"N": str(version)}, "expires_at": {"N": str(NOW - 60)}}
            cloud.archived[place] = [{"token": "known", "removed_at": NOW - 9, "image": image}]
            entries = entry("known", version, "active", "archived", "none")
            cloud.audit += [item("archived", NOW - 9, entries, place=place), item("purged", NOW - 1, place=place)]

        calm = Cloud()
        change(calm, (NOW - 100) * 1_000)
        self.assertEqual(calm.examine()["faults"], [])
        self.check(lambda cloud: change(cloud, (NOW - 100) * 1_000 + 1), known_end_written=1)


class Records(unittest.TestCase):
    def test_a_known_end_is_on_record_by_its_removal_alone(self):
        made = token("known", "expired")
        audit = [item("archived", NOW, entry("known", 1, "active", "archived", "none"), place=PLACE)]
        found = Evidence(NOW, {}, {"acme": KEY}, audit, {}, {}, {"acme": 4})
        self.assertEqual(judge.Day([made], found).reasons(made), ["expired"])

    def test_a_late_read_is_no_refused_command(self):
        audit = [item("refused", NOW, entry("a", 1, "cooling", "cooling", "logout"), actor=ACTOR)]
        self.assertEqual(record.follow(audit, {codec.fingerprint(KEY, "a"): "a"}).refused, [])


class Closing(unittest.TestCase):
    def test_a_figure_that_must_be_zero_is_marked(self):
        names = [name for _, names in closing.ROWS for name in names]
        by_trigger = {trigger: dict.fromkeys(closing.COLUMNS, 3) for trigger in TRIGGERS}
        lines = closing.table(dict.fromkeys(names, 0) | {"by_trigger": by_trigger, "left_too_soon": 2})
        marked = [line for line in lines if "must be 0" in line]
        self.assertEqual(len(marked), 1)
        self.assertIn("left too soon", marked[0])


if __name__ == "__main__":
    unittest.main()
