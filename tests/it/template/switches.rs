//! The parameters: what each turns on and off, and what it takes to turn the dangerous ones.

use serde_json::{Value, json};

use super::stack::{Stack, number};
use super::{FUNCTIONS, caught, sound, template, with, without};

const TICKING: [&str; 3] = ["SurveyFunction", "ExpireFunction", "ReconcileFunction"];

/// Schedules run with `Schedules` on, survey's with `Scan` on as well; retries are short, and failures are kept.
fn tick_faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (scan, schedules) in [("on", "on"), ("on", "off"), ("off", "on"), ("off", "off")] {
        let stack = Stack::new(template, &[("Scan", scan), ("Schedules", schedules)]);
        let ticks = stack.events("ScheduleV2");
        for function in TICKING {
            let Some((_, tick)) = ticks.iter().find(|(ticking, _)| *ticking == function) else {
                faults.push(format!("{function} does not tick"));
                continue;
            };
            let on = schedules == "on" && (scan == "on" || function != "SurveyFunction");
            if tick["State"] != if on { "ENABLED" } else { "DISABLED" } {
                faults
                    .push(format!("{function} is {} with Scan {scan}, Schedules {schedules}", tick["State"]));
            }
            let retry = &tick["RetryPolicy"];
            let limits = (number(&retry["MaximumRetryAttempts"]), number(&retry["MaximumEventAgeInSeconds"]));
            if limits != (Some(3), Some(1800)) || tick["DeadLetterConfig"]["Arn"].is_null() {
                faults.push(format!("a tick of {function} can pile up or be lost"));
            }
            let answer = &stack.properties(function)["EventInvokeConfig"];
            let failed = &answer["DestinationConfig"]["OnFailure"]["Destination"];
            if number(&answer["MaximumRetryAttempts"]) != Some(1) || failed.is_null() {
                faults.push(format!("a failure of {function} is lost"));
            }
        }
        if ticks.len() != TICKING.len() {
            faults.push(format!("{} schedules", ticks.len()));
        }
        faults.extend(scan_faults(&stack, scan));
    }
    faults
}

/// `Scan` off stops the scanning queues, and no other.
fn scan_faults(stack: &Stack, scan: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (function, mapping) in stack.events("SQS").into_iter().chain(stack.events("DynamoDB")) {
        let scanning = ["ScanFunction", "SweepFunction"].contains(&function);
        let enabled = mapping.get("Enabled").is_none_or(|enabled| *enabled == true);
        if enabled != (scan == "on" || !scanning) {
            faults.push(format!("{function} receives: {enabled}, with Scan {scan}"));
        }
    }
    faults
}

/// A lock that nobody can undo takes a second, spelled-out confirmation; time is scaled only locally.
fn rule_faults(template: &Value) -> Vec<String> {
    let yes = "I understand that nobody can delete";
    let cases: [(&[(&str, &str)], bool); 9] = [
        (&[], true),
        (&[("LockMode", "GOVERNANCE")], true),
        (&[("LockMode", "COMPLIANCE")], false),
        (&[("LockMode", "COMPLIANCE"), ("ConfirmCompliance", "yes")], false),
        (&[("LockMode", "COMPLIANCE"), ("ConfirmCompliance", "i understand that nobody can delete")], false),
        (&[("LockMode", "COMPLIANCE"), ("ConfirmCompliance", yes)], true),
        (&[("TimeScale", "2")], false),
        (&[("TimeScale", "2"), ("Profile", "local")], true),
        (&[("TimeScale", "1"), ("Profile", "local")], true),
    ];
    let wrong = cases
        .iter()
        .filter(|(given, accepted)| Stack::new(template, given).broken_rules().is_empty() != *accepted);
    wrong.map(|(given, accepted)| format!("{given:?} is accepted: {}", !accepted)).collect()
}

/// Reserved concurrency is off by default. Once on, no mapping asks for more than is reserved.
fn concurrency_faults(template: &Value) -> Vec<String> {
    let plain = Stack::new(template, &[]);
    let reserved = Stack::new(template, &[("ReservedConcurrency", "10")]);
    let mut faults = Vec::new();
    for (id, function) in plain.of_type("AWS::Serverless::Function") {
        if function["Properties"].get("ReservedConcurrentExecutions").is_some() {
            faults.push(format!("{id} reserves concurrency by default"));
        }
        if number(&reserved.properties(id)["ReservedConcurrentExecutions"]) != Some(10) {
            faults.push(format!("{id} cannot reserve concurrency"));
        }
    }
    for (function, mapping) in reserved.events("SQS") {
        let most = number(&mapping["ScalingConfig"]["MaximumConcurrency"]);
        if most.is_none_or(|most| most > 10) {
            faults.push(format!("{function} polls with {most:?}, more than it may run"));
        }
    }
    faults
}

