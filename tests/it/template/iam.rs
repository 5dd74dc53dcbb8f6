//! Answers "may this role do that?" the way IAM does: an explicit deny wins, then an allow, else no. It knows
//! the elements and operators that the template uses and refuses any other, rather than take it for harmless.

use std::collections::BTreeMap;

use serde_json::Value;

use super::stack::{Stack, items, members, text};

/// One statement of a policy.
#[derive(Debug)]
pub(super) struct Statement {
    /// The statement's name, for faults.
    pub(super) sid: String,
    allows: bool,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    operator: String,
    key: String,
    values: Vec<String>,
}

/// What somebody asks to do, with the condition keys that the service would fill in.
#[derive(Debug, Default, Clone)]
pub(super) struct Request {
    action: String,
    resource: String,
    context: BTreeMap<String, Vec<String>>,
}

impl Request {
    /// Asks for an action on a resource, with an empty context.
    pub(super) fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), context: BTreeMap::new() }
    }

    /// The same request with one more condition key.
    pub(super) fn with(mut self, key: &str, values: &[&str]) -> Self {
        self.context.insert(key.to_owned(), values.iter().map(|&value| value.to_owned()).collect());
        self
    }
}

/// The statements of one role's own policies.
pub(super) fn statements_of(stack: &Stack, role: &str) -> Vec<Statement> {
    let policies = items(&stack.properties(role)["Policies"]);
    policies.into_iter().flat_map(|policy| parse(&policy["PolicyDocument"])).collect()
}

/// The statements of a policy document.
pub(super) fn parse(document: &Value) -> Vec<Statement> {
    items(&document["Statement"]).into_iter().map(Statement::parse).collect()
}

/// Whether these statements, taken together, let the request through.
pub(super) fn allowed(statements: &[Statement], request: &Request) -> bool {
    !denied(statements, request) && statements.iter().any(|one| one.allows && one.matches(request))
}

/// Whether one of these statements forbids the request.
pub(super) fn denied(statements: &[Statement], request: &Request) -> bool {
    statements.iter().any(|one| !one.allows && one.matches(request))
}

impl Statement {
    fn parse(value: &Value) -> Self {
        const KNOWN: [&str; 6] = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];
        let unknown = members(value).find(|(key, _)| !KNOWN.contains(&key.as_str()));
        assert!(unknown.is_none(), "a statement uses {unknown:?}, which these tests cannot judge");
        let mut conditions = Vec::new();
        for (operator, keys) in members(&value["Condition"]) {
            for (key, values) in members(keys) {
                let values = items(values).into_iter().map(text).collect();
                conditions.push(Condition { operator: operator.clone(), key: key.clone(), values });
            }
        }
        Self {
            sid: value["Sid"].as_str().unwrap_or("(no sid)").to_owned(),
            allows: value["Effect"] == "Allow",
            actions: items(&value["Action"]).into_iter().map(text).collect(),
            resources: items(&value["Resource"]).into_iter().map(text).collect(),
            conditions,
        }
    }

    /// Whether the statement allows the action on the resource in any context whatever.
    pub(super) fn may_allow(&self, action: &str, resource: &str) -> bool {
        self.allows && self.names(action, resource)
    }

    /// The resources, as written.
    pub(super) fn resources(&self) -> &[String] {
        &self.resources
    }

    /// The actions, as written.
    pub(super) fn actions(&self) -> &[String] {
        &self.actions
    }

    fn names(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions.iter().any(|pattern| like(&pattern.to_ascii_lowercase(), &action))
            && self.resources.iter().any(|pattern| like(pattern, resource))
    }

    fn matches(&self, request: &Request) -> bool {
        self.names(&request.action, &request.resource)
            && self.conditions.iter().all(|condition| condition.holds(&request.context))
    }
}

impl Condition {
    fn holds(&self, context: &BTreeMap<String, Vec<String>>) -> bool {
        let found = context.get(&self.key);
        if self.operator == "Null" {
            return self.values.iter().any(|value| (value == "true") == found.is_none());
        }
        if let Some(operator) = self.operator.strip_prefix("ForAnyValue:") {
            let (negated, test) = comparison(operator);
            return found.is_some_and(|values| values.iter().any(|value| self.one(test, value) != negated));
        }
        let (for_all, operator) = self
            .operator
            .strip_prefix("ForAllValues:")
            .map_or((false, self.operator.as_str()), |it| (true, it));
        let (if_exists, operator) =
            operator.strip_suffix("IfExists").map_or((false, operator), |it| (true, it));
        let (negated, test) = comparison(operator);
        match found {
            None => for_all || if_exists || negated,
            Some(values) if for_all => values.iter().all(|value| self.one(test, value) != negated),
            Some(values) => values.iter().any(|value| self.one(test, value)) != negated,
        }
    }

    fn one(&self, test: fn(&str, &str) -> bool, value: &str) -> bool {
        self.values.iter().any(|wanted| test(wanted, value))
    }
}

