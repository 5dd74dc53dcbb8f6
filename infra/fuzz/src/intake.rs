//! Intake's events, from the queues and over the Function URL, worked off by the whole function over the fakes.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use lethe_domain::command::openapi;
use lethe_testkit::{APP, token};
use serde_json::{Value, json};

use crate::world::World;
use crate::{command, seed};

/// How every token of the world begins; no word of an answer does.
const TOKEN: &str = "tok_";

/// The statuses that the published page declares.
static DECLARED: LazyLock<BTreeSet<u64>> = LazyLock::new(|| {
    let responses = openapi()["paths"]["/"]["post"]["responses"].as_object().unwrap().clone();
    let declared: BTreeSet<u64> = responses.keys().map(|status| status.parse().unwrap()).collect();
    assert!(declared.contains(&200));
    declared
});

/// An event is worked off as it is; anything else is the body of a command, from whom may send every command.
pub fn run(data: &[u8]) {
    match serde_json::from_slice::<Value>(data) {
        Ok(event) if event.pointer("/requestContext/http").is_some() => answered(&event),
        Ok(event) if event.get("Records").is_some() => worked_off(&event),
        Ok(_) | Err(_) => {
            let body = String::from_utf8_lossy(data);
            answered(&request(&body));
            worked_off(&messages(&body));
        }
    }
}

/// With everything that Lethe needs in order a request has an answer, one that is declared and quotes nothing.
fn answered(event: &Value) {
    let answer = World::new().intake(event).expect("a request has an answer");
    let status = answer["statusCode"].as_u64().expect("an answer has a status");
    assert!(DECLARED.contains(&status) && status < 500, "answered {status}");
    let text = answer["body"].as_str().expect("an answer has a body");
    assert!(!text.contains(TOKEN), "quoted: {text}");
    let body: Value = serde_json::from_str(text).expect("an answer is JSON");
    let has = |name: &str| body.get(name).is_some_and(Value::is_string);
    assert!(if status < 400 { has("result") } else { has("result") || has("error") && has("do") }, "{text}");
}

/// With everything that Lethe needs in order no message comes back.
fn worked_off(event: &Value) {
    let answer = World::new().intake(event);
    assert_eq!(answer.is_ok(), event["Records"].is_array());
    let Ok(answer) = answer else { return };
    assert_eq!(answer["batchItemFailures"], json!([]));
}

fn request(body: &str) -> Value {
    json!({
        "rawPath": "/",
        "requestContext": {
            "accountId": "000000000000",
            "requestId": "request-1",
            "authorizer": { "iam": { "userArn": APP } },
            "http": { "method": "POST" },
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

fn messages(body: &str) -> Value {
    json!({ "Records": [{
        "messageId": "message-1",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1799999999000",
            "SenderId": "AROAEXAMPLEEXAMPLE123:issuer",
        },
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:lethe-intake-issuer",
    }] })
}

/// The recorded events, and the schema's examples as bodies about tokens that there are.
pub fn seeds() -> Vec<Vec<u8>> {
    let recorded = [
        include_str!("../../../tests/events/intake.json"),
        include_str!("../../../tests/events/intake-url.json"),
    ];
    let bodies = command::examples().into_iter().zip((1..=7).cycle()).map(|(mut body, number)| {
        if let Some(tokens) = body.get_mut("tokens") {
            *tokens = json!([token(number).expose(), token(8).expose()]);
        }
        body
    });
    let bodies: Vec<Value> = bodies.collect();
    let events =
        bodies.iter().take(2).flat_map(|body| [request(&body.to_string()), messages(&body.to_string())]);
    let made: Vec<String> = bodies.iter().cloned().chain(events).map(|value| value.to_string()).collect();
    for body in &bodies {
        let answer = World::new().intake(&request(&body.to_string())).unwrap();
        assert!(matches!(answer["statusCode"].as_u64(), Some(200..300)), "{answer}");
    }
    recorded.into_iter().map(seed).chain(made.iter().map(|text| seed(text))).collect()
}
