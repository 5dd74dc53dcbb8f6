//! Nothing fails in silence: every place where work can end up has an alarm, and every alarm reaches the topic.

use serde_json::{Value, json};

use super::stack::{Stack, items, number};
use super::{caught, root, sound, template, with, without};

const HOUR_IN_MS: i64 = 3_600_000;

fn alarms<'a>(stack: &'a Stack, metric: &'a str) -> impl Iterator<Item = &'a Value> {
    let all = stack.of_type("AWS::CloudWatch::Alarm").map(|(_, alarm)| &alarm["Properties"]);
    all.filter(move |alarm| alarm["MetricName"] == *metric)
}

fn watches(alarm: &Value, dimension: &str, value: &str) -> bool {
    let dimensions = items(&alarm["Dimensions"]);
    dimensions.iter().any(|one| one["Name"] == *dimension && one["Value"] == *value)
}

fn fires_above(alarm: &Value, threshold: i64) -> bool {
    alarm["ComparisonOperator"] == "GreaterThanThreshold" && number(&alarm["Threshold"]) == Some(threshold)
}

fn faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let mut faults = queue_faults(&stack);
    for function in ["react", "archive"] {
        for hours in [1, 6] {
            let name = format!("lethe-{function}");
            let late = |alarm: &Value| {
                watches(alarm, "FunctionName", &name) && fires_above(alarm, hours * HOUR_IN_MS)
            };
            if !alarms(&stack, "IteratorAge").any(late) {
                faults.push(format!("nobody hears that {function} is {hours} h late"));
            }
        }
    }
    for metric in ["OverdueRows", "OverdueVersions"] {
        let ours = |alarm: &Value| alarm["Namespace"] == "Lethe" && alarm.get("Dimensions").is_none();
        if !alarms(&stack, metric).any(|alarm| ours(alarm) && fires_above(alarm, 0)) {
            faults.push(format!("nobody hears of {metric}"));
        }
    }
    if !alarms(&stack, "InvocationDroppedCount").any(|alarm| watches(alarm, "ScheduleGroup", "lethe")) {
        faults.push("nobody hears of a dropped tick".to_owned());
    }
    let failed = "lethe-failed-111122223333-eu-central-1";
    if !alarms(&stack, "NumberOfObjects").any(|alarm| watches(alarm, "BucketName", failed)) {
        faults.push("nobody hears of failed records".to_owned());
    }
    for (id, alarm) in stack.of_type("AWS::CloudWatch::Alarm") {
        let actions = &alarm["Properties"]["AlarmActions"];
        if *actions != json!(["arn:aws:sns:eu-central-1:111122223333:lethe-alarms"]) {
            faults.push(format!("{id} tells nobody"));
        }
    }
    faults
}

/// Each dead-letter queue raises an alarm at its first message.
fn queue_faults(stack: &Stack) -> Vec<String> {
    let mut faults = Vec::new();
    for (id, queue) in stack.of_type("AWS::SQS::Queue") {
        if queue["Properties"].get("RedrivePolicy").is_some() {
            continue;
        }
        let name = queue["Properties"]["QueueName"].as_str().unwrap_or_default();
        let full = |alarm: &Value| watches(alarm, "QueueName", name) && fires_above(alarm, 0);
        if !alarms(stack, "ApproximateNumberOfMessagesVisible").any(full) {
            faults.push(format!("nobody hears of {id}"));
        }
    }
    faults
}

/// Silence is the alarm here: without a sealed run in time nothing unreferenced is found.
fn silence_faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (scan, schedules) in [("on", "on"), ("off", "on"), ("on", "off")] {
        let parameters = [("Scan", scan), ("Schedules", schedules), ("SealedRunWithinHours", "50")];
        let stack = Stack::new(template, &parameters);
        let alarm = alarms(&stack, "RunsSealed").next();
        let expected = scan == "on" && schedules == "on";
        if alarm.is_some() != expected {
            faults.push(format!("the alarm for sealed runs is there: {}, {parameters:?}", !expected));
        }
        let Some(alarm) = alarm else { continue };
        let span = number(&alarm["Period"]).unwrap_or(0) * number(&alarm["EvaluationPeriods"]).unwrap_or(0);
        if span != 50 * 3600 {
            faults.push(format!("the alarm for sealed runs waits {span} s"));
        }
        let below_one = alarm["ComparisonOperator"] == "LessThanThreshold" && alarm["Threshold"] == 1;
        if !below_one || alarm["TreatMissingData"] != "breaching" || alarm["Statistic"] != "Sum" {
            faults.push("no sealed run raises no alarm".to_owned());
        }
    }
    faults
}

/// An alarm on a metric that nobody emits would never ring.
fn metric_faults(template: &Value) -> Vec<String> {
    let path = root().join("shared/lambda/src/metrics/reports.rs");
    let emitted =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    let stack = Stack::new(template, &[]);
    let ours = stack
        .of_type("AWS::CloudWatch::Alarm")
        .filter(|(_, alarm)| alarm["Properties"]["Namespace"] == "Lethe");
    let metrics: Vec<String> = ours.map(|(_, alarm)| alarm["Properties"]["MetricName"].to_string()).collect();
    let unheard = metrics.iter().filter(|name| !emitted.contains(name.as_str()));
    unheard.map(|name| format!("nothing emits {name}")).collect()
}

#[test]
fn every_failure_is_heard() {
    sound(&faults(&template()));
}

#[test]
fn a_missing_run_is_heard() {
    sound(&silence_faults(&template()));
}

#[test]
fn what_has_an_alarm_is_measured() {
    sound(&metric_faults(&template()));
    let spoiled = with("/Resources/OverdueRowsAlarm/Properties/MetricName", json!("OverdueRowz"));
    caught(&metric_faults(&spoiled), "nothing emits \"OverdueRowz\"");
}

#[test]
fn mail_goes_out_only_if_asked_for() {
    assert!(!Stack::new(&template(), &[]).has("AlarmMail"));
    assert!(Stack::new(&template(), &[("AlarmEmail", "a@example.com")]).has("AlarmMail"));
}

#[test]
fn a_missing_alarm_is_caught() {
    for (alarm, words) in [
        ("ScanDlqAlarm", "nobody hears of ScanDlq"),
        ("TicksDlqAlarm", "nobody hears of TicksDlq"),
        ("ReactAge1hAlarm", "react is 1 h late"),
        ("ArchiveAge6hAlarm", "archive is 6 h late"),
        ("OverdueRowsAlarm", "OverdueRows"),
        ("OverdueVersionsAlarm", "OverdueVersions"),
        ("LostTicksAlarm", "dropped tick"),
        ("FailedRecordsAlarm", "failed records"),
    ] {
        caught(&faults(&without(&format!("/Resources/{alarm}"))), words);
    }
}

#[test]
fn an_alarm_that_cannot_ring_is_caught() {
    caught(&faults(&with("/Resources/SweepDlqAlarm/Properties/Threshold", json!(10))), "SweepDlq");
    caught(
        &faults(&without("/Resources/IntakeDlqAlarm/Properties/AlarmActions")),
        "IntakeDlqAlarm tells nobody",
    );
    caught(&faults(&without("/Resources/PurgedDlqAlarm/Properties/Dimensions")), "PurgedDlq");
    let spoiled = with("/Resources/NoSealedRunAlarm/Properties/TreatMissingData", json!("notBreaching"));
    caught(&silence_faults(&spoiled), "raises no alarm");
    caught(&silence_faults(&without("/Resources/NoSealedRunAlarm/Condition")), "is there");
}
