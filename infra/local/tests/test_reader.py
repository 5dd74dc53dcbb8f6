"""The reader in Python must answer as the one in Rust: both are held to the same vectors."""

import json
import unittest

import reader
from cloud import ROOT

VECTORS = ROOT / "shared" / "domain" / "vectors" / "reader.json"


class Vectors(unittest.TestCase):
    def test_every_vector_holds(self):
        vectors = json.loads(VECTORS.read_text())
        self.assertLessEqual(20, len(vectors))
        for vector in vectors:
            with self.subTest(vector["name"]):
                found = reader.answer(vector["row"], vector["subject"], vector["was_known"], vector["now"])
                self.assertEqual(found.__dict__, vector["expect"])


class Understanding(unittest.TestCase):
    ROW = {"pk": "acme#0001", "sk": "tok_a", "kind": "vault", "state": "active", "isValid": True, "version": 1}

    def state_of(self, **changes):
        row = {name: value for name, value in (self.ROW | {"created_at": 1} | changes).items() if value is not None}
        return reader.answer(row, None, True, 10).state

    def test_a_row_with_a_fault_is_unreadable_and_not_valid(self):
        self.assertEqual(self.state_of(), "active")
        for fault in ({"pk": "acme"}, {"version": "1"}, {"version": True}, {"created_at": None}, {"purge_at": 99}):
            self.assertEqual(self.state_of(**fault), "unreadable", fault)


if __name__ == "__main__":
    unittest.main()