/// The comparison behind an operator, and whether the operator is its negation.
fn comparison(operator: &str) -> (bool, fn(&str, &str) -> bool) {
    match operator {
        "StringEquals" => (false, |wanted, value| wanted == value),
        "StringNotEquals" => (true, |wanted, value| wanted == value),
        "Bool" => (false, |wanted, value| wanted.eq_ignore_ascii_case(value)),
        "StringLike" | "ArnLike" | "ArnEquals" => (false, like),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => (true, like),
        "NumericGreaterThan" => (false, |wanted, value| {
            let number = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("{text} is no number"));
            number(value) > number(wanted)
        }),
        other => panic!("a condition compares by {other}, which these tests cannot judge"),
    }
}

/// IAM's wildcards: `*` for any text, `?` for one character.
fn like(pattern: &str, value: &str) -> bool {
    let (pattern, value) = (pattern.as_bytes(), value.as_bytes());
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < value.len() {
        if at < pattern.len() && pattern[at] == b'*' {
            star = Some((at, seen));
            at += 1;
        } else if at < pattern.len() && (pattern[at] == b'?' || pattern[at] == value[seen]) {
            at += 1;
            seen += 1;
        } else if let Some((star_at, star_seen)) = star {
            star = Some((star_at, star_seen + 1));
            at = star_at + 1;
            seen = star_seen + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&rest| rest == b'*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Request, allowed, like, parse};

    #[track_caller]
    fn check(statements: &serde_json::Value, request: &Request, expected: bool) {
        let statements = parse(&json!({ "Statement": statements }));
        assert_eq!(allowed(&statements, request), expected, "{request:?}");
    }

    #[test]
    fn wildcards_match_as_in_iam() {
        for (pattern, value, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("table/*", "table/vault/index/due", true),
            ("table/vault", "table/vault/index/due", false),
        ] {
            assert_eq!(like(pattern, value), expected, "{pattern} {value}");
        }
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        check(&json!([]), &Request::new("dynamodb:GetItem", "t"), false);
    }

    #[test]
    fn a_deny_wins() {
        let both = json!([
            {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"},
            {"Effect": "Deny", "Action": ["dynamodb:DeleteItem"], "Resource": "t"},
        ]);
        check(&both, &Request::new("dynamodb:DeleteItem", "u"), true);
        check(&both, &Request::new("DynamoDB:deleteitem", "t"), false);
    }

    #[test]
    fn every_condition_must_hold() {
        let stamp = json!([{
            "Effect": "Allow", "Action": "u", "Resource": "t",
            "Condition": {
                "ForAllValues:StringEquals": {"attributes": ["pk", "version"]},
                "Null": {"attributes": "false"},
                "StringEqualsIfExists": {"returns": ["NONE"]},
            },
        }]);
        let ask = || Request::new("u", "t");
        check(&stamp, &ask(), false);
        check(&stamp, &ask().with("attributes", &["pk"]), true);
        check(&stamp, &ask().with("attributes", &["pk", "state"]), false);
        check(&stamp, &ask().with("attributes", &["pk"]).with("returns", &["NONE"]), true);
        check(&stamp, &ask().with("attributes", &["pk"]).with("returns", &["ALL_NEW"]), false);
    }

    #[test]
    fn a_missing_key_satisfies_only_the_negated_operators() {
        for (operator, expected) in [
            ("StringEquals", false),
            ("StringNotEquals", true),
            ("ArnNotEquals", true),
            ("StringEqualsIfExists", true),
            ("ForAllValues:StringLike", true),
            ("ForAnyValue:StringLike", false),
            ("ForAnyValue:StringNotEquals", false),
            ("Bool", false),
            ("NumericGreaterThan", false),
        ] {
            let one = json!([{
                "Effect": "Allow", "Action": "a", "Resource": "r", "Condition": {operator: {"key": "1"}},
            }]);
            check(&one, &Request::new("a", "r"), expected);
        }
    }

    #[test]
    fn one_value_of_many_is_enough_for_any() {
        for (operator, names, expected) in [
            ("ForAnyValue:StringEquals", ["pk", "approved_at"], true),
            ("ForAnyValue:StringEquals", ["pk", "spent"], false),
            ("ForAnyValue:StringNotEquals", ["approved_at", "pk"], true),
            ("ForAnyValue:StringNotEquals", ["approved_at", "approved_at"], false),
        ] {
            let any = json!([{
                "Effect": "Allow", "Action": "a", "Resource": "r", "Condition": {operator: {"key": ["approved_at"]}},
            }]);
            check(&any, &Request::new("a", "r").with("key", &names), expected);
        }
    }

    #[test]
    fn numbers_compare_as_numbers() {
        let cap = json!([{
            "Effect": "Allow", "Action": "a", "Resource": "r", "Condition": {"NumericGreaterThan": {"days": "366"}},
        }]);
        check(&cap, &Request::new("a", "r").with("days", &["366"]), false);
        check(&cap, &Request::new("a", "r").with("days", &["1000"]), true);
    }

    #[test]
    #[should_panic(expected = "cannot judge")]
    fn an_unknown_operator_is_refused() {
        let odd = json!([{
            "Effect": "Allow", "Action": "a", "Resource": "r", "Condition": {"IpAddress": {"key": "1"}},
        }]);
        check(&odd, &Request::new("a", "r").with("key", &["1"]), false);
    }

    #[test]
    #[should_panic(expected = "cannot judge")]
    fn an_unknown_element_is_refused() {
        check(
            &json!([{"Effect": "Allow", "NotAction": "a", "Resource": "r"}]),
            &Request::new("a", "r"),
            false,
        );
    }
}
