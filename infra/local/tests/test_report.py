"""The closing figures: whose requests count, and that a figure which must be zero is marked when it is not."""

import unittest

import report


class Requests(unittest.TestCase):
    def test_only_what_rust_sent_since_the_start_counts(self):
        before = {"rust s3 GET": 5, "boto3 s3 GET": 1}
        after = {"rust s3 GET": 7, "boto3 s3 GET": 99, "rust dynamodb Query": 4}
        found = report.requests(before, after)
        self.assertEqual(found["requests"], 6)
        self.assertEqual(list(found["requests_by_operation"]), ["dynamodb Query", "s3 GET"])

    def test_a_cloud_that_nobody_counts_on_gives_no_figure(self):
        self.assertIsNone(report.requests(None, None)["requests"])


class Table(unittest.TestCase):
    def test_a_figure_that_must_be_zero_is_marked(self):
        summary = {name: 0 for _, names in report.ROWS for name in names} | {"live_lost": 1}
        marked = [line for line in report.table(summary) if "must be 0" in line]
        self.assertEqual(len(marked), 1)
        self.assertIn("live lost", marked[0])


if __name__ == "__main__":
    unittest.main()
