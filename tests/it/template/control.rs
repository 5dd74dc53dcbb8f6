//! Who writes what in the control table: each function its own items, by the key's first part. A config or an
//! approval is an operator's to give.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::iam::{Request, Statement, allowed, statements_of};
use super::stack::Stack;
use super::{FUNCTIONS, caught, sound, template, with, with_statement};

const CONTROL: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/lethe-control";

/// One key of each kind.
const KEYS: [&str; 22] = [
    "config",
    "approval#acme",
    "accepted#acme",
    "backlog#acme",
    "tenant#acme",
    "run#acme",
    "done#acme#1-01",
    "lease#acme#1-01",
    "walk",
    "fanout#acme",
    "answer#acme#k-1",
    "budget#acme",
    "ledger#acme#0001#00ff",
    "reads#acme",
    "count#acme",
    "pause",
    "pause#acme",
    "lateuse#acme",
    "idle#acme",
    "undo#acme",
    "regret#acme",
    // What nobody has thought of yet.
    "new#acme",
];

const PUT: &str = "dynamodb:PutItem";
const UPDATE: &str = "dynamodb:UpdateItem";
const DELETE: &str = "dynamodb:DeleteItem";

/// The keys that a function writes, and those that it also deletes.
fn agreed(function: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match function {
        "survey" => (&["run#acme", "tenant#acme", "backlog#acme"], &[]),
        "scan" => (&["run#acme", "done#acme#1-01"], &[]),
        "sweep" => (&["run#acme", "done#acme#1-01", "lease#acme#1-01", "tenant#acme", "backlog#acme"], &[]),
        "intake" => {
            // It counts late uses and pauses by them, and nothing that it may do lifts a pause.
            let written: &[&str] = &[
                "fanout#acme",
                "answer#acme#k-1",
                "budget#acme",
                "ledger#acme#0001#00ff",
                "reads#acme",
                "lateuse#acme",
                "pause#acme",
                "regret#acme",
            ];
            (
                written,
                &["fanout#acme", "answer#acme#k-1", "budget#acme", "ledger#acme#0001#00ff", "reads#acme"],
            )
        }
        // It counts what goes idle in a day.
        "expire" => (&["idle#acme"], &[]),
        // It counts what was taken and what came back.
        "react" => (&["regret#acme"], &[]),
        "reconcile" => (
            &["run#acme", "walk", "undo#acme", "fanout#acme", "answer#acme#k-1", "budget#acme", "count#acme"],
            &["fanout#acme", "answer#acme#k-1", "budget#acme", "count#acme"],
        ),
        _ => (&[], &[]),
    }
}

fn role_of(function: &str) -> String {
    let (first, rest) = function.split_at(1);
    format!("{}{rest}Role", first.to_ascii_uppercase())
}

fn acting(template: &Value) -> Stack {
    Stack::new(template, &[("Mode", "act")])
}

/// The keys on which an action is allowed.
fn keys(statements: &[Statement], action: &str) -> BTreeSet<&'static str> {
    let request = Request::new(action, CONTROL);
    let is_allowed = |key: &&str| allowed(statements, &request.clone().with("dynamodb:LeadingKeys", &[*key]));
    KEYS.into_iter().filter(is_allowed).collect()
}

fn faults(template: &Value) -> Vec<String> {
    let stack = acting(template);
    let mut faults = Vec::new();
    for function in FUNCTIONS {
        let statements = statements_of(&stack, &role_of(function));
        let (written, deleted) = agreed(function);
        for (action, agreed) in [(PUT, written), (UPDATE, written), (DELETE, deleted)] {
            let (found, agreed) = (keys(&statements, action), agreed.iter().copied().collect());
            for key in found.symmetric_difference(&agreed) {
                faults.push(format!("{function} may {action} {key}: {}", found.contains(key)));
            }
            let request = Request::new(action, CONTROL);
            if allowed(&statements, &request) {
                faults.push(format!("{function} may {action} without a key"));
            }
            // One key of its own does not carry another's along in a transaction.
            let both =
                agreed.iter().map(|own| request.clone().with("dynamodb:LeadingKeys", &[own, "config"]));
            if both.into_iter().any(|request| allowed(&statements, &request)) {
                faults.push(format!("{function} may {action} config beside its own"));
            }
        }
        for action in ["dynamodb:BatchWriteItem", "dynamodb:PartiQLUpdate", "dynamodb:DeleteTable"] {
            if statements.iter().any(|one| one.may_allow(action, CONTROL)) {
                faults.push(format!("{function} may {action}"));
            }
        }
    }
    let check = Request::new("dynamodb:ConditionCheckItem", CONTROL);
    if !allowed(&statements_of(&stack, "SweepRole"), &check) {
        faults.push("sweep cannot check its lease in a transaction".to_owned());
    }
    faults
}

