//! Queues: messages come back only when their worker is surely gone, and none is lost in silence.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::stack::{Stack, number};
use super::{caught, sound, template, with, without};

const FOURTEEN_DAYS: i64 = 14 * 86_400;

/// A message is invisible for six timeouts of the function that works on it, in both profiles.
fn visibility_faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for profile in ["production", "local"] {
        let stack = Stack::new(template, &[("Profile", profile)]);
        for (function, mapping) in stack.events("SQS") {
            let timeout = number(&stack.properties(function)["Timeout"]).unwrap_or(0);
            let Some((id, queue)) = queue_with_arn(&stack, &mapping["Queue"]) else {
                faults.push(format!("{function} reads a queue that is not here: {}", mapping["Queue"]));
                continue;
            };
            let visibility = number(&queue["VisibilityTimeout"]).unwrap_or(30);
            if timeout == 0 || visibility < 6 * timeout {
                faults.push(format!("{id} hides {visibility} s, {function} runs {timeout} s ({profile})"));
            }
        }
    }
    faults
}

/// Every queue has a dead-letter queue or is one; a dead letter is kept for two weeks.
fn dead_letter_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let mut faults = Vec::new();
    let mut taken = BTreeSet::new();
    for (id, queue) in stack.of_type("AWS::SQS::Queue") {
        let redrive = &queue["Properties"]["RedrivePolicy"];
        if let Some(target) = redrive.get("deadLetterTargetArn") {
            let Some((dlq, properties)) = queue_with_arn(&stack, target) else {
                faults.push(format!("{id} has a dead-letter queue that is not here: {target}"));
                continue;
            };
            if !taken.insert(dlq) {
                faults.push(format!("{id} shares the dead-letter queue {dlq}"));
            }
            if properties.get("RedrivePolicy").is_some() {
                faults.push(format!("{dlq} is a dead-letter queue with a dead-letter queue"));
            }
            if number(&redrive["maxReceiveCount"]).unwrap_or(0) < 5 {
                faults.push(format!("{id} gives up before the fifth attempt"));
            }
        } else if !is_dead_letter_queue(&stack, &arn_of(queue)) {
            faults.push(format!("{id} has no dead-letter queue"));
        } else if number(&queue["Properties"]["MessageRetentionPeriod"]) != Some(FOURTEEN_DAYS) {
            faults.push(format!("{id} does not keep dead letters for two weeks"));
        }
        if queue["Properties"].get("KmsMasterKeyId").is_none() {
            faults.push(format!("{id} is not under the key"));
        }
    }
    for function in ["ScanFunction", "SweepFunction", "IntakeFunction", "ConfirmFunction"] {
        if !stack.events("SQS").iter().any(|(reader, _)| *reader == function) {
            faults.push(format!("{function} reads no queue"));
        }
    }
    faults
}

fn arn_of(queue: &Value) -> String {
    format!(
        "arn:aws:sqs:eu-central-1:111122223333:{}",
        queue["Properties"]["QueueName"].as_str().unwrap_or("?")
    )
}

fn queue_with_arn<'a>(stack: &'a Stack, arn: &Value) -> Option<(&'a str, &'a Value)> {
    let mut queues = stack.of_type("AWS::SQS::Queue");
    let found = queues.find(|(_, queue)| *arn == *arn_of(queue));
    found.map(|(id, queue)| (id, &queue["Properties"]))
}

/// Whether something ends in this queue: another queue's messages, a tick, or an asynchronous invocation.
fn is_dead_letter_queue(stack: &Stack, arn: &str) -> bool {
    let redriven = stack
        .of_type("AWS::SQS::Queue")
        .any(|(_, queue)| queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"] == *arn);
    redriven || stack.events("ScheduleV2").iter().any(|(_, tick)| tick["DeadLetterConfig"]["Arn"] == *arn)
}

#[test]
fn a_message_stays_hidden_for_six_timeouts() {
    sound(&visibility_faults(&template()));
}

#[test]
fn every_queue_has_a_dead_letter_queue() {
    sound(&dead_letter_faults(&template()));
}

#[test]
fn a_short_visibility_is_caught() {
    caught(&visibility_faults(&with("/Mappings/Seconds/local/ScanVisibility", json!(179))), "(local)");
    caught(
        &visibility_faults(&with("/Mappings/Seconds/production/SweepTimeout", json!(301))),
        "(production)",
    );
    let spoiled = with("/Resources/IntakeTenantQueue/Properties/VisibilityTimeout", json!(179));
    caught(&visibility_faults(&spoiled), "IntakeTenantQueue hides 179 s");
    let spoiled = without("/Resources/PurgedQueue/Properties/VisibilityTimeout");
    caught(&visibility_faults(&spoiled), "PurgedQueue hides 30 s");
}

#[test]
fn a_queue_without_a_dead_letter_queue_is_caught() {
    let spoiled = without("/Resources/ScanQueue/Properties/RedrivePolicy");
    caught(&dead_letter_faults(&spoiled), "ScanQueue has no dead-letter queue");
    let spoiled = without("/Resources/SweepDlq/Properties/MessageRetentionPeriod");
    caught(&dead_letter_faults(&spoiled), "SweepDlq does not keep");
    let spoiled = with("/Resources/IntakeIssuerQueue/Properties/RedrivePolicy/maxReceiveCount", json!(4));
    caught(&dead_letter_faults(&spoiled), "IntakeIssuerQueue gives up");
    let spoiled = without("/Resources/PurgedQueue/Properties/KmsMasterKeyId");
    caught(&dead_letter_faults(&spoiled), "PurgedQueue is not under the key");
    let shared = json!({"Fn::GetAtt": ["IntakeIssuerDlq", "Arn"]});
    let spoiled = with("/Resources/IntakeTenantQueue/Properties/RedrivePolicy/deadLetterTargetArn", shared);
    caught(&dead_letter_faults(&spoiled), "IntakeTenantQueue shares the dead-letter queue IntakeIssuerDlq");
}
