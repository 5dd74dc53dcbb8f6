//! What the other policies keep from happening: reading the archive, changing the audit, an open bucket.

use serde_json::{Value, json};

use super::iam::{Request, Statement, allowed, denied, parse, statements_of};
use super::stack::Stack;
use super::{FUNCTIONS, caught, sound, template, with, with_statement, without};

const AUDIT: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/lethe-audit";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/Key";
const OBJECT: &str = "arn:aws:s3:::lethe-archive-111122223333-eu-central-1/r30/2026-01-31/00.ndjson.zst";
const BREAK_GLASS: &str = "arn:aws:iam::111122223333:role/lethe-break-glass-eu-central-1";

fn role_of(function: &str) -> String {
    let (first, rest) = function.split_at(1);
    format!("{}{rest}Role", first.to_ascii_uppercase())
}

fn acting(template: &Value) -> Stack {
    Stack::new(template, &[("Mode", "act")])
}

/// The audit only grows, whatever the mode.
fn audit_faults(template: &Value) -> Vec<String> {
    let stack = acting(template);
    let mut faults = Vec::new();
    for (role, _) in stack.of_type("AWS::IAM::Role") {
        let statements = statements_of(&stack, role);
        for action in
            ["UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLUpdate", "PartiQLDelete", "DeleteTable"]
        {
            let action = format!("dynamodb:{action}");
            if statements.iter().any(|one| one.may_allow(&action, AUDIT)) {
                faults.push(format!("{role} may {action} the audit"));
            }
        }
    }
    let writers = FUNCTIONS.iter().filter(|&&function| {
        allowed(&statements_of(&stack, &role_of(function)), &Request::new("dynamodb:PutItem", AUDIT))
    });
    let writers: Vec<&str> = writers.copied().collect();
    if writers != ["survey", "scan", "sweep", "intake", "react", "archive", "confirm", "reconcile"] {
        faults.push(format!("these write the audit: {writers:?}"));
    }
    faults
}

fn policy(stack: &Stack, id: &str) -> Vec<Statement> {
    parse(&stack.properties(id)["PolicyDocument"])
}

/// The archive is written once, under lock, and read by the break-glass role alone.
fn archive_faults(template: &Value) -> Vec<String> {
    let stack = acting(template);
    let bucket = policy(&stack, "ArchivePolicy");
    let mut faults = Vec::new();
    let by = |action: &str, who: &str| {
        Request::new(action, OBJECT).with("aws:PrincipalArn", &[who]).with("aws:SecureTransport", &["true"])
    };
    for action in ["GetObject", "GetObjectVersion", "RestoreObject", "BypassGovernanceRetention"] {
        let action = format!("s3:{action}");
        if !denied(&bucket, &by(&action, "arn:aws:iam::111122223333:role/ArchiveRole")) {
            faults.push(format!("the bucket lets anyone {action}"));
        }
        if action != "s3:RestoreObject"
            && (denied(&bucket, &by(&action, BREAK_GLASS))
                || !allowed(&statements_of(&stack, "BreakGlassRole"), &by(&action, BREAK_GLASS)))
        {
            faults.push(format!("the break-glass role cannot {action}"));
        }
        for function in FUNCTIONS {
            let statements = statements_of(&stack, &role_of(function));
            if statements.iter().any(|one| one.may_allow(&action, OBJECT)) {
                faults.push(format!("{function} may {action} from the archive"));
            }
        }
    }
    faults.extend(put_faults(&bucket));
    let archiver = statements_of(&stack, "ArchiveRole");
    for action in ["s3:PutObject", "s3:PutObjectRetention", "s3:PutObjectLegalHold"] {
        if !allowed(&archiver, &Request::new(action, OBJECT)) {
            faults.push(format!("archive cannot {action}"));
        }
    }
    let decrypt = |via: &str| {
        let via = format!("{via}.eu-central-1.amazonaws.com");
        allowed(&archiver, &Request::new("kms:Decrypt", KEY).with("kms:ViaService", &[&via]))
    };
    if decrypt("s3") || allowed(&archiver, &Request::new("kms:Decrypt", KEY)) {
        faults.push("archive may decrypt what it archived".to_owned());
    }
    if !decrypt("dynamodb") {
        faults.push("archive cannot read the stream".to_owned());
    }
    faults
}

