"""The pure parts of the auth scenario: what an issuer writes, what travels, what must be, and when."""

import json
import random
import tomllib
import unittest

import codec
import principals
from auth import approvals, cast, commands, configuration, probe, rows, scale, stories
from auth.truth import NEVER, TRIGGERS, Token, Truth

NOW = 1_800_000_000


class Scale(unittest.TestCase):
    def test_durations_are_rounded_up_and_nothing_stays_nothing(self):
        given = ("0s", "30s", "24h", "7d", "20d", "90d")
        self.assertEqual([scale.scaled(one) for one in given], [0, 1, 1, 7, 18, 78])


class Rows(unittest.TestCase):
    def row(self, kind="access", seconds=60, knows_end=True, **owner):
        expires_at = None if seconds is None else NOW + seconds
        token = rows.bearer(random.Random(1))
        return rows.issue("acme", 4, token, kind, owner, NOW * 1_000 + 7, expires_at, knows_end)

    def test_a_known_end_carries_its_removal_and_waits_in_no_index(self):
        row = self.row()
        cool_off = configuration.cool_off("access", "expired")
        self.assertEqual((row["expires_at"], row["purge_at"]), (NOW + 60, NOW + 60 + cool_off))
        self.assertNotIn("due_at", row)

    def test_any_other_end_waits_in_the_due_index(self):
        row = self.row(knows_end=False)
        self.assertEqual((row["due_at"], row["due_pk"]), (NOW + 60, codec.due_key(row["sk"], 16)))
        self.assertNotIn("purge_at", row)

    def test_a_session_is_due_when_it_would_be_idle(self):
        row = self.row("session", None)
        self.assertEqual(row["due_at"], NOW + configuration.idle_seconds())
        self.assertNotIn("expires_at", row)

    def test_an_owner_is_found_by_its_index(self):
        row = self.row(subject="u", session="s", client=None)
        self.assertEqual(row["owner_pk"], codec.owner_key("acme", "u", row["sk"]))
        self.assertEqual(row["owner_sk"], f"s#{row['sk']}")
        self.assertNotIn("client", row)
        self.assertEqual((row["version"], row["created_at"]), (NOW * 1_000 + 7,) * 2)

    def test_a_subject_lies_where_its_sort_key_says(self):
        key = rows.subject_key("acme", "u", 4)
        self.assertEqual(key, {"pk": codec.vault_key("acme", "subject#u", 4), "sk": "subject#u"})


class Commands(unittest.TestCase):
    def test_what_is_not_said_is_left_out(self):
        made = commands.command("acme", "logout", None, "x", subject="u", everywhere=True, session=None)
        wanted = {"v": 1, "tenant": "acme", "command": "logout", "reason_text": "x", "subject": "u", "everywhere": True}
        self.assertEqual(json.loads(commands.text(made)), wanted)

    def test_no_command_names_more_than_a_hundred_tokens(self):
        self.assertEqual([len(part) for part in commands.parts(list(range(250)))], [100, 100, 50])

    def test_a_queue_is_found_by_its_class_and_never_guessed(self):
        outputs = {"IntakeIssuerQueueUrl": "i", "IssuerDlqUrl": "d", "TenantQueueUrl": "t", "XTenantQueueUrl": "u"}
        self.assertEqual(commands.queue_url(outputs, "issuer"), "i")
        self.assertIsNone(commands.queue_url(outputs, "tenant"))
        self.assertIsNone(commands.queue_url(outputs, "operator"))


class Configuration(unittest.TestCase):
    def test_the_file_names_every_caller_and_no_one_else(self):
        planned = cast.plan(600, 2, 1, NOW)
        read = tomllib.loads(configuration.text(planned.tenants, lambda tenant, source: "t", "us-east-1", 100))
        callers = read["tenants"]["globex"]["callers"]
        self.assertEqual(callers["auth"]["principals"], [principals.arn_of("globex-auth")])
        self.assertEqual(callers["operator"]["queue"], "operator")
        self.assertNotIn("revoked", callers["auth"]["may"] + callers["tenant"]["may"])
        self.assertEqual(read["rails"]["command_floor"], 100)


