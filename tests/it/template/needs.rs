//! What each function must be allowed to do its work. The local cloud enforces no policy, so that a permission too
//! few would first be missed in an account.

use serde_json::{Value, json};

use super::iam::{Request, allowed, statements_of};
use super::stack::Stack;
use super::{caught, sound, template, with};

/// What a role needs: actions on one resource. Its keys hang on the service that the resource belongs to.
type Need = (&'static str, &'static str, &'static [&'static str]);

const LOGS: &[&str] = &["logs:CreateLogStream", "logs:PutLogEvents"];
const READ: &[&str] = &["dynamodb:GetItem", "dynamodb:Query"];
const READ_ROWS: &[&str] = &["dynamodb:GetItem", "dynamodb:BatchGetItem"];
const FIND: &[&str] = &["dynamodb:Query"];
const WRITE: &[&str] = &["dynamodb:PutItem", "dynamodb:UpdateItem"];
const KEEP: &[&str] = &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];
const ADD: &[&str] = &["dynamodb:PutItem"];
const ANNOUNCE: &[&str] = &["events:PutEvents"];
const GET: &[&str] = &["s3:GetObject"];
const PUT: &[&str] = &["s3:PutObject"];
const LIST: &[&str] = &["s3:ListBucket"];
const VERSIONS: &[&str] = &["s3:ListBucketVersions"];
const SEND: &[&str] = &["sqs:SendMessage"];
const RECEIVE: &[&str] = &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
const STREAM: &[&str] = &["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"];
const LOCK: &[&str] = &["s3:PutObject", "s3:PutObjectRetention", "s3:PutObjectLegalHold"];
const UNLOCKED: &[&str] = &["s3:GetObjectRetention", "s3:GetObjectLegalHold", "s3:DeleteObjectVersion"];

