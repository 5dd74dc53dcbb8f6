//! Who sent a command, as far as the way in knows.

use lethe_domain::caller::Identity;
use lethe_domain::time::EpochMillis;

/// The sender of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Whoever signed the request (principal ARN).
    Principal(String),
    /// Somebody who may write to the queue of a caller class.
    Queue {
        /// The class.
        class: String,
        /// The unique id that SQS shows of the sender.
        sender: Option<String>,
    },
    /// Nobody that the way in could name: may do nothing.
    Nobody,
}

/// A command's sender and circumstances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The message's or the request's id, the same with every delivery.
    pub id: String,
    /// Who sent it.
    pub sender: Sender,
    /// When it was sent. A message that comes twice was sent once.
    pub sent_at: EpochMillis,
}

impl Caller {
    /// Who this is to the config.
    pub fn identity(&self) -> Identity<'_> {
        match &self.sender {
            Sender::Principal(arn) => Identity::Principal(arn),
            Sender::Queue { class, sender } => Identity::Queue { class, sender: sender.as_deref() },
            Sender::Nobody => Identity::Principal(""),
        }
    }

    /// Who this is on record.
    pub fn actor(&self) -> String {
        match &self.sender {
            Sender::Principal(arn) => arn.clone(),
            Sender::Queue { class, sender: Some(sender) } => format!("queue:{class} {sender}"),
            Sender::Queue { class, sender: None } => format!("queue:{class}"),
            Sender::Nobody => "nobody".to_owned(),
        }
    }
}
