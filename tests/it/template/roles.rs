//! Roles: one for each function, with its own statements, naming every action and every resource.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::iam::{Statement, parse, statements_of};
use super::stack::{Stack, items, members};
use super::{caught, sound, template, with, with_statement};

/// All parameters at their widest, so that every conditional statement is there.
const WIDEST: [(&str, &str); 4] = [
    ("Mode", "act"),
    (
        "SourceTableArns",
        "arn:aws:dynamodb:eu-central-1:111122223333:table/acme,arn:aws:dynamodb:eu-central-1:1:table/b",
    ),
    ("SourceBucketArns", "arn:aws:s3:::lake,arn:aws:s3:::exports"),
    ("SourceKeyArns", "arn:aws:kms:eu-central-1:111122223333:key/acme"),
];

/// Own statements only; no wildcard for an action's service or for a whole resource.
fn statement_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &WIDEST);
    let mut faults = Vec::new();
    for (role, resource) in stack.of_type("AWS::IAM::Role") {
        if resource["Properties"].get("ManagedPolicyArns").is_some() {
            faults.push(format!("{role} has managed policies"));
        }
        faults.extend(vague_faults(role, &statements_of(&stack, role)));
    }
    // SAM's own policies, and policies beside the roles, would escape this evaluation.
    for kind in ["AWS::IAM::Policy", "AWS::IAM::RolePolicy"] {
        faults.extend(stack.of_type(kind).map(|(id, _)| format!("{id} stands beside the roles")));
    }
    for (id, policy) in stack.of_type("AWS::IAM::ManagedPolicy") {
        let statements = parse(&policy["Properties"]["PolicyDocument"]);
        faults.extend(vague_faults(id, &statements));
        // What a deployer may attach is attached to nobody here.
        if ["Roles", "Users", "Groups"].iter().any(|holder| policy["Properties"].get(holder).is_some()) {
            faults.push(format!("{id} stands beside the roles"));
        }
    }
    for (id, function) in stack.of_type("AWS::Serverless::Function") {
        if function["Properties"].get("Policies").is_some() {
            faults.push(format!("{id} has policies outside its role"));
        }
    }
    faults
}

fn vague_faults(id: &str, statements: &[Statement]) -> Vec<String> {
    let mut faults = Vec::new();
    for statement in statements {
        let sid = &statement.sid;
        if statement.actions().is_empty() || statement.actions().iter().any(|action| action.contains('*')) {
            faults.push(format!("{id} {sid} does not name its actions"));
        }
        if statement.resources().is_empty() || statement.resources().iter().any(|arn| is_vague(arn)) {
            faults.push(format!("{id} {sid} does not name its resources: {:?}", statement.resources()));
        }
    }
    faults
}

/// A wildcard is allowed behind a name (`bucket/marks/*`), never in the place of one.
fn is_vague(arn: &str) -> bool {
    let name = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let (resource, rest) = name.split_once(['/', ':']).unwrap_or((name, ""));
    let first = rest.split(['/', ':']).next().unwrap_or_default();
    let typed = ["table", "key", "function", "log-group"].contains(&resource);
    !arn.starts_with("arn:")
        || resource.is_empty()
        || resource.contains('*')
        || (typed && first.contains('*'))
}

/// Every function has a role of its own, which Lambda alone may assume.
fn owner_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &WIDEST);
    let mut faults = Vec::new();
    let mut roles = BTreeSet::new();
    for (id, function) in stack.of_type("AWS::Serverless::Function") {
        let role = function["Properties"]["Role"].as_str().unwrap_or_default();
        if !roles.insert(role.to_owned()) {
            faults.push(format!("{id} shares its role"));
        }
        let expected = id.replace("Function", "Role");
        if !role.ends_with(&format!(":role/{expected}")) {
            faults.push(format!("{id} does not run as {expected}"));
        }
        let trust = &stack.properties(&expected)["AssumeRolePolicyDocument"]["Statement"];
        let lambda = json!({"Service": "lambda.amazonaws.com"});
        if items(trust).into_iter().any(|statement| statement["Principal"] != lambda) {
            faults.push(format!("{expected} can be assumed by others than Lambda"));
        }
    }
    faults
}

/// Services act for this account alone: each of their statements names it, or a resource in it.
fn deputy_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &WIDEST);
    let mut faults = Vec::new();
    let kinds = [
        ("AWS::KMS::Key", "KeyPolicy"),
        ("AWS::SQS::QueuePolicy", "PolicyDocument"),
        ("AWS::SNS::TopicPolicy", "PolicyDocument"),
        ("AWS::S3::BucketPolicy", "PolicyDocument"),
        ("AWS::IAM::Role", "AssumeRolePolicyDocument"),
    ];
    for (kind, document) in kinds {
        for (id, resource) in stack.of_type(kind) {
            for statement in items(&resource["Properties"][document]["Statement"]) {
                let service = &statement["Principal"]["Service"];
                if service.is_null() || *service == "lambda.amazonaws.com" {
                    continue;
                }
                let bound = members(&statement["Condition"]).flat_map(|(_, keys)| members(keys));
                let keys: Vec<&str> = bound.map(|(key, _)| key.as_str()).collect();
                let ours = ["aws:SourceAccount", "kms:EncryptionContext:aws:logs:arn"];
                if !ours.iter().any(|key| keys.contains(key)) {
                    faults.push(format!("{id} lets {service} act for any account"));
                }
            }
        }
    }
    faults
}

