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
    faults.extend(own_faults(&stack));
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

/// What Lethe itself counts: by which statistic, within which time, and above how much it is heard.
///
/// Commands that wait are said by whoever makes them wait, once and never again, so the first is heard. What reconcile
/// says anew with every tick has periods of two ticks at least, or one that comes late would look like an end.
const OWN: [(&str, &str, i64, i64); 10] = [
    ("OverdueRows", "Maximum", 3600, 0),
    ("OverdueVersions", "Maximum", 3600, 0),
    ("FanOutsStuck", "Maximum", 3600, 0),
    ("CommandsWaiting", "Maximum", 3600, 0),
    ("CommandsRefused", "Sum", 3600, 10),
    ("LateReads", "Sum", 300, 0),
    ("IdlePutOff", "Maximum", 3600, 0),
    ("LateUsePauses", "Sum", 300, 0),
    ("AskedAfterRemoval", "Sum", 300, 0),
    ("Reuse", "Sum", 300, 0),
];

/// How often reconcile runs, in seconds.
const TICK: i64 = 900;

fn own_faults(stack: &Stack) -> Vec<String> {
    let mut faults = Vec::new();
    for (metric, statistic, seconds, above) in OWN {
        let rings = |alarm: &Value| {
            let period = number(&alarm["Period"]).unwrap_or(0);
            alarm["Namespace"] == "Lethe"
                && alarm.get("Dimensions").is_none()
                && alarm["Statistic"] == *statistic
                && alarm["TreatMissingData"] == "notBreaching"
                && period == seconds
                && number(&alarm["EvaluationPeriods"]) == Some(1)
                && (statistic == "Sum" || 2 * TICK <= period)
                && fires_above(alarm, above)
        };
        if !alarms(stack, metric).any(rings) {
            faults.push(format!("nobody hears of {metric}"));
        }
    }
    faults
}

/// Each dead-letter queue raises an alarm at its first message; commands also when they are not taken up.
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
    for class in ["issuer", "tenant", "operator"] {
        let name = format!("lethe-intake-{class}");
        let late = |alarm: &Value| {
            watches(alarm, "QueueName", &name)
                && fires_above(alarm, 900)
                && number(&alarm["Period"]) == Some(60)
                && alarm["Statistic"] == "Maximum"
        };
        if !alarms(stack, "ApproximateAgeOfOldestMessage").any(late) {
            faults.push(format!("nobody hears that commands of the class {class} wait"));
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
        ("IntakeIssuerDlqAlarm", "nobody hears of IntakeIssuerDlq"),
        ("IntakeTenantDlqAlarm", "nobody hears of IntakeTenantDlq"),
        ("IntakeOperatorDlqAlarm", "nobody hears of IntakeOperatorDlq"),
        ("IntakeIssuerAgeAlarm", "the class issuer wait"),
        ("IntakeTenantAgeAlarm", "the class tenant wait"),
        ("IntakeOperatorAgeAlarm", "the class operator wait"),
        ("LateReadsAlarm", "LateReads"),
        ("LateUsePausesAlarm", "LateUsePauses"),
        ("AskedAfterRemovalAlarm", "AskedAfterRemoval"),
        ("ReuseAlarm", "Reuse"),
        ("CommandsRefusedAlarm", "CommandsRefused"),
        ("CommandsWaitingAlarm", "CommandsWaiting"),
        ("FanOutsStuckAlarm", "FanOutsStuck"),
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
        &faults(&without("/Resources/IntakeTenantDlqAlarm/Properties/AlarmActions")),
        "IntakeTenantDlqAlarm tells nobody",
    );
    caught(&faults(&without("/Resources/PurgedDlqAlarm/Properties/Dimensions")), "PurgedDlq");
    let spoiled = with("/Resources/IntakeOperatorAgeAlarm/Properties/Threshold", json!(90_000));
    caught(&faults(&spoiled), "the class operator wait");
    for (alarm, member, value) in [
        ("Reuse", "Statistic", json!("SampleCount")),
        ("LateReads", "Namespace", json!("AWS/Lambda")),
        ("CommandsRefused", "Threshold", json!(10_000)),
        ("CommandsWaiting", "EvaluationPeriods", json!(2)),
        ("OverdueRows", "Period", json!(900)),
        ("FanOutsStuck", "ComparisonOperator", json!("LessThanThreshold")),
    ] {
        let spoiled = with(&format!("/Resources/{alarm}Alarm/Properties/{member}"), value);
        caught(&faults(&spoiled), &format!("nobody hears of {alarm}"));
    }
    let spoiled = with("/Resources/NoSealedRunAlarm/Properties/TreatMissingData", json!("notBreaching"));
    caught(&silence_faults(&spoiled), "raises no alarm");
    caught(&silence_faults(&without("/Resources/NoSealedRunAlarm/Condition")), "is there");
}
