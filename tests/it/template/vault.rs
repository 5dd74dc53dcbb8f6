//! Who may change the vault. In `report` mode: nobody, but for the read stamp. In `act` mode: exactly those
//! whose work it is, which also shows that the check for `report` mode can see a permission.

use std::collections::BTreeSet;

use lethe_domain::row::RowVersion;
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::time::EpochMillis;
use lethe_domain::token::{ShardCount, TenantId};
use serde_json::{Value, json};

use super::iam::{Request, allowed, statements_of};
use super::stack::{Stack, members};
use super::{caught, sound, template, with, with_statement};

const VAULT: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/lethe-vault";

/// Everything that changes rows, or the table under them.
const WRITES: [&str; 22] = [
    "dynamodb:BatchWriteItem",
    "dynamodb:CreateTable",
    "dynamodb:CreateTableReplica",
    "dynamodb:DeleteItem",
    "dynamodb:DeleteResourcePolicy",
    "dynamodb:DeleteTable",
    "dynamodb:DeleteTableReplica",
    "dynamodb:ImportTable",
    "dynamodb:PartiQLDelete",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
    "dynamodb:PutItem",
    "dynamodb:PutResourcePolicy",
    "dynamodb:RestoreTableFromBackup",
    "dynamodb:RestoreTableToPointInTime",
    "dynamodb:TransactWriteItems",
    "dynamodb:UpdateContinuousBackups",
    "dynamodb:UpdateGlobalTable",
    "dynamodb:UpdateItem",
    "dynamodb:UpdateTable",
    "dynamodb:UpdateTableReplicaAutoScaling",
    "dynamodb:UpdateTimeToLive",
];

/// Every (role, write) that some statement grants on the vault in some context.
fn writers(stack: &Stack) -> BTreeSet<(String, &'static str)> {
    let mut found = BTreeSet::new();
    for (role, _) in stack.of_type("AWS::IAM::Role") {
        let statements = statements_of(stack, role);
        for write in WRITES {
            let targets = [VAULT.to_owned(), format!("{VAULT}/index/due"), format!("{VAULT}/stream/1")];
            if statements.iter().any(|one| targets.iter().any(|target| one.may_allow(write, target))) {
                found.insert((role.to_owned(), write));
            }
        }
    }
    found
}

/// The attributes of a subject's row that says everything it can.
fn subject_row() -> Vec<String> {
    let row = SubjectRow {
        version: RowVersion(1),
        cutoff_at: Some(EpochMillis(1)),
        cutoffs: [("refresh".to_owned(), EpochMillis(1))].into(),
        hold: Some("case-1".to_owned()),
    };
    let key = SubjectKey::new(&TenantId::new("acme").unwrap(), "u-17", ShardCount::new(16).unwrap());
    let stored = serde_json::to_value(row.to_stored(&key)).unwrap();
    members(&stored).map(|(name, _)| name.clone()).collect()
}

/// A put of a subject's row with these attributes beside its own.
fn put(others: &[&str]) -> Request {
    let own = subject_row();
    let named: Vec<&str> = own.iter().map(String::as_str).chain(others.iter().copied()).collect();
    Request::new("dynamodb:PutItem", VAULT).with("dynamodb:Attributes", &named)
}

fn update(attributes: &[&str]) -> Request {
    Request::new("dynamodb:UpdateItem", VAULT).with("dynamodb:Attributes", attributes)
}

/// In `report` mode only intake writes, only by `UpdateItem`, and only the read stamp.
fn report_faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for profile in ["production", "local"] {
        for scan in ["on", "off"] {
            let parameters = [("Mode", "report"), ("Profile", profile), ("Scan", scan)];
            let stack = Stack::new(template, &parameters);
            for (role, write) in writers(&stack) {
                if (role.as_str(), write) != ("IntakeRole", "dynamodb:UpdateItem") {
                    faults.push(format!("{role} may {write} the vault with {parameters:?}"));
                }
            }
            faults.extend(stamp_faults(&stack));
            if stack.properties("VaultTable")["TimeToLiveSpecification"]["Enabled"] != false {
                faults.push(format!("TTL removes rows with {parameters:?}"));
            }
        }
    }
    faults
}

/// What intake's one write lets through, and what it does not.
fn stamp_faults(stack: &Stack) -> Vec<String> {
    let statements = statements_of(stack, "IntakeRole");
    let stamp = ["pk", "sk", "last_read_at", "version"];
    let returning = |what| update(&stamp).with("dynamodb:ReturnValues", &[what]);
    let mut cases = vec![
        (update(&stamp), true, "the read stamp"),
        (returning("NONE"), true, "the read stamp, asking for nothing back"),
        (returning("ALL_NEW"), false, "an update that hands out the row"),
        (Request::new("dynamodb:UpdateItem", VAULT), false, "an update that names no attribute"),
    ];
    let others =
        ["state", "isValid", "purge_at", "due_at", "due_pk", "expires_at", "cutoff_at", "hold", "payload"];
    for other in others {
        cases.push((update(&["pk", "sk", "version", other]), false, other));
    }
    cases.retain(|(request, expected, _)| allowed(&statements, request) != *expected);
    let wrong = cases.into_iter().map(|(_, expected, what)| {
        format!("intake {} write {what} in report mode", if expected { "may not" } else { "may" })
    });
    wrong.collect()
}

