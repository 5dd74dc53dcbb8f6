//! Outgoing events: whoever writes the audit announces on one bus, as `lethe` and as nobody else.

use serde_json::{Value, json};

use super::iam::{Request, allowed, statements_of};
use super::stack::{Stack, members};
use super::{FUNCTIONS, caught, sound, template, with, with_statement, without};

const BUS: &str = "arn:aws:events:eu-central-1:111122223333:event-bus/lethe-events";

/// Those who put on record what is announced. Expire is not among them: what it does is put on record by react.
const ANNOUNCE: [&str; 8] = ["survey", "scan", "sweep", "intake", "react", "archive", "confirm", "reconcile"];

fn faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let mut faults = Vec::new();
    if stack.properties("EventBus")["Name"] != "lethe-events" {
        faults.push(format!("the bus is called {}", stack.properties("EventBus")["Name"]));
    }
    if template["Outputs"]["EventBus"]["Value"] != json!({"Ref": "EventBus"}) {
        faults.push("the outputs do not say EventBus".to_owned());
    }
    // A policy of the bus, or a rule on it, is for those who listen; here it could only let others speak, or loop.
    for kind in ["AWS::Events::EventBusPolicy", "AWS::Events::Rule"] {
        faults.extend(stack.of_type(kind).map(|(id, _)| format!("{id} is for those who listen")));
    }
    for name in FUNCTIONS {
        let announces = ANNOUNCE.contains(&name);
        let (id, function) = function_of(&stack, name);
        let variables = &function["Environment"]["Variables"];
        let setting = members(variables).find(|(variable, _)| *variable == "LETHE_EVENT_BUS");
        if setting.map(|(_, value)| value) != announces.then_some(&json!("lethe-events")) {
            faults.push(format!("{id} is told the bus: {setting:?}"));
        }
        let statements = statements_of(&stack, &id.replace("Function", "Role"));
        let put = |bus: &str, source: &str| {
            let request = Request::new("events:PutEvents", bus);
            allowed(&statements, &request.with("events:source", &[source]))
        };
        if put(BUS, "lethe") != announces {
            faults.push(format!("{id} may announce: {}", !announces));
        }
        if put(BUS, "aws.lethe") || put(BUS, "lethe2") {
            faults.push(format!("{id} may announce in another's name"));
        }
        if put(&BUS.replace("lethe-events", "default"), "lethe") {
            faults.push(format!("{id} may announce on another bus"));
        }
        if allowed(&statements, &Request::new("events:PutEvents", BUS)) {
            faults.push(format!("{id} may announce in nobody's name"));
        }
    }
    faults
}

fn function_of<'a>(stack: &'a Stack, name: &str) -> (&'a str, &'a Value) {
    let full = format!("lethe-{name}");
    let mut functions = stack.of_type("AWS::Serverless::Function");
    let (id, function) = functions.find(|(_, one)| one["Properties"]["FunctionName"] == *full).unwrap();
    (id, &function["Properties"])
}

#[test]
fn what_is_on_record_is_announced() {
    sound(&faults(&template()));
}

#[test]
fn a_silent_function_is_caught() {
    let spoiled = without("/Resources/SweepFunction/Properties/Environment/Variables/LETHE_EVENT_BUS");
    caught(&faults(&spoiled), "SweepFunction is told the bus: None");
    let spoiled =
        with("/Resources/ConfirmFunction/Properties/Environment/Variables/LETHE_EVENT_BUS", json!("default"));
    caught(&faults(&spoiled), "ConfirmFunction is told the bus: Some");
    let spoiled = with("/Resources/ReactRole/Properties/Policies/0/PolicyDocument/Statement", json!([]));
    caught(&faults(&spoiled), "ReactFunction may announce: false");
    caught(&faults(&without("/Outputs/EventBus")), "the outputs do not say EventBus");
    caught(&faults(&with("/Resources/EventBus/Properties/Name", json!("lethe"))), "the bus is called");
}

#[test]
fn another_voice_is_caught() {
    let announce = |role: &str, resource: &str, condition: Value| {
        let statement = json!({
            "Effect": "Allow", "Action": "events:PutEvents", "Resource": resource, "Condition": condition,
        });
        faults(&with_statement(role, statement))
    };
    let lethe = json!({"StringEquals": {"events:source": "lethe"}});
    caught(&announce("ExpireRole", BUS, lethe.clone()), "ExpireFunction may announce: true");
    let default = BUS.replace("lethe-events", "default");
    caught(&announce("ScanRole", &default, lethe), "ScanFunction may announce on another bus");
    caught(&announce("ScanRole", BUS, json!({})), "ScanFunction may announce in nobody's name");
    let vague = json!({"StringLike": {"events:source": "*lethe*"}});
    caught(&announce("ScanRole", BUS, vague), "ScanFunction may announce in another's name");
    let mut spoiled = template();
    spoiled["Resources"]["Open"] = json!({"Type": "AWS::Events::EventBusPolicy", "Properties": {}});
    caught(&faults(&spoiled), "Open is for those who listen");
}
