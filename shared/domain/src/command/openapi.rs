//! The function's URL as an `OpenAPI` page, made from the same table as the parser and from the words of the answers.

use serde_json::{Map, Value, json};

use super::schema::{command, examples, parts, reference};
use super::table::{FORMS, Form};
use super::{MAX_TOKENS, Problem, RESULTS, words};

const COMPONENTS: &str = "#/components/schemas/";

/// What the page says about the whole interface.
const ABOUT: &str = "Tell Lethe that tokens ended, were read, are copied or deleted, are to be held or come back. The \
same JSON is taken from the command queues, where nobody is answered. Send a command as often as you like under one \
idempotency key: it is done once. No answer repeats anything that was sent.";

/// What AWS itself may answer before the function is asked.
const BY_AWS: &str = "A request whose signature AWS refuses is answered 403 by AWS, with a body of its own.";

/// The published page of the function's URL (`OpenAPI` 3.1).
pub fn openapi() -> Value {
    let mut schemas = parts(COMPONENTS);
    schemas.insert("any_command".to_owned(), any_command());
    schemas.extend(answers());
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Lethe: commands and notices", "version": "1", "description": ABOUT },
        "servers": [{
            "url": "https://{url_id}.lambda-url.{region}.on.aws",
            "variables": { "url_id": { "default": "url-id" }, "region": { "default": "eu-central-1" } },
        }],
        "security": [{ "aws_signature": [] }],
        "paths": { "/": { "post": operation() } },
        "components": {
            "schemas": schemas,
            "securitySchemes": { "aws_signature": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "AWS Signature Version 4 for the service `lambda`, by a principal that the tenant's callers name.",
            } },
        },
    })
}

fn any_command() -> Value {
    let mapping: Map<String, Value> =
        words().map(|word| (word.to_owned(), json!(format!("{COMPONENTS}{word}")))).collect();
    let mut schema = command(COMPONENTS);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("discriminator".to_owned(), json!({ "propertyName": "command", "mapping": mapping }));
    }
    schema
}

fn operation() -> Value {
    json!({
        "operationId": "command",
        "summary": "Send one command or notice",
        "description": BY_AWS,
        "requestBody": {
            "required": true,
            "content": { "application/json": {
                "schema": reference(COMPONENTS, "any_command"),
                "examples": FORMS.iter().flat_map(examples_of).collect::<Map<_, _>>(),
            } },
        },
        "responses": responses(),
    })
}

fn examples_of(form: &Form) -> Vec<(String, Value)> {
    let word = form.verb.word();
    let numbered = examples(form).into_iter().zip(1_u8..);
    numbered
        .map(|(value, number)| (format!("{word}_{number}"), json!({ "summary": form.about, "value": value })))
        .collect()
}

fn responses() -> Value {
    let mut done = response("Done", &["outcomes", "whole_group"]);
    give_example(&mut done, "a_token", &json!({ "result": "done", "results": [{ "result": "ended" }] }));
    give_example(&mut done, "a_group", &json!({ "result": "done", "complete": true, "ended": 3, "kept": 1 }));
    let mut too_often = response("Too much at once", &["try_later"]);
    give_header(
        &mut too_often,
        "Retry-After",
        "Seconds to wait.",
        &json!({ "type": "integer", "minimum": 1 }),
    );
    let mut method = response("The function takes POST only", &["method_not_allowed"]);
    give_header(&mut method, "Allow", "The method to use.", &json!({ "const": "POST" }));
    json!({
        "200": done,
        "202": response("Begun: a group too large for one call", &["part_of_group"]),
        "207": response("The tokens fared differently; each outcome has its own status", &["outcomes"]),
        "400": response("Not a command; every fault is named", &["bad_command"]),
        "403": response("Not allowed to say this about this tenant", &["forbidden"]),
        "404": response("Tokens that the vault does not hold, or a path other than /", &["outcomes", "not_found"]),
        "405": method,
        "409": response(
            "Tokens that must not come back, or a command that cannot be carried out as things are",
            &["outcomes", "no_config", "report_mode", "idempotency_conflict"],
        ),
        "410": response("Tokens that have left the vault", &["outcomes"]),
        "413": response("Too long, or too many tokens", &["too_large"]),
        "422": response(
            "Rows that nobody understands, which are kept; or a command that no attempt will carry out",
            &["outcomes", "refused"],
        ),
        "429": too_often,
        "503": response("Something that Lethe needs did not answer", &["try_again"]),
    })
}

