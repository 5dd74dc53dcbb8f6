//! What holds data outlives the stack, sits under the key, and is backed up for as long as was agreed.

use serde_json::{Value, json};

use super::stack::{Stack, number};
use super::{FUNCTIONS, caught, sound, template, with, without};

/// The days for which a table can be brought back. Backups bring deleted tokens and shredded keys back too.
const BACKUP_DAYS: [(&str, i64); 4] =
    [("VaultTable", 7), ("AuditTable", 35), ("ControlTable", 35), ("KeysTable", 1)];

/// Tables, buckets and the key stay when the stack goes.
fn retain_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let mut faults = Vec::new();
    for (kind, count) in [("AWS::DynamoDB::Table", 4), ("AWS::S3::Bucket", 4), ("AWS::KMS::Key", 1)] {
        if stack.of_type(kind).count() != count {
            faults.push(format!("not {count} of {kind}"));
        }
        for (id, resource) in stack.of_type(kind) {
            for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                if resource[policy] != "Retain" {
                    faults.push(format!("{id} goes with the stack ({policy})"));
                }
            }
        }
    }
    faults
}

fn table_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let mut faults = Vec::new();
    for (id, days) in BACKUP_DAYS {
        let table = stack.properties(id);
        if table["DeletionProtectionEnabled"] != true {
            faults.push(format!("{id} can be deleted"));
        }
        if table["BillingMode"] != "PAY_PER_REQUEST" {
            faults.push(format!("{id} is not on demand"));
        }
        let backup = &table["PointInTimeRecoverySpecification"];
        if backup["PointInTimeRecoveryEnabled"] != true
            || number(&backup["RecoveryPeriodInDays"]) != Some(days)
        {
            faults.push(format!("{id} is not backed up for {days} days"));
        }
        let encryption = &table["SSESpecification"];
        if encryption["SSEEnabled"] != true || encryption["KMSMasterKeyId"] != key_arn() {
            faults.push(format!("{id} is not under the key"));
        }
        if id != "VaultTable" && table.get("StreamSpecification").is_some() {
            faults.push(format!("{id} has a stream"));
        }
    }
    faults
}

fn bucket_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let mut faults = Vec::new();
    for (id, bucket) in stack.of_type("AWS::S3::Bucket") {
        let properties = &bucket["Properties"];
        let rule = &properties["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
        let key = &rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"];
        if *key != key_arn() || rule["BucketKeyEnabled"] != true {
            faults.push(format!("{id} is not under the key"));
        }
        let block = &properties["PublicAccessBlockConfiguration"];
        let all = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
        if all.iter().any(|one| block[*one] != true) {
            faults.push(format!("{id} can be made public"));
        }
    }
    faults
}

fn key_arn() -> Value {
    json!("arn:aws:kms:eu-central-1:111122223333:key/Key")
}

/// Each function writes to a log group of its own, with an end and under the key.
fn log_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[("LogRetentionDays", "90")]);
    let mut faults = Vec::new();
    for (id, function) in stack.of_type("AWS::Serverless::Function") {
        let name = function["Properties"]["FunctionName"].as_str().unwrap_or_default();
        let logging = &function["Properties"]["LoggingConfig"];
        let expected = format!("/aws/lambda/{name}");
        if logging["LogGroup"] != *expected || logging["LogFormat"] != "JSON" {
            faults.push(format!("{id} does not log to {expected}"));
        }
        let mut groups = stack.of_type("AWS::Logs::LogGroup");
        let group = groups.find(|(_, group)| group["Properties"]["LogGroupName"] == *expected);
        match group {
            None => faults.push(format!("{expected} is not in the template")),
            Some((group, resource)) => {
                if number(&resource["Properties"]["RetentionInDays"]) != Some(90) {
                    faults.push(format!("{group} keeps logs for ever"));
                }
                if resource["Properties"]["KmsKeyId"] != key_arn() {
                    faults.push(format!("{group} is not under the key"));
                }
            }
        }
    }
    if stack.of_type("AWS::Serverless::Function").count() != FUNCTIONS.len() {
        faults.push("there are not nine functions".to_owned());
    }
    faults
}

#[test]
fn data_outlives_the_stack() {
    sound(&retain_faults(&template()));
}

#[test]
fn tables_are_protected_encrypted_and_backed_up() {
    sound(&table_faults(&template()));
}

#[test]
fn buckets_are_encrypted_and_private() {
    sound(&bucket_faults(&template()));
}

#[test]
fn every_function_has_its_log_group() {
    sound(&log_faults(&template()));
}

#[test]
fn the_key_rotates() {
    let template = template();
    let stack = Stack::new(&template, &[]);
    assert_eq!(stack.properties("Key")["EnableKeyRotation"], true);
}

#[test]
fn data_that_goes_with_the_stack_is_caught() {
    for id in ["VaultTable", "KeysTable", "ArchiveBucket", "FailedBucket", "Key"] {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            let spoiled = with(&format!("/Resources/{id}/{policy}"), json!("Delete"));
            caught(&retain_faults(&spoiled), &format!("{id} goes with the stack ({policy})"));
            let spoiled = without(&format!("/Resources/{id}/{policy}"));
            caught(&retain_faults(&spoiled), &format!("{id} goes with the stack ({policy})"));
        }
    }
}

#[test]
fn an_unprotected_table_is_caught() {
    let vault = "/Resources/VaultTable/Properties";
    caught(
        &table_faults(&without(&format!("{vault}/DeletionProtectionEnabled"))),
        "VaultTable can be deleted",
    );
    caught(&table_faults(&without(&format!("{vault}/SSESpecification"))), "VaultTable is not under the key");
    let keys = "/Resources/KeysTable/Properties/PointInTimeRecoverySpecification/RecoveryPeriodInDays";
    caught(&table_faults(&with(keys, json!(35))), "KeysTable is not backed up for 1 days");
    // What left the vault while its stream was out of reach for longer than it keeps records is nowhere else.
    let backup = format!("{vault}/PointInTimeRecoverySpecification");
    for spoiled in [
        without(&backup),
        with(&format!("{backup}/PointInTimeRecoveryEnabled"), json!(false)),
        with(&format!("{backup}/RecoveryPeriodInDays"), json!(1)),
    ] {
        caught(&table_faults(&spoiled), "VaultTable is not backed up for 7 days");
    }
}

#[test]
fn a_public_bucket_is_caught() {
    let spoiled = without("/Resources/WorkBucket/Properties/PublicAccessBlockConfiguration");
    caught(&bucket_faults(&spoiled), "WorkBucket can be made public");
    caught(
        &bucket_faults(&without("/Resources/SealBucket/Properties/BucketEncryption")),
        "SealBucket is not under",
    );
}

#[test]
fn a_log_group_without_an_end_is_caught() {
    caught(&log_faults(&without("/Resources/ScanLogs/Properties/RetentionInDays")), "ScanLogs keeps logs");
    let spoiled = with("/Resources/ReactLogs/Properties/LogGroupName", json!("/aws/lambda/other"));
    caught(&log_faults(&spoiled), "/aws/lambda/lethe-react is not in the template");
}
