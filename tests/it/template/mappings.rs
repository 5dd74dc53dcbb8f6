//! Event source mappings: one bad record costs itself and not its batch, and a removed row is never lost.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::iam::{Request, allowed, statements_of};
use super::stack::{Stack, items, number};
use super::{caught, sound, template, with, with_statement, without};

/// Mappings of both kinds answer for each record alone.
fn answer_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let queues = stack.events("SQS");
    let streams = stack.events("DynamoDB");
    let mut faults = Vec::new();
    if (queues.len(), streams.len()) != (6, 2) {
        faults.push(format!("{} queue and {} stream mappings", queues.len(), streams.len()));
    }
    for (function, mapping) in queues.into_iter().chain(streams) {
        if mapping["FunctionResponseTypes"] != json!(["ReportBatchItemFailures"]) {
            faults.push(format!("{function} fails its batch as a whole"));
        }
    }
    // A mapping beside the functions' events would escape the checks here.
    for (id, _) in stack.of_type("AWS::Lambda::EventSourceMapping") {
        faults.push(format!("{id} is not an event of its function"));
    }
    faults
}

/// The stream has two readers, which split its records and hand what they cannot take to S3, whole.
fn stream_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (function, mapping) in stack.events("DynamoDB") {
        let failed = &mapping["DestinationConfig"]["OnFailure"];
        let bucket = failed["Destination"].as_str().unwrap_or_default();
        if failed["Type"] != "S3" || !bucket.starts_with("arn:aws:s3:::lethe-failed-") {
            faults.push(format!("{function} loses the record that it cannot take"));
        }
        if number(&mapping["MaximumRecordAgeInSeconds"]) != Some(72_000) {
            faults.push(format!("{function} does not give up in time before the stream forgets"));
        }
        if mapping["BisectBatchOnFunctionError"] != true
            || number(&mapping["MaximumRetryAttempts"]) != Some(-1)
        {
            faults.push(format!("{function} does not look for the bad record until the end"));
        }
        if mapping["StartingPosition"] != "TRIM_HORIZON" {
            faults.push(format!("{function} skips what is in the stream already"));
        }
        let window = number(&mapping["MaximumBatchingWindowInSeconds"]).unwrap_or(0);
        if !(1..=5).contains(&window) {
            faults.push(format!("{function} waits {window} s for a batch"));
        }
        for filter in items(&mapping["FilterCriteria"]["Filters"]) {
            let pattern =
                filter["Pattern"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            let names = pattern.map(|pattern| pattern["eventName"].clone()).unwrap_or_default();
            for name in items(&names) {
                seen.insert((function, name.as_str().unwrap_or_default().to_owned()));
            }
        }
    }
    let expected = [("ArchiveFunction", "REMOVE"), ("ReactFunction", "INSERT"), ("ReactFunction", "MODIFY")];
    if seen != expected.map(|(function, event)| (function, event.to_owned())).into() {
        faults.push(format!("the stream's records go elsewhere: {seen:?}"));
    }
    if stack.properties("VaultTable")["StreamSpecification"]["StreamViewType"] != "NEW_AND_OLD_IMAGES" {
        faults.push("the stream does not carry both images".to_owned());
    }
    faults
}

/// A function that sends to the queue it is fed from goes on by that, and Lambda would stop it after 16 hops. Where no
/// such loop is meant, that stop stays.
fn loop_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let queues = stack.events("SQS");
    let mut faults = Vec::new();
    for (id, function) in stack.of_type("AWS::Serverless::Function") {
        let statements = statements_of(&stack, &id.replace("Function", "Role"));
        let feeds_itself = |mapping: &Value| {
            let queue = mapping["Queue"].as_str().unwrap_or_default();
            allowed(&statements, &Request::new("sqs:SendMessage", queue))
        };
        let is_loop = queues.iter().any(|(fed, mapping)| *fed == id && feeds_itself(mapping));
        let goes_on = function["Properties"]["RecursiveLoop"] == "Allow";
        if is_loop && !goes_on {
            faults.push(format!("{id} is stopped after 16 hops"));
        }
        if goes_on && !is_loop {
            faults.push(format!("nothing stops a loop of {id}"));
        }
    }
    faults
}

#[test]
fn every_mapping_answers_record_by_record() {
    sound(&answer_faults(&template()));
}

#[test]
fn both_stream_mappings_end_in_s3() {
    sound(&stream_faults(&template()));
}

#[test]
fn whoever_goes_on_by_its_own_queue_is_not_stopped() {
    sound(&loop_faults(&template()));
}

#[test]
fn a_stopped_loop_and_one_that_nobody_meant_are_caught() {
    for function in ["Scan", "Sweep"] {
        let place = format!("/Resources/{function}Function/Properties/RecursiveLoop");
        let words = format!("{function}Function is stopped after 16 hops");
        caught(&loop_faults(&without(&place)), &words);
        caught(&loop_faults(&with(&place, json!("Terminate"))), &words);
    }
    let send = json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["PurgedQueue", "Arn"]}});
    let spoiled = with_statement("ConfirmRole", send);
    caught(&loop_faults(&spoiled), "ConfirmFunction is stopped after 16 hops");
    let mut spoiled = template();
    spoiled["Resources"]["ConfirmFunction"]["Properties"]["RecursiveLoop"] = json!("Allow");
    caught(&loop_faults(&spoiled), "nothing stops a loop of ConfirmFunction");
}

#[test]
fn a_mapping_that_fails_as_a_whole_is_caught() {
    for (function, event) in
        [("Scan", "Messages"), ("Confirm", "Messages"), ("React", "Stream"), ("Archive", "Stream")]
    {
        let place = format!("/Resources/{function}Function/Properties/Events/{event}/Properties");
        let spoiled = without(&format!("{place}/FunctionResponseTypes"));
        caught(&answer_faults(&spoiled), &format!("{function}Function fails its batch"));
    }
}

#[test]
fn a_stream_mapping_that_loses_records_is_caught() {
    let place = "/Resources/ArchiveFunction/Properties/Events/Stream/Properties";
    caught(
        &stream_faults(&without(&format!("{place}/DestinationConfig"))),
        "ArchiveFunction loses the record",
    );
    let spoiled = with(&format!("{place}/DestinationConfig/OnFailure/Type"), json!("SQS"));
    caught(&stream_faults(&spoiled), "ArchiveFunction loses the record");
    caught(
        &stream_faults(&with(&format!("{place}/MaximumRecordAgeInSeconds"), json!(-1))),
        "give up in time",
    );
    caught(&stream_faults(&without(&format!("{place}/BisectBatchOnFunctionError"))), "bad record");
    caught(&stream_faults(&without(&format!("{place}/FilterCriteria"))), "go elsewhere");
    caught(&stream_faults(&with(&format!("{place}/StartingPosition"), json!("LATEST"))), "skips");
}
