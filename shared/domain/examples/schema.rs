//! Writes the published schemas from the tables that the code itself works by.
//! `cargo run -p lethe-domain --example schema`
#![expect(clippy::expect_used, reason = "a file that cannot be written stops it")]

use std::fs;
use std::path::Path;

use lethe_domain::{command, event::OutEvent};
use serde_json::Value;

fn main() {
    write("command.v1.json", &command::schema());
    write("openapi.v1.json", &command::openapi());
    write("event.v1.json", &OutEvent::schema());
}

fn write(name: &str, schema: &Value) {
    let text = serde_json::to_string_pretty(schema).expect("JSON");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(name);
    fs::write(path, text + "\n").expect("the schema is written");
}