#[test]
fn roles_name_what_they_touch() {
    sound(&statement_faults(&template()));
}

#[test]
fn every_function_has_its_own_role() {
    sound(&owner_faults(&template()));
}

#[test]
fn services_act_for_this_account_only() {
    sound(&deputy_faults(&template()));
}

#[test]
fn source_lists_become_single_resources() {
    let stack = Stack::new(&template(), &WIDEST);
    for role in ["SurveyRole", "ScanRole"] {
        let statements = statements_of(&stack, role);
        let reads = |action, resource| statements.iter().any(|one| one.may_allow(action, resource));
        assert!(reads("s3:GetObject", "arn:aws:s3:::lake/a/b"), "{role}");
        assert!(reads("s3:GetObject", "arn:aws:s3:::exports/c"), "{role}");
        assert!(reads("s3:ListBucket", "arn:aws:s3:::exports"), "{role}");
        assert!(reads("dynamodb:Scan", "arn:aws:dynamodb:eu-central-1:1:table/b"), "{role}");
        assert!(!reads("s3:GetObject", "arn:aws:s3:::lakeside/a"), "{role}");
        let none = statements_of(&Stack::new(&template(), &[]), role);
        assert!(
            !none.iter().any(|one| one.may_allow("dynamodb:Scan", "arn:aws:dynamodb:eu-central-1:1:table/b"))
        );
    }
}

#[test]
fn a_vague_statement_is_caught() {
    for (action, resource) in [
        ("s3:GetObject", "*"),
        ("s3:GetObject", "arn:aws:s3:::*"),
        ("s3:*", "arn:aws:s3:::lethe-work"),
        ("dynamodb:GetItem", "arn:aws:dynamodb:eu-central-1:111122223333:table/*"),
        ("kms:Decrypt", "arn:aws:kms:*:111122223333:key/*"),
    ] {
        let spoiled =
            with_statement("ConfirmRole", json!({"Effect": "Allow", "Action": action, "Resource": resource}));
        caught(&statement_faults(&spoiled), "ConfirmRole (no sid) does not name");
    }
}

#[test]
fn a_policy_beside_the_role_is_caught() {
    let mut spoiled = template();
    spoiled["Resources"]["ScanRole"]["Properties"]["ManagedPolicyArns"] =
        json!(["arn:aws:iam::aws:policy/x"]);
    spoiled["Resources"]["SweepFunction"]["Properties"]["Policies"] = json!(["AmazonS3FullAccess"]);
    spoiled["Resources"]["Beside"] = json!({"Type": "AWS::IAM::Policy", "Properties": {}});
    let faults = statement_faults(&spoiled);
    caught(&faults, "ScanRole has managed policies");
    caught(&faults, "SweepFunction has policies outside its role");
    caught(&faults, "Beside stands beside the roles");
    let mut spoiled = template();
    spoiled["Resources"]["SendAsIssuer"]["Properties"]["Roles"] = json!([{"Ref": "ScanRole"}]);
    caught(&statement_faults(&spoiled), "SendAsIssuer stands beside the roles");
    let spoiled = with(
        "/Resources/SendAsIssuer/Properties/PolicyDocument/Statement/0/Resource",
        json!("arn:aws:sqs:*"),
    );
    caught(&statement_faults(&spoiled), "SendAsIssuer Send does not name its resources");
}

#[test]
fn a_shared_role_is_caught() {
    let spoiled =
        with("/Resources/ScanFunction/Properties/Role", json!({"Fn::GetAtt": ["SweepRole", "Arn"]}));
    caught(&owner_faults(&spoiled), "SweepFunction shares its role");
    let spoiled = with(
        "/Resources/ScanRole/Properties/AssumeRolePolicyDocument/Statement/0/Principal",
        json!({"AWS": "111122223333"}),
    );
    caught(&owner_faults(&spoiled), "ScanRole can be assumed");
}

#[test]
fn a_confused_deputy_is_caught() {
    let spoiled =
        with("/Resources/PurgedQueuePolicy/Properties/PolicyDocument/Statement/0/Condition", json!({}));
    caught(&deputy_faults(&spoiled), "PurgedQueuePolicy lets \"s3.amazonaws.com\"");
}
