//! The classes of callers: each has a queue of its own, and whoever may send to one may do nothing else by that.

use serde_json::{Value, json};

use super::iam::{Request, Statement, allowed, denied, parse};
use super::stack::{Stack, number};
use super::{caught, sound, template, with, without};

/// What a class's queue is called after, and its logical ids.
const CLASSES: [(&str, &str); 3] = [("issuer", "Issuer"), ("tenant", "Tenant"), ("operator", "Operator")];

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/Key";
const INTAKE: &str = "arn:aws:lambda:eu-central-1:111122223333:function:lethe-intake";

/// What a sender needs, SQS's use of the key included; and the URL of a queue whose name it was told.
const SENDS: [&str; 2] = ["sqs:SendMessage", "sqs:GetQueueUrl"];

/// What reads, changes or removes messages or the queue.
const FORBIDDEN: [&str; 7] = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:PurgeQueue",
    "sqs:SetQueueAttributes",
    "sqs:AddPermission",
    "sqs:StartMessageMoveTask",
];

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:eu-central-1:111122223333:lethe-{name}")
}

/// Intake reads one queue a class, of that class's name, and all are alike; nobody speaks to them in the clear.
fn queue_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let mut faults = Vec::new();
    let events = stack.events("SQS");
    let mut read: Vec<&str> = events
        .iter()
        .filter(|(function, _)| *function == "IntakeFunction")
        .filter_map(|(_, mapping)| mapping["Queue"].as_str())
        .collect();
    read.sort_unstable();
    let mut expected = CLASSES.map(|(class, _)| queue_arn(&format!("intake-{class}")));
    expected.sort_unstable();
    if read != expected {
        faults.push(format!("intake reads {read:?}"));
    }
    for (class, name) in CLASSES {
        let queue = stack.properties(&format!("Intake{name}Queue"));
        // The handler takes the class from here.
        if queue["QueueName"] != format!("lethe-intake-{class}") {
            faults.push(format!("the queue of the class {class} is called {}", queue["QueueName"]));
        }
        let dlq = queue_arn(&format!("intake-{class}-dlq"));
        if queue["RedrivePolicy"]["deadLetterTargetArn"] != *dlq {
            faults.push(format!("dead letters of the class {class} are mixed with others"));
        }
        if alike(queue) != alike(stack.properties("IntakeIssuerQueue")) {
            faults.push(format!("the queue of the class {class} is unlike the others"));
        }
        faults.extend(clear_faults(&stack, class));
    }
    faults
}

/// A queue without what tells it from the other classes'.
fn alike(queue: &Value) -> Value {
    let mut queue = queue.clone();
    queue["QueueName"] = Value::Null;
    queue["RedrivePolicy"]["deadLetterTargetArn"] = Value::Null;
    queue
}

fn clear_faults(stack: &Stack, class: &str) -> Option<String> {
    let url = format!("https://sqs.eu-central-1.amazonaws.com/111122223333/lethe-intake-{class}");
    let policies = stack.of_type("AWS::SQS::QueuePolicy").map(|(_, policy)| &policy["Properties"]);
    let own = policies.filter(|policy| policy["Queues"] == json!([url]));
    let statements: Vec<Statement> = own.flat_map(|policy| parse(&policy["PolicyDocument"])).collect();
    let request = Request::new("sqs:SendMessage", &queue_arn(&format!("intake-{class}")));
    let refused = denied(&statements, &request.with("aws:SecureTransport", &["false"]));
    (!refused).then(|| format!("the queue of the class {class} answers in the clear"))
}

/// The three queues take no more of intake's concurrency than is reserved for it, and leave some for the URL.
fn share_faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for reserved in template["Parameters"]["ReservedConcurrency"]["AllowedValues"].as_array().unwrap() {
        let reserved = reserved.as_str().unwrap();
        let stack = Stack::new(template, &[("ReservedConcurrency", reserved)]);
        let events = stack.events("SQS");
        let intakes = events.iter().filter(|(function, _)| *function == "IntakeFunction");
        let most = intakes.map(|(_, mapping)| number(&mapping["ScalingConfig"]["MaximumConcurrency"]));
        let most: Vec<i64> = most.map(Option::unwrap_or_default).collect();
        if most.iter().any(|&most| most < 2) {
            faults.push(format!("a queue polls with {most:?}, fewer than Lambda takes ({reserved})"));
        }
        let reserved = number(&json!(reserved)).unwrap_or(0);
        if reserved != 0 && reserved <= most.iter().sum() {
            faults.push(format!("the queues poll with {most:?}, and {reserved} are reserved for all"));
        }
    }
    faults
}

