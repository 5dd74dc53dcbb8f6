"""Reads template.yaml as CloudFormation would, so that what the local cloud drops can be set from the template itself.

Only what those settings use is resolved: Ref, Sub, If, FindInMap, Join, GetAtt of an Arn, and the condition
functions. Anything else raises, so that a new intrinsic in a setting is seen here and never guessed.
"""

import re

import yaml

from cloud import ACCOUNT, REGION, LocalError


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (`!Ref x`) read as their long ones."""


def intrinsic(loader, suffix, node):
    """`!Sub x` becomes `{"Fn::Sub": x}`, `!Ref x` becomes `{"Ref": x}`."""
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", intrinsic)


def load(path):
    """The template as plain dictionaries with long intrinsics; JSON-serialisable."""
    with open(path, encoding="utf-8") as file:
        # Dates and octal numbers stay what CloudFormation sees: text and text.
        return yaml.load(file, Loader=NoDates)


class NoDates(Loader):
    """Without YAML's timestamps: a policy version `2012-10-17` is text."""


NoDates.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in Loader.yaml_implicit_resolvers.items()
}


class Resolver:
    """Resolves a template's values for one set of parameters."""

    def __init__(self, template, stack, parameters, physical_ids=None):
        self.template = template
        self.physical_ids = physical_ids or {}
        self.names = {
            "AWS::StackName": stack,
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": None,
        }
        for name, parameter in template.get("Parameters", {}).items():
            self.names[name] = parameters.get(name, parameter.get("Default", ""))

    def value(self, node):
        """The node with every intrinsic replaced by its value."""
        if isinstance(node, list):
            return [self.value(item) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref":
                return self.reference(argument)
            if name == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if name.startswith("Fn::"):
                return self.function(name[4:], argument)
        resolved = {name: self.value(item) for name, item in node.items()}
        return {name: item for name, item in resolved.items() if item is not None}

    def reference(self, name):
        """A parameter, a pseudo parameter or a resource's physical id."""
        if name in self.names:
            return self.names[name]
        if name in self.physical_ids:
            return self.physical_ids[name]
        raise LocalError(f"template.yaml: cannot resolve Ref {name}")

    def condition(self, name):
        """Whether a named condition holds."""
        return self.value(self.template["Conditions"][name])

    def function(self, name, argument):
        """One `Fn::` of those that the settings use."""
        if name == "Sub":
            return self.substitute(argument)
        if name == "If":
            condition, then, otherwise = argument
            return self.value(then if self.condition(condition) else otherwise)
        if name == "FindInMap":
            top, second, third = (self.value(item) for item in argument)
            return self.template["Mappings"][top][second][third]
        if name == "GetAtt" and argument[1] == "Arn":
            return f"{argument[0]}.Arn"
        argument = self.value(argument)
        simple = {
            "Equals": lambda: str(argument[0]) == str(argument[1]),
            "Not": lambda: not argument[0],
            "And": lambda: all(argument),
            "Or": lambda: any(argument),
            "Join": lambda: argument[0].join(argument[1]),
            "Split": lambda: argument[1].split(argument[0]),
            "Select": lambda: argument[1][int(argument[0])],
        }
        if name not in simple:
            raise LocalError(f"template.yaml: Fn::{name} is not known to infra/local/template.py")
        return simple[name]()

    def substitute(self, argument):
        """`Fn::Sub`, with or without its own variables."""
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def replace(match):
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            return str(self.value(own[name]) if name in own else self.reference(name))

        return re.sub(r"\$\{([^}]+)\}", replace, text)


def of_type(template, *types):
    """`(logical id, resource)` of every resource of the given types."""
    for name, resource in template["Resources"].items():
        if resource["Type"] in types:
            yield name, resource
