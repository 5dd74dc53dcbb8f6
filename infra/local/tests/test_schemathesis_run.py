"""What stands in the vault for schemathesis, and what counts as a fault of its run."""

import re
import tomllib
import unittest

import principals
import reader
import schemathesis_run
import schemathesis_tokens

NOW = 2_000_000_000
HOOKS = schemathesis_run.HOOKS.read_text()


class Planted(unittest.TestCase):
    def test_the_hooks_know_the_tokens_that_are_planted(self):
        # They run in another environment, so they cannot import them.
        names = {row["sk"] for row in schemathesis_tokens.rows(NOW * 1_000)}
        prefix, count = re.search(r'TOKENS = \[f"(\w+-)\{number:03d\}" for number in range\((\d+)\)\]', HOOKS).groups()
        self.assertEqual(int(count), schemathesis_tokens.N_TOKENS)
        self.assertLessEqual({f"{prefix}{number:03d}" for number in range(int(count))}, names)
        self.assertIn(f'TENANT = "{schemathesis_tokens.TENANT}"', HOOKS)

    def test_rows_stand_in_every_state_that_commands_tell_apart(self):
        rows = schemathesis_tokens.rows(NOW * 1_000)
        states = {reader.answer(row, None, True, NOW + 1).state for row in rows}
        self.assertEqual(states, {"active", "cooling", "unreadable"})

    def test_one_caller_may_say_everything(self):
        read = tomllib.loads(schemathesis_tokens.configuration(principals.arn_of("schema")))
        (caller,) = read["tenants"]["acme"]["callers"].values()
        self.assertEqual(len(caller["may"]), 13)


class Faults(unittest.TestCase):
    MET = dict.fromkeys(schemathesis_run.TO_MEET, 1)

    def test_a_run_that_met_everything_and_found_nothing_is_good(self):
        self.assertEqual(schemathesis_run.faults(0, self.MET), [])

    def test_a_finding_a_server_error_and_a_run_that_tried_little_are_faults(self):
        self.assertEqual(len(schemathesis_run.faults(1, self.MET)), 1)
        self.assertEqual(len(schemathesis_run.faults(0, self.MET | {503: 1})), 1)
        self.assertEqual(len(schemathesis_run.faults(0, {200: 9})), 1)


if __name__ == "__main__":
    unittest.main()