/// Each class's policy lets its holder send to that class's queue, and nothing else.
fn sender_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let mut faults = Vec::new();
    for (class, name) in CLASSES {
        let id = format!("SendAs{name}");
        let properties = stack.properties(&id);
        if properties["ManagedPolicyName"] != format!("lethe-send-as-{class}-eu-central-1") {
            faults.push(format!("{id} is called {}", properties["ManagedPolicyName"]));
        }
        let statements = parse(&properties["PolicyDocument"]);
        let own = queue_arn(&format!("intake-{class}"));
        for action in SENDS {
            if !allowed(&statements, &Request::new(action, &own)) {
                faults.push(format!("{id} cannot {action}"));
            }
            for (queue, _) in stack.of_type("AWS::SQS::Queue") {
                let other = stack.properties(queue)["QueueName"].as_str().unwrap_or_default();
                let other = queue_arn(other.trim_start_matches("lethe-"));
                if other != own && statements.iter().any(|one| one.may_allow(action, &other)) {
                    faults.push(format!("{id} may {action} to {queue}"));
                }
            }
        }
        faults.extend(excess(&id, &statements, &SENDS, &["kms:Decrypt", "kms:GenerateDataKey"]));
        for action in FORBIDDEN.iter().filter(|action| statements.iter().any(|it| it.may_allow(action, &own)))
        {
            faults.push(format!("{id} may {action}"));
        }
        for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
            let through = |service: &str| {
                let via = format!("{service}.eu-central-1.amazonaws.com");
                allowed(&statements, &Request::new(action, KEY).with("kms:ViaService", &[&via]))
            };
            if !through("sqs") {
                faults.push(format!("{id} cannot {action} through SQS"));
            }
            if through("dynamodb") || through("s3") || allowed(&statements, &Request::new(action, KEY)) {
                faults.push(format!("{id} may {action} beyond SQS"));
            }
        }
    }
    faults
}

/// Who posts commands reaches the function by its URL, which says who they are, and in no other way.
fn poster_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let statements = parse(&stack.properties("PostCommands")["PolicyDocument"]);
    let invoke = Request::new("lambda:InvokeFunction", INTAKE);
    let mut faults =
        excess("PostCommands", &statements, &["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"], &[]);
    if !allowed(&statements, &Request::new("lambda:InvokeFunctionUrl", INTAKE))
        || !allowed(&statements, &invoke.clone().with("lambda:InvokedViaFunctionUrl", &["true"]))
    {
        faults.push("PostCommands cannot call the URL".to_owned());
    }
    if allowed(&statements, &invoke)
        || allowed(&statements, &invoke.with("lambda:InvokedViaFunctionUrl", &["false"]))
    {
        faults.push("PostCommands may invoke the function with an event of its own making".to_owned());
    }
    faults
}

/// The actions that these statements name beyond what was agreed.
fn excess(id: &str, statements: &[Statement], agreed: &[&str], more: &[&str]) -> Vec<String> {
    let named = statements.iter().flat_map(Statement::actions);
    let odd = named.filter(|action| !agreed.contains(&action.as_str()) && !more.contains(&action.as_str()));
    odd.map(|action| format!("{id} names {action}")).collect()
}

/// A deployer finds the queues and the policies among the outputs.
fn output_faults(template: &Value) -> Vec<String> {
    let mut wanted = vec![("PostCommands".to_owned(), "PostCommands".to_owned())];
    for (_, name) in CLASSES {
        wanted.push((format!("SendAs{name}"), format!("SendAs{name}")));
        wanted.push((format!("Intake{name}QueueUrl"), format!("Intake{name}Queue")));
        wanted.push((format!("Intake{name}DlqUrl"), format!("Intake{name}Dlq")));
    }
    let missing =
        wanted.into_iter().filter(|(output, id)| template["Outputs"][output]["Value"] != json!({"Ref": id}));
    missing.map(|(output, _)| format!("the outputs do not say {output}")).collect()
}

#[test]
fn every_class_has_a_queue_of_its_own() {
    sound(&queue_faults(&template()));
}

#[test]
fn the_queues_share_what_is_reserved() {
    sound(&share_faults(&template()));
}

