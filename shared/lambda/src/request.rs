//! Requests over a Function URL and the answers to them. IAM has checked the caller before the function is invoked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
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

/// Why a request is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status.
    pub status: u16,
    /// The word that the answer carries.
    pub error: &'static str,
}

/// Reads an event; `None` when it is none of a Function URL.
pub fn read(event: &Value) -> Option<Result<Request, Rejection>> {
    event.pointer("/requestContext/http")?;
    Some(read_request(event))
}

fn read_request(event: &Value) -> Result<Request, Rejection> {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str);
    let reject = |status, error| Err(Rejection { status, error });
    let caller = text("/requestContext/authorizer/iam/userArn").map(ToOwned::to_owned);
    // Guard: a URL whose authentication was switched off reports an anonymous account, and nobody may command then.
    if caller.is_none() && text("/requestContext/accountId").is_none_or(|account| account == "anonymous") {
        return reject(403, "forbidden");
    }
    if text("/rawPath").is_some_and(|path| path != "/") {
        return reject(404, "not_found");
    }
    if text("/requestContext/http/method") != Some("POST") {
        return reject(405, "method_not_allowed");
    }
    let is_base64 = event.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    let body = text("/body").unwrap_or_default();
    let Some(body) = (if is_base64 { decode(body) } else { Some(body.to_owned()) }) else {
        return reject(400, "unreadable_body");
    };
    Ok(Request { body, id: text("/requestContext/requestId").unwrap_or_default().to_owned(), caller })
}

fn decode(body: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(body).ok()?).ok()
}

/// The answer as Lambda takes it.
pub fn answer(status: u16, body: &Value) -> Value {
    json!({
        "statusCode": status,
        "headers": { "content-type": "application/json" },
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
}

/// The answer to what is not a command, or could not be done.
pub fn refusal(Rejection { status, error }: Rejection) -> Value {
    answer(status, &json!({ "error": error }))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(read(event).unwrap().err().map(|rejection| rejection.status), Some(status));
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
}
