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
        self.assertEqual((found["slices"], found["runs_reported"], found["runs_shadow"]), (0, 1, 0))
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

    def test_each_rail_that_a_tenant_went_around_is_named(self):
        both = [("acme", "olga"), ("acme", "oskar")]
        slice_of = lambda n_witnesses: run(applied={"n_cooled": 5}, measured=measured(n_witnesses, n_witnesses))
        shadow = run(stage="reported", shadow=1)
        good = [shadow, slice_of(300), slice_of(301)]
        in_use = {"acme": 400}
        self.assertEqual(runs.not_passed(good, in_use, both), [])
        self.assertIn("299 witnesses", runs.not_passed([shadow, slice_of(300), slice_of(299)], in_use, both)[0])
        self.assertIn("shadow", runs.not_passed(good[1:], in_use, both)[0])
        self.assertIn("1 slice", runs.not_passed(good[:2], in_use, both)[0])
        self.assertIn("two people", runs.not_passed(good, in_use, [both[0], ("globex", "oskar")])[0])
        self.assertEqual(len(runs.not_passed(good, {"acme": 400, "globex": 400}, both)), 4)

    def test_a_small_tenant_has_as_many_witnesses_as_tokens_in_use(self):
        both = [("acme", "olga"), ("acme", "oskar")]
        slices = [run(applied={"n_cooled": 5}, measured=measured(90, 90), shadow=2) for _ in range(2)]
        self.assertEqual(runs.not_passed(slices, {"acme": 100}, both), [])
        self.assertIn("90 are wanted", runs.not_passed(slices[:1] + [run(applied={"n_cooled": 5}, measured=measured(89, 89))], {"acme": 100}, both)[0])

    def test_a_run_in_one_text_is_read_as_one_in_attributes(self):
        self.assertEqual(runs.flat({"sk": "7-01", "run": json.dumps({"stage": "void"})})["stage"], "void")
        self.assertEqual(runs.flat({"sk": "7-01", "run": {"stage": "void"}})["stage"], "void")


if __name__ == "__main__":
    unittest.main()
