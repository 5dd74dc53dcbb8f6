//! Requests over a Function URL and the answers to them. IAM has checked the caller before the function is invoked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lethe_domain::command::Problem;
use serde_json::{Value, json};

/// A command that came over HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Its text; it may hold a token, so it is never logged.
    pub body: String,
    /// The id that Lambda gave the request.
    pub id: String,
    /// The caller's principal ARN.
    pub caller: Option<String>,
}

/// Reads an event; `None` when it is none of a Function URL.
pub fn read(event: &Value) -> Option<Result<Request, Problem>> {
    event.pointer("/requestContext/http")?;
    Some(read_request(event))
}

fn read_request(event: &Value) -> Result<Request, Problem> {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str);
    let caller = text("/requestContext/authorizer/iam/userArn").map(ToOwned::to_owned);
    // Guard: a URL whose authentication was switched off reports an anonymous account, and nobody may command then.
    if caller.is_none() && text("/requestContext/accountId").is_none_or(|account| account == "anonymous") {
        return Err(Problem::Forbidden);
    }
    if text("/rawPath").is_some_and(|path| path != "/") {
        return Err(Problem::NotFound);
    }
    if text("/requestContext/http/method") != Some("POST") {
        return Err(Problem::MethodNotAllowed);
    }
    let is_base64 = event.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    let body = text("/body").unwrap_or_default();
    let Some(body) = (if is_base64 { decode(body) } else { Some(body.to_owned()) }) else {
        return Err(Problem::BadCommand);
    };
    Ok(Request { body, id: text("/requestContext/requestId").unwrap_or_default().to_owned(), caller })
}

fn decode(body: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(body).ok()?).ok()
}

/// The answer as Lambda takes it.
pub fn answer(status: u16, body: &Value) -> Value {
    let mut headers = json!({ "content-type": "application/json" });
    if let (Some(seconds), Some(headers)) = (body.get("retry_after_seconds"), headers.as_object_mut()) {
        headers.insert("retry-after".to_owned(), Value::String(seconds.to_string()));
    }
    if status == 405
        && let Some(headers) = headers.as_object_mut()
    {
        headers.insert("allow".to_owned(), json!("POST"));
    }
    json!({
        "statusCode": status,
        "headers": headers,
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
}

/// The answer to what is not a command, or could not be done.
pub fn refusal(problem: Problem) -> Value {
    let mut body = json!({ "error": problem.as_str(), "do": problem.what_to_do() });
    if let (Problem::BadCommand, Some(body)) = (problem, body.as_object_mut()) {
        // A body that is one is read, and its faults named, by the stage.
        body.insert("faults".to_owned(), json!(["the command is not UTF-8 text"]));
    }
    answer(problem.status(), &body)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile::{any_json, injured, recorded};

    const WORDS: &[&str] = &[
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
        "body",
        "isBase64Encoded",
        "eyJ2IjoxfQ==",
    ];

    fn any_event() -> BoxedStrategy<Value> {
        let recorded = recorded(&[include_str!("../../../tests/events/intake-url.json")]);
        let framed = any_json(WORDS).prop_map(|context| json!({ "requestContext": context, "body": "" }));
        prop_oneof![4 => injured(&recorded, WORDS), 1 => any_json(WORDS), 1 => framed].boxed()
    }

    fn event(method: &str, path: &str, account: &str) -> Value {
        json!({
            "rawPath": path,
            "requestContext": { "accountId": account, "requestId": "r-1", "http": { "method": method } },
            "body": "{}",
            "isBase64Encoded": false,
        })
    }

    #[track_caller]
    fn check(event: &Value, status: u16) {
        assert_eq!(read(event).unwrap().err().map(Problem::status), Some(status));
    }

    #[test]
    fn a_queue_event_is_no_request() {
        assert!(read(&json!({ "Records": [] })).is_none());
    }

    #[test]
    fn only_a_post_to_the_root_is_a_command() {
        check(&event("GET", "/", "123456789012"), 405);
        check(&event("POST", "/x", "123456789012"), 404);
        let request = read(&event("POST", "/", "123456789012")).unwrap().ok().unwrap();
        assert_eq!((request.id.as_str(), request.body.as_str(), request.caller), ("r-1", "{}", None));
    }

    #[test]
    fn nobody_commands_anonymously() {
        check(&event("POST", "/", "anonymous"), 403);
    }

    #[test]
    fn a_base64_body_is_decoded() {
        let mut encoded = event("POST", "/", "123456789012");
        encoded["isBase64Encoded"] = json!(true);
        encoded["body"] = json!("eyJ2IjoxfQ==");
        assert_eq!(read(&encoded).unwrap().ok().unwrap().body, r#"{"v":1}"#);
        for bad in ["%", "/w=="] {
            encoded["body"] = json!(bad);
            check(&encoded, 400);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_was_posted_to_the_root_by_somebody(event in any_event()) {
            let text = |path: &str| event.pointer(path).and_then(Value::as_str);
            let Some(Ok(request)) = read(&event) else { return Ok(()) };
            prop_assert_eq!(text("/requestContext/http/method"), Some("POST"));
            prop_assert!(text("/rawPath").is_none_or(|path| path == "/"));
            let caller = text("/requestContext/authorizer/iam/userArn");
            prop_assert_eq!(request.caller.as_deref(), caller);
            let account = text("/requestContext/accountId");
            prop_assert!(caller.is_some() || account.is_some_and(|account| account != "anonymous"));
            let body = text("/body").unwrap_or_default();
            if event["isBase64Encoded"] == json!(true) {
                prop_assert_eq!(STANDARD.decode(body), Ok(request.body.into_bytes()));
            } else {
                prop_assert_eq!(request.body, body);
            }
        }
    }
}
