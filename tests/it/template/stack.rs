//! The template with its parameters filled in: conditions decided, references resolved to the names and ARNs
//! that the account would give. Knows the intrinsic functions that the template uses and refuses any other.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";
const NAME: &str = "lethe";

/// A deployed template: every resource whose condition holds, resolved.
#[derive(Debug)]
pub(super) struct Stack {
    resources: BTreeMap<String, Value>,
    broken_rules: Vec<String>,
}

impl Stack {
    /// Deploys the template with these parameters and the defaults of the others.
    pub(super) fn new(template: &Value, parameters: &[(&str, &str)]) -> Self {
        let resolver = Resolver::new(template, parameters);
        let mut resources = BTreeMap::new();
        for (id, resource) in members(&template["Resources"]) {
            if resource.get("Condition").is_none_or(|name| resolver.condition_named(text(name))) {
                let resource = with_globals(resource, &template["Globals"]["Function"]);
                resources.insert(id.clone(), resolver.resolve(&resource).unwrap_or_default());
            }
        }
        Self { resources, broken_rules: resolver.broken_rules() }
    }

    /// The resources of one type, with their logical ids.
    pub(super) fn of_type(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        let kind = kind.to_owned();
        let found = self.resources.iter().filter(move |(_, resource)| resource["Type"] == *kind);
        found.map(|(id, resource)| (id.as_str(), resource))
    }

    /// The properties of one resource.
    #[track_caller]
    pub(super) fn properties(&self, id: &str) -> &Value {
        let resource = self.resources.get(id).unwrap_or_else(|| panic!("the stack has no {id}"));
        &resource["Properties"]
    }

    /// Whether the stack has this resource.
    pub(super) fn has(&self, id: &str) -> bool {
        self.resources.contains_key(id)
    }

    /// The events of one type of all functions: the function's logical id and the event's properties.
    pub(super) fn events(&self, kind: &str) -> Vec<(&str, &Value)> {
        let mut found = Vec::new();
        for (id, function) in self.of_type("AWS::Serverless::Function") {
            let events = members(&function["Properties"]["Events"]);
            let events = events.filter(|(_, event)| event["Type"] == *kind);
            found.extend(events.map(|(_, event)| (id, &event["Properties"])));
        }
        found
    }

    /// The rules that refuse these parameters.
    pub(super) fn broken_rules(&self) -> &[String] {
        &self.broken_rules
    }
}

/// The members of a map; none if it is absent.
pub(super) fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// The items of a list, or the one item that stands in its place.
pub(super) fn items(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| if value.is_null() { Vec::new() } else { vec![value] }, |all| all.iter().collect())
}

/// A number, whether it is written as one or comes from a parameter as text.
pub(super) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

/// A text, a number or a truth value as text.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A function with the globals it inherits: maps are merged, all else is the function's own.
fn with_globals(resource: &Value, globals: &Value) -> Value {
    let mut resource = resource.clone();
    if resource["Type"] == "AWS::Serverless::Function" {
        let properties = merged(globals, &resource["Properties"]);
        resource["Properties"] = properties;
    }
    resource
}

fn merged(below: &Value, above: &Value) -> Value {
    let (Value::Object(below), Value::Object(above)) = (below, above) else { return above.clone() };
    let mut all = below.clone();
    for (key, value) in above {
        let value = below.get(key).map_or_else(|| value.clone(), |lower| merged(lower, value));
        all.insert(key.clone(), value);
    }
    Value::Object(all)
}

struct Resolver<'a> {
    template: &'a Value,
    parameters: BTreeMap<String, String>,
}

impl<'a> Resolver<'a> {
    fn new(template: &'a Value, given: &[(&str, &str)]) -> Self {
        let mut parameters = BTreeMap::new();
        for (name, definition) in members(&template["Parameters"]) {
            let value = given.iter().find(|(given, _)| given == name).map(|(_, value)| (*value).to_owned());
            parameters.insert(name.clone(), value.unwrap_or_else(|| text(&definition["Default"])));
        }
        let unknown = given.iter().find(|(name, _)| !parameters.contains_key(*name));
        assert!(unknown.is_none(), "the template has no parameter {unknown:?}");
        Self { template, parameters }
    }