#[test]
fn a_sender_sends_and_no_more() {
    sound(&sender_faults(&template()));
}

#[test]
fn a_poster_comes_by_the_url() {
    sound(&poster_faults(&template()));
}

#[test]
fn the_outputs_name_queues_and_policies() {
    sound(&output_faults(&template()));
}

#[test]
fn a_mixed_class_is_caught() {
    let name = "/Resources/IntakeTenantQueue/Properties/QueueName";
    caught(
        &queue_faults(&with(name, json!({"Fn::Sub": "${AWS::StackName}-intake-issuers"}))),
        "the queue of the class tenant is called",
    );
    let mapping = "/Resources/IntakeFunction/Properties/Events/OperatorMessages";
    caught(&queue_faults(&without(mapping)), "intake reads");
    let spoiled =
        with(&format!("{mapping}/Properties/Queue"), json!({"Fn::GetAtt": ["IntakeTenantQueue", "Arn"]}));
    caught(&queue_faults(&spoiled), "intake reads");
    let redrive = "/Resources/IntakeOperatorQueue/Properties/RedrivePolicy";
    let spoiled =
        with(&format!("{redrive}/deadLetterTargetArn"), json!({"Fn::GetAtt": ["IntakeTenantDlq", "Arn"]}));
    caught(&queue_faults(&spoiled), "dead letters of the class operator are mixed");
    caught(&queue_faults(&with(&format!("{redrive}/maxReceiveCount"), json!(5))), "operator is unlike");
    caught(&queue_faults(&without("/Resources/IntakeTenantQueuePolicy")), "tenant answers in the clear");
}

#[test]
fn pollers_beyond_what_is_reserved_are_caught() {
    caught(&share_faults(&with("/Mappings/IntakePollers/20/EachQueue", json!(7))), "20 are reserved");
    caught(&share_faults(&with("/Mappings/IntakePollers/10/EachQueue", json!(1))), "fewer than Lambda takes");
    let place = "/Resources/IntakeFunction/Properties/Events/IssuerMessages/Properties/ScalingConfig/MaximumConcurrency";
    caught(&share_faults(&with(place, json!({"Ref": "ReservedConcurrency"}))), "100 are reserved");
}

#[test]
fn a_sender_of_another_class_is_caught() {
    let statement = "/Resources/SendAsTenant/Properties/PolicyDocument/Statement";
    let operator = json!({"Fn::GetAtt": ["IntakeOperatorQueue", "Arn"]});
    let spoiled = with(&format!("{statement}/0/Resource"), operator);
    caught(&sender_faults(&spoiled), "SendAsTenant cannot sqs:SendMessage");
    caught(&sender_faults(&spoiled), "SendAsTenant may sqs:SendMessage to IntakeOperatorQueue");
    let spoiled = with(&format!("{statement}/0/Action"), json!("sqs:*"));
    caught(&sender_faults(&spoiled), "SendAsTenant may sqs:ReceiveMessage");
    caught(&sender_faults(&spoiled), "SendAsTenant names sqs:*");
    caught(&sender_faults(&without(&format!("{statement}/1/Condition"))), "may kms:Decrypt beyond SQS");
    let spoiled = with(&format!("{statement}/1/Action"), json!("kms:GenerateDataKey"));
    caught(&sender_faults(&spoiled), "SendAsTenant cannot kms:Decrypt");
    let spoiled = with("/Resources/SendAsTenant/Properties/ManagedPolicyName", json!("send"));
    caught(&sender_faults(&spoiled), "SendAsTenant is called");
}

#[test]
fn a_made_up_event_is_caught() {
    let statement = "/Resources/PostCommands/Properties/PolicyDocument/Statement";
    caught(&poster_faults(&without(&format!("{statement}/1/Condition"))), "of its own making");
    let spoiled = with(&format!("{statement}/1/Action"), json!("lambda:GetFunction"));
    caught(&poster_faults(&spoiled), "PostCommands cannot call the URL");
    caught(&poster_faults(&spoiled), "PostCommands names lambda:GetFunction");
}

#[test]
fn a_missing_output_is_caught() {
    for output in ["IntakeIssuerQueueUrl", "IntakeTenantDlqUrl", "SendAsOperator", "PostCommands"] {
        caught(&output_faults(&without(&format!("/Outputs/{output}"))), output);
    }
}
