//! The form of a command: parsed by hand over JSON, so that every fault is named at once and none quotes a value.

use lethe_domain::token::TokenId;
use serde_json::{Map, Value};

/// The most that a command's text may be, in bytes.
const MAX_COMMAND_BYTES: usize = 16 * 1024;

/// One command or notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A token was read.
    Read {
        /// Whose token.
        tenant: String,
        /// The token.
        token: TokenId,
        /// When, in epoch seconds; now where it is not said.
        at: Option<i64>,
    },
    /// A token was withdrawn.
    Revoked {
        /// Whose token.
        tenant: String,
        /// The token.
        token: TokenId,
    },
    /// A session, or every session of a subject, ended.
    Logout {
        /// Whose tokens.
        tenant: String,
        /// The subject.
        subject: String,
        /// One session of it.
        session: Option<String>,
    },
}

const COMMON: [&str; 3] = ["v", "tenant", "command"];

impl Command {
    /// Reads a command, or names everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        if MAX_COMMAND_BYTES < text.len() {
            return Err(vec![format!("the command is longer than {MAX_COMMAND_BYTES} bytes")]);
        }
        let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
            return Err(vec!["the command is not a JSON object".to_owned()]);
        };
        let mut faults = Vec::new();
        if fields.get("v").and_then(Value::as_u64) != Some(1) {
            faults.push("v: must be 1".to_owned());
        }
        let tenant = text_of(&fields, "tenant", &mut faults);
        let command = match fields.get("command").and_then(Value::as_str) {
            Some("read") => Self::read(&fields, tenant, &mut faults),
            Some("revoked") => Self::revoked(&fields, tenant, &mut faults),
            Some("logout") => Self::logout(&fields, tenant, &mut faults),
            Some(_) | None => {
                faults.push("command: must be read, revoked or logout".to_owned());
                None
            }
        };
        match command {
            Some(command) if faults.is_empty() => Ok(command),
            Some(_) | None => Err(faults),
        }
    }

    /// Whose command it is.
    pub fn tenant(&self) -> &str {
        match self {
            Self::Read { tenant, .. } | Self::Revoked { tenant, .. } | Self::Logout { tenant, .. } => tenant,
        }
    }

    fn read(fields: &Map<String, Value>, tenant: Option<String>, faults: &mut Vec<String>) -> Option<Self> {
        only(fields, &["token", "at"], faults);
        let token = token_of(fields, faults);
        let at = match fields.get("at") {
            None => None,
            Some(at) => {
                let seconds = at.as_i64().filter(|at| *at >= 0);
                if seconds.is_none() {
                    faults.push("at: must be epoch seconds".to_owned());
                }
                seconds
            }
        };
        Some(Self::Read { tenant: tenant?, token: token?, at })
    }

    fn revoked(
        fields: &Map<String, Value>,
        tenant: Option<String>,
        faults: &mut Vec<String>,
    ) -> Option<Self> {
        only(fields, &["token"], faults);
        let token = token_of(fields, faults);
        Some(Self::Revoked { tenant: tenant?, token: token? })
    }

    fn logout(fields: &Map<String, Value>, tenant: Option<String>, faults: &mut Vec<String>) -> Option<Self> {
        only(fields, &["subject", "session"], faults);
        let subject = text_of(fields, "subject", faults);
        let session = if fields.contains_key("session") { text_of(fields, "session", faults) } else { None };
        Some(Self::Logout { tenant: tenant?, subject: subject?, session })
    }
}

fn only(fields: &Map<String, Value>, own: &[&str], faults: &mut Vec<String>) {
    let unknown =
        fields.keys().filter(|name| !COMMON.contains(&name.as_str()) && !own.contains(&name.as_str()));
    // A field's name may be a mistyped value, so it is counted and not quoted.
    let n_unknown = unknown.count();
    if n_unknown > 0 {
        let known = [&COMMON[..], own].concat().join(", ");
        faults.push(format!("{n_unknown} unknown field(s); this command takes {known}"));
    }
}

fn text_of(fields: &Map<String, Value>, name: &str, faults: &mut Vec<String>) -> Option<String> {
    let text = fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty() && text.len() <= 1024);
    if text.is_none() {
        faults.push(format!("{name}: must be a text of 1 to 1024 bytes"));
    }
    text.map(str::to_owned)
}

fn token_of(fields: &Map<String, Value>, faults: &mut Vec<String>) -> Option<TokenId> {
    let token = fields.get("token").and_then(Value::as_str).and_then(|token| TokenId::new(token).ok());
    if token.is_none() {
        faults.push("token: must be a text of 1 to 1024 bytes that does not begin with subject#".to_owned());
    }
    token
}