/// An answer whose body is one of these parts.
fn response(about: &str, bodies: &[&str]) -> Value {
    let schema = match bodies {
        [only] => reference(COMPONENTS, only),
        several => {
            let all: Vec<Value> = several.iter().map(|name| reference(COMPONENTS, name)).collect();
            json!({ "oneOf": all })
        }
    };
    json!({ "description": about, "content": { "application/json": { "schema": schema } } })
}

fn give_example(response: &mut Value, name: &str, value: &Value) {
    if let Some(content) = response.pointer_mut("/content/application~1json").and_then(Value::as_object_mut)
        && let Some(examples) = content.entry("examples").or_insert_with(|| json!({})).as_object_mut()
    {
        examples.insert(name.to_owned(), json!({ "value": value }));
    }
}

fn give_header(response: &mut Value, name: &str, about: &str, schema: &Value) {
    if let Some(response) = response.as_object_mut() {
        let header = json!({ "description": about, "required": true, "schema": schema });
        response.insert("headers".to_owned(), json!({ name: header }));
    }
}

/// The bodies of answers by their name.
fn answers() -> Map<String, Value> {
    let mut parts = Map::new();
    parts.insert("outcome".to_owned(), outcome());
    parts.insert("outcomes".to_owned(), outcomes());
    parts.insert("whole_group".to_owned(), group("done", true));
    parts.insert("part_of_group".to_owned(), group("accepted", false));
    for problem in Problem::ALL {
        parts.insert(problem.as_str().to_owned(), of_problem(problem));
    }
    parts
}

fn outcome() -> Value {
    let words: Vec<&str> = RESULTS.iter().map(|(word, _, _)| *word).collect();
    let about: Vec<String> = RESULTS.iter().map(|(word, _, about)| format!("{word}: {about}")).collect();
    json!({
        "type": "object",
        "description": "What became of one token.",
        "properties": {
            "result": { "enum": words, "description": about.join(". ") },
            "why": { "type": "string", "pattern": "^[a-z_]+$", "description": "Why nothing changed." },
            "status": { "type": "integer", "description": "The status that this token alone would have." },
        },
        "required": ["result"],
    })
}

fn outcomes() -> Value {
    let results = json!({
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_TOKENS,
        "description": "In the order of the command's tokens.",
        "items": reference(COMPONENTS, "outcome"),
    });
    json!({
        "type": "object",
        "description": "What became of each token.",
        "properties": { "result": { "const": "done" }, "results": results },
        "required": ["result", "results"],
    })
}

fn group(result: &str, is_complete: bool) -> Value {
    let count = |about: &str| json!({ "type": "integer", "minimum": 0, "description": about });
    let mut properties = json!({
        "result": { "const": result },
        "complete": { "const": is_complete },
        "ended": count("Tokens that were changed."),
        "kept": count("Tokens that were left as they are."),
    });
    let mut required = vec!["result", "complete", "ended", "kept"];
    if !is_complete && let Some(properties) = properties.as_object_mut() {
        properties
            .insert("do".to_owned(), json!({ "type": "string", "description": "How to see how far it is." }));
        required.push("do");
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

fn of_problem(problem: Problem) -> Value {
    let mut properties = json!({
        "error": { "const": problem.as_str() },
        "do": { "type": "string", "description": "What to do about it.", "examples": [problem.what_to_do()] },
    });
    let mut required = vec!["error", "do"];
    let more = match problem {
        Problem::BadCommand => {
            Some(("faults", json!({ "type": "array", "minItems": 1, "items": { "type": "string" } })))
        }
        Problem::TryLater => Some(("retry_after_seconds", json!({ "type": "integer", "minimum": 1 }))),
        Problem::Forbidden
        | Problem::NotFound
        | Problem::MethodNotAllowed
        | Problem::NoConfig
        | Problem::ReportMode
        | Problem::IdempotencyConflict
        | Problem::TooLarge
        | Problem::Refused
        | Problem::TryAgain => None,
    };
    if let (Some((name, schema)), Some(properties)) = (more, properties.as_object_mut()) {
        properties.insert(name.to_owned(), schema);
        required.push(name);
    }
    json!({ "type": "object", "properties": properties, "required": required })
}