/// In `act` mode everyone has the write their work needs, and no other.
fn act_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[("Mode", "act")]);
    let expected = BTreeSet::from([
        ("SweepRole".to_owned(), "dynamodb:UpdateItem"),
        ("ExpireRole".to_owned(), "dynamodb:UpdateItem"),
        ("IntakeRole".to_owned(), "dynamodb:UpdateItem"),
        ("IntakeRole".to_owned(), "dynamodb:PutItem"),
        ("ReactRole".to_owned(), "dynamodb:UpdateItem"),
        ("ReconcileRole".to_owned(), "dynamodb:UpdateItem"),
        ("ReconcileRole".to_owned(), "dynamodb:PutItem"),
        ("ReconcileRole".to_owned(), "dynamodb:DeleteItem"),
    ]);
    let actual = writers(&stack);
    let mut faults: Vec<String> =
        actual.symmetric_difference(&expected).map(|odd| format!("{odd:?} in act mode")).collect();
    let cooling = update(&["pk", "sk", "version", "state", "isValid", "cooling_since"]);
    for (role, write) in expected {
        let request = match write {
            "dynamodb:UpdateItem" => cooling.clone(),
            "dynamodb:PutItem" => put(&[]),
            other => Request::new(other, VAULT),
        };
        if !allowed(&statements_of(&stack, &role), &request) {
            faults.push(format!("{role} cannot {write} in act mode"));
        }
    }
    faults.extend(subject_faults(&stack));
    let ttl = |profile| {
        let stack = Stack::new(template, &[("Mode", "act"), ("Profile", profile)]);
        stack.properties("VaultTable")["TimeToLiveSpecification"].clone()
    };
    if ttl("production") != json!({"AttributeName": "purge_at", "Enabled": true}) {
        faults.push("TTL does not remove rows in production".to_owned());
    }
    if ttl("local")["Enabled"] != false {
        faults.push("TTL is on in the local profile, whose reaper writes no stream record".to_owned());
    }
    faults
}

/// A put makes a subject's row and nothing that passes for a token: the partition is the same, the form is not.
fn subject_faults(stack: &Stack) -> Vec<String> {
    let mut faults = Vec::new();
    for role in ["IntakeRole", "ReconcileRole"] {
        let statements = statements_of(stack, role);
        let token =
            ["state", "isValid", "created_at", "expires_at", "purge_at", "due_pk", "owner_pk", "payload"];
        for other in token {
            if allowed(&statements, &put(&[other])) {
                faults.push(format!("{role} may put a row with {other}"));
            }
        }
        if allowed(&statements, &Request::new("dynamodb:PutItem", VAULT)) {
            faults.push(format!("{role} may put a row of any form"));
        }
    }
    faults
}

#[test]
fn report_mode_writes_nothing_but_the_read_stamp() {
    sound(&report_faults(&template()));
}

#[test]
fn act_mode_grants_each_role_its_own_writes() {
    sound(&act_faults(&template()));
}

#[test]
fn report_is_the_default() {
    let plain = writers(&Stack::new(&template(), &[]));
    assert_eq!(plain, writers(&Stack::new(&template(), &[("Mode", "report")])));
    assert_eq!(plain.len(), 1);
}

#[test]
fn a_write_in_report_mode_is_caught() {
    let everywhere = VAULT.replace("lethe-vault", "*");
    for (action, resource) in [
        ("dynamodb:DeleteItem", VAULT),
        ("dynamodb:UpdateItem", VAULT),
        ("dynamodb:*", VAULT),
        ("dynamodb:P*Item", "*"),
        ("dynamodb:BatchWriteItem", everywhere.as_str()),
        ("dynamodb:UpdateTimeToLive", VAULT),
    ] {
        for role in ["SweepRole", "ReconcileRole", "BreakGlassRole", "TickRole"] {
            let spoiled =
                with_statement(role, json!({"Effect": "Allow", "Action": action, "Resource": resource}));
            caught(&report_faults(&spoiled), role);
        }
    }
}

#[test]
fn a_gate_on_the_wrong_mode_is_caught() {
    let spoiled = with("/Conditions/Acts/Fn::Equals/1", json!("report"));
    caught(&report_faults(&spoiled), "ReconcileRole may dynamodb:DeleteItem the vault");
    caught(&act_faults(&spoiled), "in act mode");
}

#[test]
fn a_wider_stamp_is_caught() {
    let spoiled = with_statement(
        "IntakeRole",
        json!({
            "Effect": "Allow", "Action": "dynamodb:UpdateItem", "Resource": {"Fn::GetAtt": ["VaultTable", "Arn"]},
            "Condition": {"ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "version", "purge_at"]}},
        }),
    );
    let faults = report_faults(&spoiled);
    caught(&faults, "intake may write purge_at");
    caught(&faults, "names no attribute");
}

#[test]
fn a_put_of_any_row_is_caught() {
    let open = json!({"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": VAULT});
    for role in ["IntakeRole", "ReconcileRole"] {
        let spoiled = with_statement(role, open.clone());
        caught(&act_faults(&spoiled), &format!("{role} may put a row of any form"));
        caught(&act_faults(&spoiled), &format!("{role} may put a row with isValid"));
        caught(&report_faults(&spoiled), &format!("{role} may dynamodb:PutItem the vault"));
        let mut spoiled = template();
        let policy = format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement");
        let statements = spoiled.pointer_mut(&policy).and_then(Value::as_array_mut).unwrap();
        statements.retain(|one| one["Fn::If"][1]["Sid"] != "WriteSubjectRows");
        caught(&act_faults(&spoiled), &format!("{role} cannot dynamodb:PutItem in act mode"));
    }
}

#[test]
fn ttl_in_report_mode_is_caught() {
    let spoiled = with("/Resources/VaultTable/Properties/TimeToLiveSpecification/Enabled", json!(true));
    caught(&report_faults(&spoiled), "TTL removes rows");
    caught(&act_faults(&spoiled), "local profile");
}