/// What the functions are: built from Rust, small, with an end, and reachable by nobody unsigned.
fn function_faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for architecture in ["arm64", "x86_64"] {
        let stack = Stack::new(template, &[("Architecture", architecture)]);
        for name in FUNCTIONS {
            let mut functions = stack.of_type("AWS::Serverless::Function");
            let full = format!("lethe-{name}");
            let Some((id, function)) = functions.find(|(_, one)| one["Properties"]["FunctionName"] == *full)
            else {
                faults.push(format!("there is no {full}"));
                continue;
            };
            let properties = &function["Properties"];
            if properties["Runtime"] != "provided.al2023"
                || properties["Handler"] != "bootstrap"
                || properties["Architectures"] != json!([architecture])
                || function["Metadata"]["BuildMethod"] != "rust-cargolambda"
            {
                faults.push(format!("{id} is not a Rust function for {architecture}"));
            }
            let memory = number(&properties["MemorySize"]).unwrap_or(128);
            let timeout = number(&properties["Timeout"]).unwrap_or(3);
            if !(256..=512).contains(&memory) || !(10..=300).contains(&timeout) {
                faults.push(format!("{id} has {memory} MB and {timeout} s"));
            }
            if properties.get("FunctionUrlConfig").is_some_and(|url| url["AuthType"] != "AWS_IAM") {
                faults.push(format!("{id} answers anyone"));
            }
        }
    }
    faults
}

#[test]
fn schedules_and_scan_switch_what_they_say() {
    sound(&tick_faults(&template()));
}

#[test]
fn dangerous_parameters_need_confirmation() {
    sound(&rule_faults(&template()));
}

#[test]
fn concurrency_is_reserved_only_if_asked_for() {
    sound(&concurrency_faults(&template()));
}

#[test]
fn the_nine_functions_are_as_agreed() {
    sound(&function_faults(&template()));
}

#[test]
fn the_defaults_are_the_safe_side() {
    let template = template();
    for (parameter, default) in [
        ("Profile", "production"),
        ("Mode", "report"),
        ("Scan", "on"),
        ("Schedules", "on"),
        ("Architecture", "arm64"),
        ("LockMode", "GOVERNANCE"),
        ("ReservedConcurrency", "0"),
        ("SourceTableArns", ""),
        ("SourceBucketArns", ""),
    ] {
        assert_eq!(template["Parameters"][parameter]["Default"], default, "{parameter}");
    }
}

#[test]
fn a_switch_that_does_not_switch_is_caught() {
    let tick = "/Resources/ExpireFunction/Properties/Events/Tick/Properties";
    caught(&tick_faults(&with(&format!("{tick}/State"), json!("ENABLED"))), "ExpireFunction is \"ENABLED\"");
    caught(&tick_faults(&without(&format!("{tick}/RetryPolicy"))), "a tick of ExpireFunction");
    let spoiled = with("/Conditions/SurveyTicks", json!({"Condition": "Ticking"}));
    caught(&tick_faults(&spoiled), "SurveyFunction is \"ENABLED\" with Scan off");
    let spoiled = without("/Resources/SweepFunction/Properties/Events/Messages/Properties/Enabled");
    caught(&tick_faults(&spoiled), "SweepFunction receives: true");
    let spoiled = without("/Resources/SurveyFunction/Properties/EventInvokeConfig");
    caught(&tick_faults(&spoiled), "a failure of SurveyFunction is lost");
}

#[test]
fn an_unconfirmed_lock_is_caught() {
    caught(&rule_faults(&without("/Rules/ComplianceIsConfirmed")), "COMPLIANCE");
    caught(&rule_faults(&without("/Rules/TimeIsRealInProduction")), "TimeScale");
    let spoiled = with("/Rules/ComplianceIsConfirmed/RuleCondition/Fn::Equals/1", json!("GOVERNANCE"));
    caught(&rule_faults(&spoiled), "GOVERNANCE");
}

#[test]
fn reserved_concurrency_by_default_is_caught() {
    let spoiled = with("/Parameters/ReservedConcurrency/Default", json!("20"));
    caught(&concurrency_faults(&spoiled), "reserves concurrency by default");
    let place =
        "/Resources/ScanFunction/Properties/Events/Messages/Properties/ScalingConfig/MaximumConcurrency";
    caught(&concurrency_faults(&with(place, json!(20))), "ScanFunction polls");
}

#[test]
fn an_open_function_url_is_caught() {
    let spoiled = with("/Resources/IntakeFunction/Properties/FunctionUrlConfig/AuthType", json!("NONE"));
    caught(&function_faults(&spoiled), "IntakeFunction answers anyone");
    caught(&function_faults(&without("/Globals/Function/MemorySize")), "ConfirmFunction has 128 MB");
}