/// Who spends a budget does not approve what was spent, though both stand in one item.
fn approval_faults(template: &Value) -> Vec<String> {
    let stack = acting(template);
    let mut faults = Vec::new();
    for function in FUNCTIONS {
        let statements = statements_of(&stack, &role_of(function));
        for action in [PUT, UPDATE] {
            let writes = |key: &str, attributes: &[&str]| {
                let request = Request::new(action, CONTROL).with("dynamodb:LeadingKeys", &[key]);
                allowed(&statements, &request.with("dynamodb:Attributes", attributes))
            };
            for approval in ["approved_at", "approved_by"] {
                if writes("budget#acme", &["pk", "sk", "n_spent", approval]) {
                    faults.push(format!("{function} may {action} {approval} of a budget"));
                }
            }
            let (written, _) = agreed(function);
            if written.contains(&"budget#acme") && !writes("budget#acme", &["pk", "sk", "n_spent", "ttl"]) {
                faults.push(format!("{function} cannot {action} what was spent"));
            }
            if written.contains(&"run#acme") && !writes("run#acme", &["pk", "sk", "approved_by"]) {
                faults.push(format!("{function} cannot {action} a run that was approved"));
            }
        }
    }
    faults
}

/// Answers, notices and budgets end by themselves.
fn end_faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for parameters in
        [[("Mode", "report"), ("Profile", "production")], [("Mode", "act"), ("Profile", "local")]]
    {
        let stack = Stack::new(template, &parameters);
        let end = &stack.properties("ControlTable")["TimeToLiveSpecification"];
        if *end != json!({"AttributeName": "ttl", "Enabled": true}) {
            faults.push(format!("the control table keeps everything: {end}, {parameters:?}"));
        }
    }
    faults
}

#[test]
fn every_function_writes_its_own_items() {
    sound(&faults(&template()));
}

#[test]
fn nobody_approves_what_it_spends() {
    sound(&approval_faults(&template()));
}

#[test]
fn what_has_an_end_leaves_the_control_table() {
    sound(&end_faults(&template()));
}

#[test]
fn a_write_of_anothers_items_is_caught() {
    let keys = |role: &str| {
        let pointer = format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement");
        let statements = template().pointer(&pointer).cloned().unwrap();
        let own = statements.as_array().unwrap().iter().position(|one| one["Sid"] == "WriteControl").unwrap();
        format!("{pointer}/{own}/Condition/ForAllValues:StringLike/dynamodb:LeadingKeys")
    };
    let spoiled = with(&keys("IntakeRole"), json!(["fanout#*", "answer#*", "budget#*", "*"]));
    caught(&faults(&spoiled), "intake may dynamodb:PutItem approval#acme: true");
    caught(&faults(&spoiled), "intake may dynamodb:DeleteItem config: true");
    caught(&faults(&spoiled), "config beside its own");
    let spoiled = with(&keys("IntakeRole"), json!(["fanout#*", "answer#*", "budget#*"]));
    caught(&faults(&spoiled), "intake may dynamodb:PutItem ledger#acme#0001#00ff: false");
    let spoiled = with(&keys("ReconcileRole"), json!(["run#*", "walk", "ledger#*"]));
    caught(&faults(&spoiled), "reconcile may dynamodb:UpdateItem ledger#acme#0001#00ff: true");
}

#[test]
fn an_approval_by_a_function_is_caught() {
    let spoiled = with_statement(
        "SweepRole",
        json!({"Effect": "Allow", "Action": PUT, "Resource": {"Fn::GetAtt": ["ControlTable", "Arn"]}}),
    );
    caught(&faults(&spoiled), "sweep may dynamodb:PutItem approval#acme: true");
    caught(&faults(&spoiled), "sweep may dynamodb:PutItem without a key");
    let spoiled = with_statement(
        "ReactRole",
        json!({"Effect": "Allow", "Action": "dynamodb:BatchWriteItem", "Resource": CONTROL}),
    );
    caught(&faults(&spoiled), "react may dynamodb:BatchWriteItem");
}

#[test]
fn a_budget_that_approves_itself_is_caught() {
    for role in ["IntakeRole", "ReconcileRole"] {
        let mut spoiled = template();
        let statements =
            spoiled.pointer_mut(&format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement"));
        let statements = statements.and_then(Value::as_array_mut).unwrap();
        let before = statements.len();
        statements.retain(|one| one["Sid"] != "NeverApprove");
        assert_eq!(statements.len(), before - 1, "{role}");
        caught(&approval_faults(&spoiled), "dynamodb:UpdateItem approved_at of a budget");
        caught(&approval_faults(&spoiled), "dynamodb:PutItem approved_by of a budget");
    }
    let never = json!({"Effect": "Deny", "Action": [PUT, UPDATE], "Resource": CONTROL});
    let spoiled = with_statement("ReconcileRole", never);
    caught(&approval_faults(&spoiled), "reconcile cannot dynamodb:UpdateItem what was spent");
    caught(&approval_faults(&spoiled), "reconcile cannot dynamodb:PutItem a run that was approved");
}

#[test]
fn a_control_table_without_an_end_is_caught() {
    let end = "/Resources/ControlTable/Properties/TimeToLiveSpecification";
    caught(&end_faults(&with(&format!("{end}/Enabled"), json!(false))), "keeps everything");
    caught(&end_faults(&with(&format!("{end}/AttributeName"), json!("expires_at"))), "keeps everything");
}