/// (function, resource, actions). A control key stands behind `control/`. Of the kill switch each key has two items,
/// `pause` and `ended`, which no policy can tell apart: no condition key sees the sort key.
const NEEDS: &[Need] = &[
    ("Survey", "control/config", READ),
    ("Survey", "control/pause", READ),
    ("Survey", "control/pause#acme", READ),
    ("Survey", "control/run#acme", READ),
    ("Survey", "control/done#acme#1-01", READ),
    ("Survey", "control/accepted#acme", FIND),
    ("Survey", "control/run#acme", WRITE),
    ("Survey", "control/tenant#acme", WRITE),
    ("Survey", "control/approval#acme", FIND),
    ("Survey", "control/backlog#acme", READ),
    ("Survey", "control/backlog#acme", WRITE),
    ("Survey", "audit", ADD),
    ("Survey", "events", ANNOUNCE),
    ("Survey", "work", LIST),
    ("Survey", "work/manifests/acme/1-01/000001.json", GET),
    ("Survey", "work/manifests/acme/1-01/000001.json", PUT),
    ("Survey", "work/marks/acme/1-01/index-0001", PUT),
    ("Survey", "scan", SEND),
    ("Survey", "sweep", SEND),
    ("Survey", "ticks-dlq", SEND),
    ("Scan", "control/config", READ),
    ("Scan", "control/tenant#acme", READ),
    ("Scan", "control/canary#acme", FIND),
    ("Scan", "control/accepted#acme", FIND),
    ("Scan", "control/run#acme", READ),
    ("Scan", "control/done#acme#1-01", READ),
    ("Scan", "control/run#acme", WRITE),
    ("Scan", "control/done#acme#1-01", WRITE),
    ("Scan", "audit", ADD),
    ("Scan", "events", ANNOUNCE),
    ("Scan", "work", LIST),
    ("Scan", "work/manifests/acme/1-01/000001.json", GET),
    ("Scan", "work/marks/acme/1-01/000001-0000", GET),
    ("Scan", "work/marks/acme/1-01/000001-0000", PUT),
    ("Scan", "scan", RECEIVE),
    ("Scan", "scan", SEND),
    ("Sweep", "vault", READ),
    ("Sweep", "vault", READ_ROWS),
    ("Sweep", "control/config", READ),
    ("Sweep", "control/tenant#acme", READ),
    ("Sweep", "control/canary#acme", FIND),
    ("Sweep", "control/reads#acme", FIND),
    ("Sweep", "control/accepted#acme", FIND),
    ("Sweep", "control/run#acme", READ),
    ("Sweep", "control/done#acme#1-01", READ),
    ("Sweep", "control/lease#acme#1-01", READ),
    ("Sweep", "control/pause", READ),
    ("Sweep", "control/pause#acme", READ),
    ("Sweep", "control/run#acme", WRITE),
    ("Sweep", "control/done#acme#1-01", WRITE),
    ("Sweep", "control/lease#acme#1-01", WRITE),
    ("Sweep", "control/lease#acme#1-01", &["dynamodb:ConditionCheckItem"]),
    ("Sweep", "control/tenant#acme", WRITE),
    ("Sweep", "control/backlog#acme", READ),
    ("Sweep", "control/backlog#acme", WRITE),
    ("Sweep", "audit", ADD),
    ("Sweep", "events", ANNOUNCE),
    ("Sweep", "work", LIST),
    ("Sweep", "work/marks/acme/1-01/index-0001", GET),
    ("Sweep", "work/plans/acme/1-01/index", GET),
    ("Sweep", "work/plans/acme/1-01/index", PUT),
    ("Sweep", "work/candidates/acme/1-01/0001", GET),
    ("Sweep", "work/candidates/acme/1-01/0001", PUT),
    ("Sweep", "work/counts/acme/1-01/0001-0000", GET),
    ("Sweep", "work/counts/acme/1-01/0001-0000", PUT),
    ("Sweep", "sweep", RECEIVE),
    ("Sweep", "sweep", SEND),
    ("Expire", "vault", READ),
    ("Expire", "vault", READ_ROWS),
    ("Expire", "vault/index/due", FIND),
    ("Expire", "vault/index/owner", FIND),
    ("Expire", "control/config", READ),
    ("Expire", "control/pause", READ),
    ("Expire", "control/pause#acme", READ),
    ("Expire", "control/budget#acme", READ),
    ("Expire", "control/approval#acme", READ),
    ("Expire", "control/idle#acme", WRITE),
    ("Expire", "control/run#acme", FIND),
    ("Expire", "control/reads#acme", FIND),
    ("Expire", "ticks-dlq", SEND),
    ("Intake", "vault", READ),
    ("Intake", "vault", READ_ROWS),
    ("Intake", "vault/index/owner", FIND),
    ("Intake", "control/config", READ),
    ("Intake", "control/tenant#acme", READ),
    ("Intake", "control/pause", READ),
    ("Intake", "control/pause#acme", READ),
    ("Intake", "control/count#acme", READ),
    ("Intake", "control/fanout#acme", READ),
    ("Intake", "control/fanout#acme", KEEP),
    ("Intake", "control/answer#acme#k-1", READ),
    ("Intake", "control/answer#acme#k-1", KEEP),
    ("Intake", "control/budget#acme", READ),
    ("Intake", "control/budget#acme", KEEP),
    ("Intake", "control/ledger#acme#0001#00ff", READ),
    ("Intake", "control/ledger#acme#0001#00ff", KEEP),
    ("Intake", "control/run#acme", READ),
    ("Intake", "control/lateuse#acme", WRITE),
    ("Intake", "control/regret#acme", READ),
    ("Intake", "control/regret#acme", WRITE),
    ("Intake", "control/pause#acme", WRITE),
    ("Intake", "control/reads#acme", WRITE),
    ("Intake", "audit", ADD),
    ("Intake", "audit", FIND),
    ("Intake", "events", ANNOUNCE),
    ("Intake", "intake-issuer", RECEIVE),
    ("Intake", "intake-tenant", RECEIVE),
    ("Intake", "intake-operator", RECEIVE),
    ("React", "vault/stream/2026-01-31T00:00:00.000", STREAM),
    ("React", "vault", READ_ROWS),
    ("React", "control/regret#acme", WRITE),
    ("React", "vault/index/owner", FIND),
    ("React", "control/config", READ),
    ("React", "control/run#acme", READ),
    ("React", "control/tenant#acme", READ),
    ("React", "control/pause", READ),
    ("React", "control/pause#acme", READ),
    ("React", "audit", ADD),
    ("React", "events", ANNOUNCE),
    ("React", "failed/records/1", PUT),
    ("React", "failed", LIST),
    ("Archive", "vault/stream/2026-01-31T00:00:00.000", STREAM),
    ("Archive", "vault", READ_ROWS),
    ("Archive", "control/config", READ),
    ("Archive", "control/tenant#acme", READ),
    ("Archive", "audit", ADD),
    ("Archive", "events", ANNOUNCE),
    ("Archive", "archive/r7/2026-01-31/00.ndjson.zst", LOCK),
    ("Archive", "archive", VERSIONS),
    ("Archive", "failed/records/1", PUT),
    ("Archive", "failed", LIST),
    ("Confirm", "archive", VERSIONS),
    ("Confirm", "audit", &["dynamodb:PutItem", "dynamodb:Query"]),
    ("Confirm", "events", ANNOUNCE),
    ("Confirm", "purged", RECEIVE),
    ("Reconcile", "vault", READ),
    ("Reconcile", "vault", READ_ROWS),
    ("Reconcile", "vault/index/owner", FIND),
    ("Reconcile", "control/config", READ),
    ("Reconcile", "control/accepted#acme", FIND),
    ("Reconcile", "control/run#acme", READ),
    ("Reconcile", "control/done#acme#1-01", READ),
    ("Reconcile", "control/pause", READ),
    ("Reconcile", "control/pause#acme", READ),
    ("Reconcile", "control/run#acme", WRITE),
    ("Reconcile", "control/walk", READ),
    ("Reconcile", "control/walk", WRITE),
    ("Reconcile", "control/undo#acme", READ),
    ("Reconcile", "control/undo#acme", WRITE),
    ("Reconcile", "control/lease#acme#1-01", READ),
    ("Reconcile", "work/plans/acme/1-01/index", GET),
    ("Reconcile", "control/fanout#acme", READ),
    ("Reconcile", "control/fanout#acme", KEEP),
    ("Reconcile", "control/answer#acme#k-1", READ),
    ("Reconcile", "control/answer#acme#k-1", KEEP),
    ("Reconcile", "control/budget#acme", READ),
    ("Reconcile", "control/budget#acme", KEEP),
    ("Reconcile", "control/count#acme", READ),
    ("Reconcile", "control/count#acme", KEEP),
    ("Reconcile", "audit", ADD),
    ("Reconcile", "events", ANNOUNCE),
    ("Reconcile", "archive", VERSIONS),
    ("Reconcile", "archive", LIST),
    ("Reconcile", "archive/r7/2026-01-31/00.ndjson.zst", UNLOCKED),
    ("Reconcile", "work/marks/acme/1-01/000001-0000", GET),
    ("Reconcile", "work/marks/acme/1-01/index-0001", PUT),
    ("Reconcile", "scan", SEND),
    ("Reconcile", "sweep", SEND),
    ("Reconcile", "ticks-dlq", SEND),
];

