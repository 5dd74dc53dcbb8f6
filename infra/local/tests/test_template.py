"""What the local cloud drops is set from the template, so reading the template must be right, and loud when it is not."""

import json
import pathlib
import tempfile
import unittest

import settings
import template
from cloud import LocalError

TEXT = """
Parameters:
  Profile: {Type: String, Default: production}
  Lock: {Type: String, Default: GOVERNANCE}
Mappings:
  Days: {local: {Keep: 7}, production: {Keep: 30}}
Conditions:
  Local: !Equals [!Ref Profile, local]
  Real: !Not [!Condition Local]
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      Policy: {Version: 2012-10-17}
      Name: !Sub "${AWS::StackName}-x-${AWS::AccountId}"
      Mode: !Ref Lock
      Days: !FindInMap [Days, !Ref Profile, Keep]
      Ttl: !If [Real, true, false]
      Gone: !If [Real, 1, !Ref AWS::NoValue]
      Strange: !ImportValue other
"""


class Reading(unittest.TestCase):
    def setUp(self):
        with tempfile.TemporaryDirectory() as home:
            path = pathlib.Path(home) / "template.yaml"
            path.write_text(TEXT)
            self.template = template.load(path)
        self.properties = self.template["Resources"]["Bucket"]["Properties"]
        self.resolver = template.Resolver(self.template, "lethe", {"Profile": "local"})

    def resolved(self, *names):
        return self.resolver.value({name: self.properties[name] for name in names})

    def test_a_policy_version_stays_text_and_the_whole_is_json(self):
        self.assertEqual(self.properties["Policy"], {"Version": "2012-10-17"})
        json.dumps(self.template)

    def test_parameters_names_maps_and_conditions_are_resolved(self):
        found = self.resolved("Name", "Mode", "Days", "Ttl", "Gone")
        self.assertEqual(found, {"Name": "lethe-x-000000000000", "Mode": "GOVERNANCE", "Days": 7, "Ttl": False})

    def test_an_unknown_function_is_a_fault(self):
        with self.assertRaises(LocalError):
            self.resolved("Strange")


class Lifecycle(unittest.TestCase):
    def test_a_rule_is_translated(self):
        rule = {"Id": "r7", "Status": "Enabled", "Prefix": "r7/", "ExpirationInDays": 8}
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": 1}
        made = settings.lifecycle_rule(rule)
        self.assertEqual(made["Expiration"], {"Days": 8})
        self.assertEqual(made["NoncurrentVersionExpiration"], {"NoncurrentDays": 1})
        self.assertEqual(made["Filter"], {"Prefix": "r7/"})

    def test_an_unknown_key_is_a_fault(self):
        with self.assertRaises(LocalError):
            settings.lifecycle_rule({"Id": "x", "Status": "Enabled", "Transitions": []})

    def test_a_difference_is_one_clear_line(self):
        with self.assertRaisesRegex(LocalError, "bucket lock: template says 'on', the cloud has None"):
            settings.expect("bucket lock", "on", None)


if __name__ == "__main__":
    unittest.main()
