//! Whatever an event holds: a request has an answer that is declared and quotes nothing, and no message comes back while
//! everything that Lethe needs is in order.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use lethe_domain::command::openapi;
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::limits::Limits;
use lethe_domain::source::UnitLimits;
use lethe_stages::settings::{Mode, PLAN_ROWS, Settings};
use lethe_testkit::{APP, FakeCloud, START, Sample, row, tenant, token};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::hostile::{any_json, injured, recorded};

const WORDS: &[&str] = &[
    "Records",
    "messageId",
    "body",
    "isBase64Encoded",
    "requestContext",
    "http",
    "method",
    "POST",
    "rawPath",
    "/",
    "authorizer",
    "iam",
    "userArn",
    "accountId",
    "anonymous",
    "requestId",
    "eyJ2IjoxfQ==",
    "{\"v\":1,\"tenant\":\"acme\",\"command\":\"read\",\"tokens\":[\"tok_secret\"]}",
];

/// The statuses that the published page declares.
static DECLARED: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let responses = openapi()["paths"]["/"]["post"]["responses"].as_object().unwrap().clone();
    responses.into_iter().map(|(status, _)| status).collect()
});

/// The recorded events, from callers who may say everything.
fn good() -> Vec<Value> {
    let mut events = recorded(&[
        include_str!("../../../../../tests/events/intake.json"),
        include_str!("../../../../../tests/events/intake-url.json"),
    ]);
    events[1]["requestContext"]["authorizer"]["iam"]["userArn"] = json!(APP);
    events
}

fn any_event() -> BoxedStrategy<Value> {
    let framed =
        any_json(WORDS).prop_map(|http| json!({ "requestContext": { "http": http, "accountId": "1" } }));
    prop_oneof![6 => injured(&good(), WORDS), 1 => any_json(WORDS), 1 => framed].boxed()
}

/// The recorded request and the recorded batch, with this body.
fn with_body(body: &str) -> [Value; 2] {
    let [mut batch, mut request]: [Value; 2] = good().try_into().unwrap();
    batch["Records"][0]["body"] = json!(body);
    request["body"] = json!(body);
    [batch, request]
}

fn carried_out(event: &Value) -> Result<Value, InvocationError> {
    let sample = Sample::new().tenant("acme").bucket("lake", "acme-lake", "", "jsonl");
    let FakeCloud { control, audit, vault, .. } = &FakeCloud::new();
    control.put_config(&sample.text(), START);
    let keys = TenantKeys { mark_key: 7, fingerprint_key: [7; 32], key_version: 1 };
    assert!(control.create_keys(&tenant("acme"), &keys).now_or_never().unwrap().unwrap());
    (1..=3).for_each(|seed| vault.insert(row("acme", &token(seed))));
    let settings = &Settings {
        limits: Limits::production(),
        units: UnitLimits::PRODUCTION,
        mode: Mode::Act,
        scan: true,
        plan_rows: PLAN_ROWS,
    };
    let at = Invocation { now: START, should_pause: &|| false, has_come: &|_| false };
    // The fakes never wait.
    intake(event, &Intake { control, audit, vault, settings }, at).now_or_never().unwrap()
}

fn is_in_order(event: &Value) -> Result<(), TestCaseError> {
    let answer = carried_out(event);
    if event.pointer("/requestContext/http").is_none() {
        prop_assert_eq!(answer.is_ok(), event["Records"].is_array());
        if let Ok(answer) = answer {
            prop_assert_eq!(&answer["batchItemFailures"], &json!([]));
        }
        return Ok(());
    }
    let answer = answer.unwrap();
    let status = answer["statusCode"].as_u64().unwrap();
    prop_assert!(DECLARED.contains(&status.to_string()) && status < 500, "{status}");
    let text = answer["body"].as_str().unwrap();
    prop_assert!(!text.contains("tok_"), "{text}");
    let body: Value = serde_json::from_str(text).unwrap();
    prop_assert!(
        body["result"].is_string() || (body["error"].is_string() && body["do"].is_string()),
        "{text}"
    );
    Ok(())
}

#[test]
fn the_recorded_events_are_in_order() {
    for event in good() {
        is_in_order(&event).unwrap();
    }
    let [batch, request] = with_body("{}");
    assert_eq!(carried_out(&request).unwrap()["statusCode"], 400);
    assert_eq!(carried_out(&batch).unwrap(), json!({ "batchItemFailures": [] }));
}

proptest! {
    #[test]
    fn any_event_is_answered(event in any_event()) {
        is_in_order(&event)?;
    }

    #[test]
    fn any_body_is_answered(bytes in vec(any::<u8>(), 0..200), is_base64 in any::<bool>()) {
        let body = if is_base64 {
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes)
        } else {
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let [batch, mut request] = with_body(&body);
        request["isBase64Encoded"] = json!(is_base64);
        is_in_order(&batch)?;
        is_in_order(&request)?;
    }
}
