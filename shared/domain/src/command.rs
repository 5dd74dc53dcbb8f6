//! What a caller may ask of Lethe: commands and notices, the same over the queue and over the function's URL.
//!
//! One table (`table.rs`) says which fields each command takes and what each may hold. The parser, the JSON Schema and
//! the page of the URL all read it, so what is published and what is accepted cannot drift apart. A refusal names every
//! fault at once and quotes nothing that the caller sent: a mistyped field may hold a token.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::policy::Trigger;
use crate::time::EpochSeconds;
use crate::token::TokenId;

mod answer;
mod given;
mod json;
mod openapi;
mod schema;
mod table;
#[cfg(test)]
mod tests;

pub use answer::{Problem, RESULTS};
pub use openapi::openapi;
pub use schema::schema;

/// The most that a command's text may be, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The most tokens that one command may name.
pub const MAX_TOKENS: usize = 100;

/// The version of the commands' form; another one is refused.
pub const COMMAND_VERSION: u64 = 1;

/// One command or notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Whose tokens it is about; has the form of a tenant's name, and need not be one.
    pub tenant: String,
    /// Makes sending it twice the same as sending it once.
    pub key: Option<IdempotencyKey>,
    /// What the caller says about it, for the record.
    pub reason_text: Option<String>,
    /// What to do.
    pub order: Order,
}

/// What a command asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Something ended: tokens, or all that a group covers.
    End {
        /// Why.
        trigger: Trigger,
        /// What ended.
        target: Target,
        /// When it happened; `rotated` alone may say so.
        at: Option<EpochSeconds>,
        /// Whether the wait before removal is skipped; `account_deleted` alone may ask for it.
        erase_now: bool,
    },
    /// Tokens were read.
    Read {
        /// Which.
        tokens: Vec<TokenId>,
        /// When; now where it is not said.
        at: Option<EpochSeconds>,
    },
    /// A tenant stored references to tokens.
    Created {
        /// Which tokens.
        tokens: Vec<TokenId>,
        /// The notice's id; one that was seen before is not counted again.
        event_id: String,
    },
    /// A tenant deleted references to tokens.
    Deleted {
        /// Which tokens.
        tokens: Vec<TokenId>,
        /// The notice's id; one that was seen before is not counted again.
        event_id: String,
    },
    /// Nothing of the target may leave until the hold is released.
    Hold {
        /// What is held.
        target: HoldTarget,
        /// The hold's id.
        hold_id: String,
    },
    /// A hold ends.
    Release {
        /// What was held.
        target: HoldTarget,
        /// The hold's id.
        hold_id: String,
    },
    /// Tokens come back into service, where their reason allows it.
    Reinstate {
        /// Which.
        tokens: Vec<TokenId>,
    },
}

/// What an end is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// These tokens.
    Tokens(Vec<TokenId>),
    /// Every token of a subject, or of a part of what it has.
    Group(Group),
}

/// A subject's tokens, or a part of them. `Debug` shows neither the subject nor the part's id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Group {
    /// The subject.
    pub subject: String,
    /// How much of it.
    pub part: Part,
}

/// How much of a subject's tokens is meant. `Debug` does not show the id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// All of it.
    Everything,
    /// One session.
    Session(String),
    /// One device.
    Device(String),
    /// One family of refresh tokens.
    Family(String),
}

/// What a hold is about. `Debug` does not show the subject.
#[derive(Clone, PartialEq, Eq)]
pub enum HoldTarget {
    /// These tokens.
    Tokens(Vec<TokenId>),
    /// A subject: every token that it has or gets.
    Subject(String),
}

/// The caller's own name for a command: 1 to 128 of `A-Z a-z 0-9 . _ : -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(String);

/// Why a text is not a command. No word of it comes from the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Nothing is wrong with it but its size.
    TooLarge(String),
    /// All that is wrong with it.
    Faults(Vec<String>),
}

impl Command {
    /// Reads a command, or names everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Rejected> {
        if MAX_BODY_BYTES < text.len() {
            return Err(Rejected::TooLarge(format!("the command is longer than {MAX_BODY_BYTES} bytes")));
        }
        let Ok(given) = serde_json::from_str::<given::Given>(text) else {
            return Err(Rejected::Faults(vec!["the command is not a JSON object".to_owned()]));
        };
        let (form, values) = given.check()?;
        // A form that passed its checks is whole; the other branch is there so that nothing can panic.
        values.into_command(form).ok_or_else(|| Rejected::Faults(vec!["the command is not whole".to_owned()]))
    }

    /// The command's word, as callers are allowed it and as the record names it.
    pub fn word(&self) -> &'static str {
        match &self.order {
            Order::End { trigger, .. } => trigger.as_str(),
            Order::Read { .. } => "read",
            Order::Created { .. } => "created",
            Order::Deleted { .. } => "deleted",
            Order::Hold { .. } => "hold",
            Order::Release { .. } => "release",
            Order::Reinstate { .. } => "reinstate",
        }
    }
}

impl IdempotencyKey {
    /// Checks and takes a key; `None` when it has another form.
    pub fn new(key: impl Into<String>) -> Option<Self> {
        let key = key.into();
        table::KEY.admits(&key).then_some(Self(key))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Every command's word, in the order of the table.
pub fn words() -> impl Iterator<Item = &'static str> {
    table::FORMS.iter().map(|form| form.verb.word())
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("part", &self.part).finish_non_exhaustive()
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Everything => "Everything",
            Self::Session(_) => "Session(secret)",
            Self::Device(_) => "Device(secret)",
            Self::Family(_) => "Family(secret)",
        })
    }
}

impl fmt::Debug for HoldTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tokens(tokens) => f.debug_tuple("Tokens").field(tokens).finish(),
            Self::Subject(_) => f.write_str("Subject(secret)"),
        }
    }
}