class Cast(unittest.TestCase):
    def test_one_seed_is_one_day(self):
        def told(planned):
            return [(part.story.__name__, part.person.subject, part.at) for part in planned.parts]

        self.assertEqual(told(cast.plan(900, 2, 7, NOW)), told(cast.plan(900, 2, 7, NOW)))
        self.assertNotEqual(told(cast.plan(900, 2, 7, NOW)), told(cast.plan(900, 2, 8, NOW)))

    def test_every_story_happens_at_every_tenant_however_few_tokens_there_are(self):
        planned = cast.plan(200, 3, 1, NOW)
        wanted = {story for story, *_ in (*cast.COMMON, *cast.ONCE)}
        for tenant in planned.tenants:
            self.assertEqual({part.story for part in planned.parts if part.person.tenant == tenant.name}, wanted)

    def test_nobody_takes_part_in_two_stories(self):
        people = [(part.person.tenant, part.person.subject) for part in cast.plan(2_000, 2, 1, NOW).parts]
        self.assertEqual(len(people), len(set(people)))

    def test_unused_tokens_end_and_those_that_come_back_do_not(self):
        share = cast.plan(2_000, 1, 1, NOW).shares[0]
        self.assertTrue(all(codec.is_token(token.id) for token in share.tokens))
        self.assertEqual({token.end.trigger for token in share.tokens if token.end}, {"unreferenced"})
        self.assertTrue(any(token.came_back for token in share.tokens))


class Truths(unittest.TestCase):
    def token(self, **row):
        return Token({"pk": "acme#0000", "sk": "t", "kind": "access"} | row, "acme", "story", written_at=10.0)

    def test_nobody_can_say_before_it_is_written(self):
        self.assertIsNone(self.token().expected(9.0, 9.5, 9))
        self.assertTrue(self.token().expected(11.0, 11.5, 11))

    def test_between_the_question_and_the_answer_either_is_right(self):
        token = self.token()
        token.ends("logout", 20.0, 21.0)
        self.assertTrue(token.expected(19.0, 19.9, 19))
        self.assertIsNone(token.expected(19.0, 20.1, 20))
        self.assertIsNone(token.expected(20.5, 22.0, 22))
        self.assertFalse(token.expected(21.0, 22.0, 22))

    def test_its_own_end_is_certain_to_the_second(self):
        token = self.token(expires_at=30)
        self.assertTrue(token.expected(29.0, 29.9, 29))
        self.assertFalse(token.expected(29.0, 30.1, 30))

    def test_a_graver_end_keeps_the_earlier_moments_and_what_was_on_record(self):
        token = self.token()
        token.ends("rotated", 20.0, 21.0, stays=True)
        token.ends("compromised", 40.0)
        self.assertFalse(token.expected(22.0, 23.0, 23))
        self.assertEqual(token.end.reasons, {"rotated", "compromised"})
        self.assertEqual(token.end.last_reasons, {"compromised"})
        self.assertFalse(token.end.stays)

    def test_a_window_of_doubt(self):
        token = self.token()
        token.unsure = [(0.0, 50.0)]
        self.assertIsNone(token.expected(49.0, 51.0, 51))
        self.assertTrue(token.expected(50.1, 51.0, 51))

    def test_a_subjects_tokens_are_found(self):
        truth = Truth()
        mine = truth.add(self.token(subject="u"))
        truth.add(self.token(subject="v"))
        self.assertEqual(truth.of_subject("acme", "u"), [mine])


class Probes(unittest.TestCase):
    def look(self, row=None, subject=None, **how):
        token = Token({"pk": "acme#0000", "sk": "t", "kind": "access", "subject": "u"}, "acme", "story", written_at=0.0)
        if how.get("ended"):
            token.ends("logout", 1.0, 2.0)
        stored = token.row | {"state": "active", "isValid": True, "version": 5, "created_at": 5_000} | (row or {})
        key = rows.subject_key("acme", "u", 4)
        found = {("acme#0000", "t"): stored, (key["pk"], key["sk"]): subject}
        return probe.judge(found, [(token, (key["pk"], key["sk"]))], 10.0, 11.0, 11)

    def test_a_row_that_still_says_valid_is_not_good_after_its_subjects_cutoff(self):
        look = self.look(subject={"cutoff_at": 5_000}, ended=True)
        self.assertEqual((look.n_marked_valid, look.n_good, look.wrong), (1, 0, []))

    def test_a_good_answer_for_what_ended_is_wrong_and_so_is_the_reverse(self):
        self.assertEqual(len(self.look(ended=True).wrong), 1)
        self.assertEqual(len(self.look(subject={"cutoff_at": 5_000}).wrong), 1)


class Approving(unittest.TestCase):
    def test_what_waits_is_out_of_service_without_a_date(self):
        row = {"isValid": False, "waits_for": 7}
        self.assertTrue(approvals.waits(row))
        self.assertFalse(approvals.waits(row | {"purge_at": 9}))
        self.assertFalse(approvals.waits(row | {"isValid": True}))
        self.assertFalse(approvals.waits(None))


class Table(unittest.TestCase):
    def test_every_trigger_is_some_story_s(self):
        self.assertEqual(len(TRIGGERS), 11)
        self.assertEqual(set(TRIGGERS), set(codec.REASONS) - {"none"})
        self.assertTrue(callable(stories.stays))
        self.assertEqual(NEVER, float("inf"))


if __name__ == "__main__":
    unittest.main()
