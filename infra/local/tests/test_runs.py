"""What the runs say about the rails."""

import json
import unittest

import runs


def run(**fields):
    return "acme", {"stage": "applied"} | fields


class Rails(unittest.TestCase):
    def test_runs_that_only_reported_are_told(self):
        self.assertEqual(runs.rails([]), {"runs_reported": 0})
        self.assertEqual(runs.rails([run(), run(stage="reported")]), {"runs_reported": 1})

    def test_a_run_in_one_text_is_read_as_one_in_attributes(self):
        self.assertEqual(runs.flat({"sk": "7-01", "run": json.dumps({"stage": "void"})})["stage"], "void")
        self.assertEqual(runs.flat({"sk": "7-01", "run": {"stage": "void"}})["stage"], "void")


if __name__ == "__main__":
    unittest.main()
