//! The JSON Schema of commands, made from the table.

use serde_json::{Map, Value, json};

use super::table::{FIELDS, FORMS, Field, Form, Holds, MAX_SECONDS, Plain, TOKEN, Text};
use super::{COMMAND_VERSION, MAX_TOKENS, words};
use crate::token::SUBJECT_PREFIX;

/// Where a schema's parts lie: in its own `$defs`, or among an `OpenAPI` page's components.
pub(super) const DEFS: &str = "#/$defs/";

/// The published schema of commands and notices (draft 2020-12). It accepts what [`super::Command::parse`] accepts, but
/// for two rules that no schema can state: the whole text has at most [`super::MAX_BODY_BYTES`], and no field is given
/// twice in it.
pub fn schema() -> Value {
    let mut root = command(DEFS);
    if let Some(root) = root.as_object_mut() {
        root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        root.insert("$id".to_owned(), json!("urn:lethe:command:1"));
        root.insert("title".to_owned(), json!("Lethe: commands and notices, version 1"));
        root.insert("$defs".to_owned(), Value::Object(parts(DEFS)));
    }
    root
}

/// Any command, its forms referred to under `base`.
pub(super) fn command(base: &str) -> Value {
    let forms: Vec<Value> = words().map(|word| reference(base, word)).collect();
    json!({
        "description": "One command or notice, at most 65536 bytes of UTF-8 in which no field is given twice.",
        "oneOf": forms,
    })
}

/// Every field and every command by its name.
pub(super) fn parts(base: &str) -> Map<String, Value> {
    // Each command states its own word, so the field of all words is no part.
    let fields = FIELDS.iter().filter(|field| field.name != "command");
    let fields = fields.map(|field| (field.name.to_owned(), of_field(field)));
    let forms = FORMS.iter().map(|form| (form.verb.word().to_owned(), of_form(form, base)));
    fields.chain(forms).collect()
}

/// A reference to the part with this name.
pub(super) fn reference(base: &str, name: &str) -> Value {
    json!({ "$ref": format!("{base}{name}") })
}

fn of_form(form: &Form, base: &str) -> Value {
    let mut schema = match form.either {
        [only] => alternative(form, only, base),
        several => {
            let all: Vec<Value> = several.iter().map(|set| alternative(form, set, base)).collect();
            json!({ "oneOf": all })
        }
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".to_owned(), json!(form.verb.word()));
        schema.insert("description".to_owned(), json!(form.about));
        schema.insert("examples".to_owned(), Value::Array(examples(form)));
    }
    schema
}

/// One alternative of a command: an object of exactly these fields.
fn alternative(form: &Form, set: &[&'static str], base: &str) -> Value {
    let required: Vec<&str> = form.always().chain(set.iter().copied()).collect();
    let fields = required.iter().copied().chain(form.may_carry());
    let properties: Map<String, Value> =
        fields.map(|name| (name.to_owned(), property(form, name, base))).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(form: &Form, name: &str, base: &str) -> Value {
    if name == "command" { json!({ "const": form.verb.word() }) } else { reference(base, name) }
}

fn of_field(field: &Field) -> Value {
    let mut schema = field.holds.schema();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(field.about));
    }
    schema
}

/// One example for each alternative of a command.
pub(super) fn examples(form: &Form) -> Vec<Value> {
    let of_set = |set: &&[&'static str]| {
        let names = form.always().chain(set.iter().copied()).chain(form.may_carry());
        let value = |name: &str| match name {
            "command" => json!(form.verb.word()),
            other => example(other),
        };
        Value::Object(names.map(|name| (name.to_owned(), value(name))).collect())
    };
    form.either.iter().map(of_set).collect()
}

fn example(name: &str) -> Value {
    match name {
        "v" => json!(COMMAND_VERSION),
        "tenant" => json!("acme"),
        "idempotency_key" => json!("request-17"),
        "reason_text" => json!("ticket 4711"),
        "tokens" => json!(["tok_4f9a0c"]),
        "at" => json!(1_760_000_000),
        "everywhere" | "erase_now" => json!(true),
        "hold_id" => json!("case-17"),
        other => json!(format!("{other}-1")),
    }
}

impl Holds {
    fn schema(self) -> Value {
        match self {
            Self::Version => json!({ "const": COMMAND_VERSION }),
            Self::Word => json!({ "enum": words().collect::<Vec<_>>() }),
            Self::Plain(plain) => plain.schema(),
            Self::Text(text) => text.schema(),
            Self::Tokens => json!({
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_TOKENS,
                "uniqueItems": true,
                "items": token(),
            }),
            Self::Seconds => json!({ "type": "integer", "minimum": 0, "maximum": MAX_SECONDS }),
            Self::Flag => json!({ "type": "boolean" }),
            Self::True => json!({ "const": true }),
        }
    }
}

fn token() -> Value {
    let mut schema = TOKEN.schema();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("not".to_owned(), json!({ "pattern": format!("^{SUBJECT_PREFIX}") }));
    }
    schema
}

impl Plain {
    fn schema(self) -> Value {
        json!({ "type": "string", "pattern": format!("^{}{{1,{}}}$", self.class, self.max) })
    }
}

impl Text {
    fn schema(self) -> Value {
        json!({
            "type": "string",
            "minLength": 1,
            "anyOf": [
                { "maxLength": self.max_wide() },
                { "maxLength": self.max, "pattern": r"^[\x00-\x7f]*$" },
            ],
        })
    }
}