/// A request as archive makes it, and what must not pass beside it.
fn put_faults(bucket: &[Statement]) -> Vec<String> {
    let bare = || {
        Request::new("s3:PutObject", OBJECT)
            .with("aws:PrincipalArn", &["arn:aws:iam::111122223333:role/ArchiveRole"])
            .with("aws:SecureTransport", &["true"])
            .with("s3:ObjectCreationOperation", &["true"])
    };
    let once = || bare().with("s3:if-none-match", &["*"]);
    let locked = |mode: &str, days: &str| {
        once().with("s3:object-lock-mode", &[mode]).with("s3:object-lock-remaining-retention-days", &[days])
    };
    let cases = [
        (locked("GOVERNANCE", "30"), false, "a locked object"),
        (once().with("s3:object-lock-legal-hold", &["ON"]), false, "a held object"),
        (once(), true, "an object without a lock"),
        (bare().with("s3:object-lock-mode", &["GOVERNANCE"]), true, "a second version"),
        (locked("COMPLIANCE", "30"), true, "a lock that nobody asked for"),
        (locked("GOVERNANCE", "3650"), true, "a lock for ten years"),
        (locked("GOVERNANCE", "30").with("aws:SecureTransport", &["false"]), true, "an object in the clear"),
    ];
    let wrong = cases.iter().filter(|(request, expected, _)| denied(bucket, request) != *expected);
    wrong
        .map(|(_, expected, what)| {
            format!("the bucket {} {what}", if *expected { "takes" } else { "refuses" })
        })
        .collect()
}

/// Every bucket refuses what comes in the clear.
fn transport_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let mut faults = Vec::new();
    for (id, bucket) in stack.of_type("AWS::S3::Bucket") {
        let name = bucket["Properties"]["BucketName"].as_str().unwrap_or_default();
        let policies = stack.of_type("AWS::S3::BucketPolicy").map(|(_, policy)| &policy["Properties"]);
        let own = policies.filter(|policy| policy["Bucket"] == *name);
        let statements: Vec<_> = own.flat_map(|policy| parse(&policy["PolicyDocument"])).collect();
        for resource in [format!("arn:aws:s3:::{name}"), format!("arn:aws:s3:::{name}/a")] {
            let request = Request::new("s3:GetObject", &resource).with("aws:SecureTransport", &["false"]);
            let request = request.with("aws:PrincipalArn", &[BREAK_GLASS]);
            if !denied(&statements, &request) {
                faults.push(format!("{id} answers in the clear"));
            }
        }
    }
    faults
}

#[test]
fn the_audit_only_grows() {
    sound(&audit_faults(&template()));
}

#[test]
fn the_archive_is_written_once_and_read_by_nobody() {
    sound(&archive_faults(&template()));
}

#[test]
fn buckets_speak_tls_only() {
    sound(&transport_faults(&template()));
}

#[test]
fn a_write_to_the_audit_is_caught() {
    let spoiled = with_statement(
        "ConfirmRole",
        json!({"Effect": "Allow", "Action": "dynamodb:Update*", "Resource": {"Fn::GetAtt": ["AuditTable", "Arn"]}}),
    );
    caught(&audit_faults(&spoiled), "ConfirmRole may dynamodb:UpdateItem the audit");
}

#[test]
fn a_reader_of_the_archive_is_caught() {
    let object = json!({"Fn::Sub": "${ArchiveBucket.Arn}/*"});
    let spoiled =
        with_statement("ConfirmRole", json!({"Effect": "Allow", "Action": "s3:Get*", "Resource": object}));
    caught(&archive_faults(&spoiled), "confirm may s3:GetObject from the archive");
    let spoiled = with_statement(
        "ArchiveRole",
        json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": {"Fn::GetAtt": ["Key", "Arn"]}}),
    );
    caught(&archive_faults(&spoiled), "archive may decrypt");
}

#[test]
fn an_open_archive_is_caught() {
    let statements = "/Resources/ArchivePolicy/Properties/PolicyDocument/Statement";
    let spoiled = with(statements, json!([]));
    let faults = archive_faults(&spoiled);
    for words in
        ["anyone s3:GetObject", "a second version", "without a lock", "nobody asked for", "ten years"]
    {
        caught(&faults, words);
    }
    caught(&transport_faults(&spoiled), "ArchiveBucket answers in the clear");
    let spoiled = without("/Resources/WorkPolicy/Properties/PolicyDocument/Statement");
    caught(&transport_faults(&spoiled), "WorkBucket answers in the clear");
}
