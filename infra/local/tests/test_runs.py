"""What the runs say about the rails."""

import json
import unittest

import runs


def run(**fields):
    return "acme", {"stage": "applied"} | fields


def measured(n_witnesses, n_found):
    return {"witnesses": {"vault": {"n_witnesses": n_witnesses, "n_found": n_found}}}


class Rails(unittest.TestCase):
    def test_runs_without_a_measure_give_no_figure(self):
        found = runs.rails([run(), run(stage="reported")])
        self.assertEqual((found["slices"], found["runs_reported"]), (0, 1))
        self.assertIsNone(found["fewest_witnesses"])
        self.assertIsNone(found["lowest_recall_percent"])

    def test_the_least_is_told(self):
        found = runs.rails(
            [
                run(applied={"n_cooled": 5}, measured=measured(300, 300)),
                run(applied={"n_cooled": 0}, measured=measured(400, 390)),
                run(applied={"n_cooled": 2}, measured=measured(0, 0)),
            ]
        )
        self.assertEqual(found["slices"], 2)
        self.assertEqual((found["fewest_witnesses"], found["lowest_recall_percent"]), (0, 97.5))

    def test_a_run_in_one_text_is_read_as_one_in_attributes(self):
        self.assertEqual(runs.flat({"sk": "7-01", "run": json.dumps({"stage": "void"})})["stage"], "void")
        self.assertEqual(runs.flat({"sk": "7-01", "run": {"stage": "void"}})["stage"], "void")


if __name__ == "__main__":
    unittest.main()