/// A need as a request: the resource's ARN and the keys that the service would fill in.
fn request(resource: &str, action: &str) -> Request {
    let (name, rest) =
        resource.split_once('/').map_or((resource, String::new()), |(name, rest)| (name, format!("/{rest}")));
    match name {
        "control" => {
            let table = "arn:aws:dynamodb:eu-central-1:111122223333:table/lethe-control";
            Request::new(action, table).with("dynamodb:LeadingKeys", &[rest.trim_start_matches('/')])
        }
        "vault" | "audit" => Request::new(
            action,
            &format!("arn:aws:dynamodb:eu-central-1:111122223333:table/lethe-{name}{rest}"),
        ),
        "archive" | "work" | "failed" => {
            Request::new(action, &format!("arn:aws:s3:::lethe-{name}-111122223333-eu-central-1{rest}"))
        }
        "events" => {
            let bus = "arn:aws:events:eu-central-1:111122223333:event-bus/lethe-events";
            Request::new(action, bus).with("events:source", &["lethe"])
        }
        queue => Request::new(action, &format!("arn:aws:sqs:eu-central-1:111122223333:lethe-{queue}")),
    }
}

/// The key must be usable through every service whose encrypted data the action touches.
fn key_requests(action: &str) -> Vec<Request> {
    let through = |action: &str, service: &str| {
        let key = "arn:aws:kms:eu-central-1:111122223333:key/Key";
        Request::new(action, key).with("kms:ViaService", &[&format!("{service}.eu-central-1.amazonaws.com")])
    };
    match action {
        "s3:GetObject" => vec![through("kms:Decrypt", "s3")],
        "s3:PutObject" => vec![through("kms:GenerateDataKey", "s3")],
        "sqs:SendMessage" => vec![through("kms:GenerateDataKey", "sqs"), through("kms:Decrypt", "sqs")],
        "sqs:ReceiveMessage" => vec![through("kms:Decrypt", "sqs")],
        other if other.starts_with("dynamodb:") => vec![through("kms:Decrypt", "dynamodb")],
        _ => Vec::new(),
    }
}

