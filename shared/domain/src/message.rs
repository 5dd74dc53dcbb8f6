//! Wake-ups between the functions. A message is a key, never a verdict and never a token: whoever receives it reads
//! the row again and decides again.

use serde::{Deserialize, Serialize};

use crate::run::RunId;
use crate::token::{Shard, TenantId};

/// The version of the messages' form; a receiver refuses another.
pub const MESSAGE_VERSION: u8 = 1;

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Wake {
    /// Scan one unit.
    Scan {
        /// Whose run it is.
        tenant: TenantId,
        /// The run.
        run: RunId,
        /// The unit's number in the run's manifests.
        unit: u32,
    },
    /// Plan one shard.
    Plan {
        /// Whose run it is.
        tenant: TenantId,
        /// The run.
        run: RunId,
        /// The shard.
        shard: Shard,
    },
    /// Apply one shard of the plan with this hash.
    Apply {
        /// Whose run it is.
        tenant: TenantId,
        /// The run.
        run: RunId,
        /// The shard.
        shard: Shard,
        /// The hash of the whole run's plan: another plan is another message.
        hash: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    v: u8,
    #[serde(flatten)]
    wake: Wake,
}

impl Wake {
    /// The message's text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&Envelope { v: MESSAGE_VERSION, wake: self.clone() }).unwrap_or_default()
    }

    /// Reads a message; `None` when it is not one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let envelope: Envelope = serde_json::from_str(text).ok()?;
        (envelope.v == MESSAGE_VERSION).then_some(envelope.wake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_does_not_drift() {
        let wake = Wake::Apply {
            tenant: TenantId::new("acme").unwrap(),
            run: RunId::parse("1700000000-02").unwrap(),
            shard: Shard(5),
            hash: "ab".into(),
        };
        insta::assert_snapshot!(wake.to_json(), @r#"{"v":1,"do":"apply","tenant":"acme","run":"1700000000-02","shard":5,"hash":"ab"}"#);
        assert_eq!(Wake::parse(&wake.to_json()), Some(wake));
    }

    #[test]
    fn another_version_or_form_is_not_ours() {
        for text in [
            "",
            "{}",
            r#"{"v":2,"do":"scan","tenant":"acme","run":"1-01","unit":1}"#,
            r#"{"v":1,"do":"dance"}"#,
        ] {
            assert_eq!(Wake::parse(text), None, "{text}");
        }
    }
}