    /// Resolves a value; nothing is left of `AWS::NoValue`.
    fn resolve(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Object(map) => match single(map) {
                Some((name, argument)) if name == "Ref" || name.starts_with("Fn::") => {
                    self.call(name, argument)
                }
                _ => Some(Value::Object(self.resolve_members(map))),
            },
            Value::Array(list) => Some(list.iter().filter_map(|item| self.resolve(item)).collect()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.clone()),
        }
    }

    fn resolve_members(&self, map: &Map<String, Value>) -> Map<String, Value> {
        map.iter().filter_map(|(key, value)| Some((key.clone(), self.resolve(value)?))).collect()
    }

    fn call(&self, name: &str, argument: &Value) -> Option<Value> {
        match name {
            "Ref" if argument == "AWS::NoValue" => None,
            "Ref" => Some(Value::from(self.reference(&text(argument)))),
            "Fn::GetAtt" => Some(Value::from(self.attribute(&text(&argument[0]), &text(&argument[1])))),
            "Fn::Sub" => Some(Value::from(self.substitute(argument))),
            "Fn::If" => {
                let branch = if self.condition_named(text(&argument[0])) { 1 } else { 2 };
                self.resolve(&argument[branch])
            }
            "Fn::FindInMap" => {
                let keys: Vec<String> = items(argument).iter().map(|key| self.text(key)).collect();
                let found = &self.template["Mappings"][&keys[0]][&keys[1]][&keys[2]];
                assert!(!found.is_null(), "no mapping {keys:?}");
                Some(found.clone())
            }
            "Fn::Join" => {
                let list = self.resolve(&argument[1]).unwrap_or_default();
                let parts: Vec<String> = items(&list).into_iter().map(text).collect();
                Some(Value::from(parts.join(&text(&argument[0]))))
            }
            "Fn::Split" => {
                let whole = self.text(&argument[1]);
                Some(whole.split(text(&argument[0]).as_str()).map(Value::from).collect())
            }
            other => panic!("the template uses {other}, which these tests cannot resolve"),
        }
    }

    fn text(&self, value: &Value) -> String {
        self.resolve(value).as_ref().map(text).unwrap_or_default()
    }

    fn reference(&self, name: &str) -> String {
        if let Some(value) = self.parameters.get(name) {
            return value.clone();
        }
        match name {
            "AWS::AccountId" => ACCOUNT.to_owned(),
            "AWS::Region" => REGION.to_owned(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::StackName" => NAME.to_owned(),
            _ => self.attribute(name, "Ref"),
        }
    }

    /// What the account would answer for an attribute of a resource.
    fn attribute(&self, id: &str, attribute: &str) -> String {
        let resource = &self.template["Resources"][id];
        let named = |name: &str| resource["Properties"].get(name).map_or(String::new(), |it| self.text(it));
        let (name, arn) = match resource["Type"].as_str().unwrap_or_default() {
            "AWS::DynamoDB::Table" => {
                let name = named("TableName");
                let arn = regional("dynamodb", &format!("table/{name}"));
                (name, arn)
            }
            "AWS::S3::Bucket" => (named("BucketName"), format!("arn:aws:s3:::{}", named("BucketName"))),
            "AWS::SQS::Queue" => {
                let name = named("QueueName");
                (format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"), regional("sqs", &name))
            }
            "AWS::SNS::Topic" => {
                let arn = regional("sns", &named("TopicName"));
                (arn.clone(), arn)
            }
            "AWS::KMS::Key" => (id.to_owned(), regional("kms", &format!("key/{id}"))),
            "AWS::Logs::LogGroup" => {
                let name = named("LogGroupName");
                let arn = regional("logs", &format!("log-group:{name}:*"));
                (name, arn)
            }
            "AWS::Serverless::Function" => {
                let name = named("FunctionName");
                let arn = regional("lambda", &format!("function:{name}"));
                (name, arn)
            }
            "AWS::Scheduler::ScheduleGroup" => {
                let name = named("Name");
                let arn = regional("scheduler", &format!("schedule-group/{name}"));
                (name, arn)
            }
            "AWS::Events::EventBus" => {
                let name = named("Name");
                let arn = regional("events", &format!("event-bus/{name}"));
                (name, arn)
            }
            "AWS::IAM::Role" => {
                let name = named("RoleName");
                let name = if name.is_empty() { id.to_owned() } else { name };
                let arn = format!("arn:aws:iam::{ACCOUNT}:role/{name}");
                (name, arn)
            }
            other => panic!("the template refers to {id}, a {other:?}, which these tests do not know"),
        };
        match attribute {
            "Ref" => name,
            "Arn" => arn,
            "StreamArn" => format!("{arn}/stream/2026-01-31T00:00:00.000"),
            "QueueName" => named("QueueName"),
            other => panic!("the template asks {id} for {other}, which these tests do not know"),
        }
    }

    /// `Fn::Sub`, with or without variables of its own.
    fn substitute(&self, argument: &Value) -> String {
        let pair = items(argument);
        let (pattern, variables) = (text(pair[0]), pair.get(1).copied().unwrap_or(&Value::Null));
        let mut pieces = pattern.split("${");
        let mut whole = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').unwrap_or_else(|| panic!("{pattern} does not close"));
            let value = match (variables.get(name), name.split_once('.')) {
                (Some(own), _) => self.text(own),
                (None, Some((id, attribute))) => self.attribute(id, attribute),
                (None, None) => self.reference(name),
            };
            whole.push_str(&value);
            whole.push_str(rest);
        }
        whole
    }

    fn condition_named(&self, name: impl AsRef<str>) -> bool {
        let definition = &self.template["Conditions"][name.as_ref()];
        assert!(!definition.is_null(), "no condition {}", name.as_ref());
        self.condition(definition)
    }

    fn condition(&self, definition: &Value) -> bool {
        let (name, argument) = definition
            .as_object()
            .and_then(single)
            .unwrap_or_else(|| panic!("not a condition: {definition}"));
        match name {
            "Fn::Equals" => self.text(&argument[0]) == self.text(&argument[1]),
            "Fn::Not" => !self.condition(&argument[0]),
            "Fn::And" => items(argument).into_iter().all(|part| self.condition(part)),
            "Fn::Or" => items(argument).into_iter().any(|part| self.condition(part)),
            "Condition" => self.condition_named(text(argument)),
            other => panic!("the template decides by {other}, which these tests cannot"),
        }
    }

    fn broken_rules(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (name, rule) in members(&self.template["Rules"]) {
            let applies = rule.get("RuleCondition").is_none_or(|condition| self.condition(condition));
            let holds = items(&rule["Assertions"]).into_iter().all(|one| self.condition(&one["Assert"]));
            if applies && !holds {
                broken.push(name.clone());
            }
        }
        broken
    }
}

fn regional(service: &str, name: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{name}")
}

/// The one member of a map that has no other.
fn single(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut all = map.iter();
    match (all.next(), all.next()) {
        (Some((key, value)), None) => Some((key.as_str(), value)),
        _ => None,
    }
}