fn faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for mode in ["report", "act"] {
        let stack = Stack::new(template, &[("Mode", mode)]);
        for (function, resource, actions) in NEEDS {
            let statements = statements_of(&stack, &format!("{function}Role"));
            for action in *actions {
                let mut requests = key_requests(action);
                requests.push(request(resource, action));
                if requests.iter().any(|request| !allowed(&statements, request)) {
                    faults.push(format!("{function} cannot {action} {resource} in {mode} mode"));
                }
            }
        }
        for (id, function) in stack.of_type("AWS::Serverless::Function") {
            let name = function["Properties"]["FunctionName"].as_str().unwrap_or_default();
            let group = format!("arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/{name}:*");
            let statements = statements_of(&stack, &id.replace("Function", "Role"));
            if LOGS.iter().any(|action| !allowed(&statements, &Request::new(action, &group))) {
                faults.push(format!("{id} cannot write its logs"));
            }
            let target = format!("arn:aws:lambda:eu-central-1:111122223333:function:{name}");
            let wakes =
                allowed(&statements_of(&stack, "TickRole"), &Request::new("lambda:InvokeFunction", &target));
            if wakes != ["lethe-survey", "lethe-expire", "lethe-reconcile"].contains(&name) {
                faults.push(format!("the scheduler may wake {id}: {wakes}"));
            }
        }
    }
    faults
}

#[test]
fn every_function_may_do_its_work() {
    sound(&faults(&template()));
}

#[test]
fn a_permission_too_few_is_caught() {
    let policy = |role: &str| format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement");
    let faults_without = |role: &str| faults(&with(&policy(role), json!([])));
    caught(&faults_without("ScanRole"), "Scan cannot sqs:ReceiveMessage scan in report mode");
    caught(&faults_without("ConfirmRole"), "Confirm cannot dynamodb:Query audit in act mode");
    caught(&faults_without("ReactRole"), "ReactFunction cannot write its logs");
    caught(&faults_without("ReactRole"), "React cannot dynamodb:Query vault/index/owner in act mode");
    caught(&faults_without("ArchiveRole"), "Archive cannot dynamodb:GetItem vault in report mode");
    caught(&faults_without("IntakeRole"), "Intake cannot dynamodb:DeleteItem control/answer#acme#k-1");
    caught(&faults_without("IntakeRole"), "Intake cannot dynamodb:Query audit");
    caught(&faults_without("IntakeRole"), "Intake cannot sqs:ReceiveMessage intake-operator");
    caught(&faults_without("ReconcileRole"), "Reconcile cannot dynamodb:PutItem control/count#acme");
    caught(&faults_without("SurveyRole"), "Survey cannot events:PutEvents events");
    caught(&faults_without("TickRole"), "the scheduler may wake ExpireFunction: false");
}

#[test]
fn a_control_item_out_of_reach_is_caught() {
    for (role, lost) in [
        ("Survey", &["accepted#acme", "config", "pause", "pause#acme"][..]),
        ("Scan", &["accepted#acme", "canary#acme", "config", "tenant#acme"]),
        ("Sweep", &["accepted#acme", "canary#acme", "config", "reads#acme", "pause", "pause#acme"]),
        ("Expire", &["config", "reads#acme", "pause", "pause#acme"]),
        ("Intake", &["config", "tenant#acme", "pause", "pause#acme"]),
        ("React", &["config", "tenant#acme", "pause", "pause#acme"]),
        ("Archive", &["config", "tenant#acme"]),
        ("Reconcile", &["accepted#acme", "config", "walk", "pause", "pause#acme"]),
    ] {
        let mut spoiled = template();
        let place = format!("/Resources/{role}Role/Properties/Policies/0/PolicyDocument/Statement");
        let statements = spoiled.pointer_mut(&place).and_then(Value::as_array_mut).unwrap();
        let reads = statements.iter_mut().find(|one| one["Sid"] == "ReadControl").unwrap();
        reads["Condition"] = json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["run#*"]}});
        let faults = faults(&spoiled);
        for key in lost {
            caught(&faults, &format!("{role} cannot dynamodb:Query control/{key} in act mode"));
        }
    }
}

#[test]
fn a_key_out_of_reach_is_caught() {
    let mut spoiled = template();
    let statements =
        spoiled.pointer_mut("/Resources/IntakeRole/Properties/Policies/0/PolicyDocument/Statement");
    let statements = statements.and_then(Value::as_array_mut).unwrap();
    statements.retain(|statement| statement["Sid"] != "UseTheKey");
    caught(&faults(&spoiled), "Intake cannot dynamodb:PutItem audit");
}
