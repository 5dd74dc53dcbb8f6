"""The file that the scenarios give to `lethe apply`."""

import unittest

import configuration
import planting

TENANTS = planting.plan(600, 2, 1, 1_800_000_000)
N_SOURCES = sum(len(tenant.sources) for tenant in TENANTS)


def lines(pace):
    return configuration.text("lethe", TENANTS, "us-east-1", pace).splitlines()


class Text(unittest.TestCase):
    def test_every_source_is_registered(self):
        made = lines(configuration.DEMO)
        for tenant in TENANTS:
            for source in tenant.sources:
                self.assertIn(f"[tenants.{tenant.name}.sources.{source.name}]", made)
        self.assertFalse(any(line.startswith("encodings") for line in made))

    def test_encodings_and_readers_are_named_where_a_scenario_says_so(self):
        made = lines(configuration.Pace(encodings=("json", "url"), readers=lambda name: f"{name}-app"))
        self.assertEqual(made.count('encodings = ["json", "url"]'), N_SOURCES)
        self.assertIn('principals = ["arn:aws:iam::000000000000:user/acme-app"]', made)

    def test_durations_are_rounded_up_as_the_local_profile_does(self):
        self.assertEqual(configuration.Pace(in_flight="15m").in_flight_seconds(20_000), 1)
        self.assertEqual(configuration.Pace(in_flight="24h").in_flight_seconds(10_000), 9)


if __name__ == "__main__":
    unittest.main()
