"""The second implementation of Lethe's formats must itself be right: known values, and faults that must be seen."""

import random
import unittest

import zstandard

import codec


class Luhn(unittest.TestCase):
    def test_digits_only_equal_the_well_known_algorithm_in_base_36(self):
        # Worked by hand for the body "a1": 1 is doubled to 2, a counts 10; 36 - 12 = 24, which is "o".
        self.assertEqual(codec.luhn_check("a1"), "o")

    def test_a_doubled_character_over_the_base_adds_its_digits(self):
        # z = 35, doubled 70 = 1 * 36 + 34: 35; 36 - 35 = 1.
        self.assertEqual(codec.luhn_check("z"), "1")

    def test_a_token_with_any_one_character_changed_is_not_a_token(self):
        token = codec.make_token(random.Random(7))
        self.assertTrue(codec.is_token(token))
        for place in range(len(codec.PREFIX), len(token)):
            changed = "1" if token[place] != "1" else "2"
            self.assertFalse(codec.is_token(token[:place] + changed + token[place + 1 :]))


class Keys(unittest.TestCase):
    def test_shards_are_the_leading_bits(self):
        first = codec.digest("tok_x")[0]
        self.assertEqual(codec.vault_key("acme", "tok_x", 1), "acme#0000")
        self.assertEqual(codec.vault_key("acme", "tok_x", 2), f"acme#{first >> 7:04x}")
        self.assertEqual(codec.vault_key("acme", "tok_x", 256), f"acme#{first:04x}")

    def test_a_fingerprint_needs_the_key_and_the_token(self):
        one = codec.fingerprint(b"k" * 32, "tok_x")
        self.assertEqual(len(one), 16)
        self.assertNotEqual(one, codec.fingerprint(b"l" * 32, "tok_x"))
        self.assertNotEqual(one, codec.fingerprint(b"k" * 32, "tok_y"))


class Entries(unittest.TestCase):
    def test_an_entry_is_27_bytes(self):
        packed = bytes(range(16)) + (1_700_000_000_123).to_bytes(8, "big") + bytes([1, 2, 10])
        self.assertEqual(len(packed), 27)
        (entry,) = codec.decode_entries(packed)
        self.assertEqual(entry, codec.Entry(bytes(range(16)), 1_700_000_000_123, "active", "cooling", "unreferenced"))
        self.assertEqual(len(codec.decode_entries(packed * 3)), 3)

    def test_a_cut_entry_is_an_error(self):
        with self.assertRaises(ValueError):
            codec.decode_entries(b"x" * 26)

    def test_an_unknown_code_is_an_error(self):
        with self.assertRaises(ValueError):
            codec.decode_entries(bytes(16 + 8) + bytes([1, 7, 0]))


class Archive(unittest.TestCase):
    def test_frames_one_after_another_are_all_read(self):
        frames = [zstandard.compress(b'{"token":"a"}\n{"token":"b"}\n'), zstandard.compress(b'{"token":"c"}\n')]
        self.assertEqual([record["token"] for record in codec.decode_archive(b"".join(frames))], ["a", "b", "c"])

    def test_values_in_dynamodb_json_are_read(self):
        item = {"version": {"N": "7"}, "payload": {"B": "aGk="}, "tags": {"L": [{"S": "x"}, {"NULL": True}]}}
        self.assertEqual(codec.plain_item(item), {"version": 7, "payload": b"hi", "tags": ["x", None]})


if __name__ == "__main__":
    unittest.main()
