"""The demo's truth must be what it says: the same for a seed, and adversarial without cheating."""

import gzip
import json
import random
import unittest

import zstandard

import codec
import planting
import render

NOW = 1_800_000_000


def plan(**changes):
    return planting.plan(**({"n_tokens": 1_000, "n_tenants": 3, "seed": 7, "now": NOW} | changes))


def unpacked(body):
    if body[:2] == b"\x1f\x8b":
        return gzip.decompress(body)
    if body[:4] == b"\x28\xb5\x2f\xfd":
        return zstandard.decompress(body)
    return body


class Plan(unittest.TestCase):
    def test_one_seed_is_one_plan(self):
        self.assertEqual(plan(), plan())
        self.assertNotEqual(plan(), plan(seed=8))

    def test_every_token_counts_once_and_odd_rows_not_at_all(self):
        tenants = plan()
        tokens = [planted for tenant in tenants for planted in tenant.tokens if planted.group != planting.ODD]
        self.assertEqual(len(tokens), 1_000)
        self.assertEqual(len({planted.token for planted in tokens}), 1_000)
        self.assertEqual({len(tenant.of_group(planting.ODD)) for tenant in tenants}, {3})

    def test_no_vault_partition_is_over_4000_rows(self):
        for tenant in plan(n_tokens=30_000, n_tenants=2):
            rows = {}
            for planted in tenant.tokens:
                rows[planted.row["pk"]] = rows.get(planted.row["pk"], 0) + 1
            self.assertLess(max(rows.values()), 4_000)

    def test_a_known_end_lies_in_the_past_and_after_its_cool_off(self):
        rows = [planted.row for tenant in plan() for planted in tenant.of_group(planting.EXPIRED)]
        self.assertTrue(all(row["expires_at"] < NOW for row in rows))
        known = [row for row in rows if "purge_at" in row]
        self.assertTrue(known)
        for row in known:
            self.assertNotIn("due_at", row)
            self.assertTrue(row["expires_at"] + 7 * planting.DAY <= row["purge_at"] < NOW)


class Rendering(unittest.TestCase):
    def setUp(self):
        generator = random.Random(1)
        self.tokens = [codec.make_token(generator) for _ in range(120)]
        self.dead = [codec.make_token(generator) for _ in range(60)]
        self.random = generator

    def test_no_lookalike_is_a_token_or_holds_one(self):
        for number, token in enumerate(self.dead):
            fake = render.lookalike(token, number)
            self.assertNotIn(token, fake)
            self.assertFalse(codec.is_token(fake))

    def test_every_json_line_parses_and_holds_its_token(self):
        for number, token in enumerate(self.tokens):
            self.assertIn(token, str(json.loads(render.jsonl_line(number, token, self.random))))

    def test_every_export_line_parses(self):
        for number, token in enumerate(self.tokens):
            self.assertIn("Item", json.loads(render.export_line(number, token, self.random)))

    def test_plain_text_holds_every_token_and_no_dead_one(self):
        for fmt in ("csv", "text"):
            bodies = [unpacked(body) for _, body in render.objects(fmt, self.tokens, self.dead, self.random)]
            text = b"\n".join(bodies).decode()
            self.assertTrue(all(token in text for token in self.tokens), fmt)
            self.assertFalse(any(token in text for token in self.dead), fmt)

    def test_tokens_lie_over_the_edges_of_ranges(self):
        body = render.over_edges(self.tokens[: len(render.CUTS)], self.random)
        for number, cut in enumerate(render.CUTS):
            start = (number + 1) * render.RANGE - cut
            self.assertEqual(body[start : start + 28], self.tokens[number].encode())

    def test_every_item_holds_its_token_somewhere(self):
        for number, token in enumerate(self.tokens):
            self.assertIn(token, str(render.item_of(number, [token], self.random)))


if __name__ == "__main__":
    unittest.main()
