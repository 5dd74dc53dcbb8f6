//! A command that reaches many tokens: it is written down before the first of them is touched, worked off in bounded
//! pieces, and resumed from where it stands.

use serde::{Deserialize, Serialize};

use crate::command::{Group, Part};
use crate::policy::{Scope, Trigger};
use crate::row::{By, Owner};
use crate::time::{EpochMillis, EpochSeconds};
use crate::token::TenantId;

/// What happens to every token that is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Deed {
    /// It ends.
    End {
        /// Why.
        trigger: Trigger,
        /// Without the cool-off.
        erase_now: bool,
    },
    /// It is held.
    Hold {
        /// Under this id.
        hold_id: String,
    },
    /// It is released.
    Release {
        /// From this id.
        hold_id: String,
    },
}

/// How far a fan-out has come in the owner index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The bucket of the subject's rows.
    pub bucket: u8,
    /// The last key of it that is done, as its `owner_sk` and its table key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<IndexKey>,
}

/// A place in the owner index.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IndexKey {
    /// The index's sort key.
    pub owner_sk: String,
    /// The row's partition key.
    pub pk: String,
    /// The row's sort key.
    pub sk: String,
}

impl std::fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IndexKey(secret)")
    }
}

/// One fan-out as the control table keeps it until it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FanOut {
    /// Whose tokens.
    pub tenant: TenantId,
    /// Its id, derived from the command's, so that a redelivery is the same fan-out.
    pub id: String,
    /// Which tokens.
    pub group: Group,
    /// What happens to them.
    pub deed: Deed,
    /// Tokens issued later are not meant; `None` for holds, which mean all.
    pub issued_until: Option<EpochMillis>,
    /// Who asked.
    pub by: By,
    /// The config version in force when it was accepted: it decides to the end.
    pub policy: u64,
    /// The idempotency key under which its answer is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it was accepted.
    pub started_at: EpochSeconds,
    /// When reconcile takes it up: whoever has it in hand is given that long.
    pub resume_at: EpochSeconds,
    /// Whether the subject's row says it already, where it is about a whole subject.
    #[serde(default)]
    pub is_marked: bool,
    /// Whether the subject's row bore the hold that this releases: then it kept tokens that do not bear it as well.
    #[serde(default)]
    pub was_held: bool,
    /// How far it is.
    pub position: Position,
    /// Tokens that were changed.
    pub n_changed: u64,
    /// Tokens that were left as they are.
    pub n_kept: u64,
    /// Of those that were changed, tokens that wait for a person's approval to leave.
    #[serde(default)]
    pub n_waiting: u64,
    /// Stepped with every write.
    pub revision: u64,
}

/// What the ids of second looks begin with: after every first look, since those are hex.
const SECOND: char = '~';

impl FanOut {
    /// The same tokens once more, later: the owner index lags, so the first look may have missed the newest.
    #[must_use]
    pub fn second_look(&self, resume_at: EpochSeconds) -> Self {
        // In the order of their time, so that those that are due come first.
        let id = format!("{SECOND}{:012}#{}", resume_at.0, self.id);
        Self { id, resume_at, position: Position::default(), key: None, revision: 0, ..self.clone() }
    }

    /// Whether this is one.
    pub fn is_second_look(&self) -> bool {
        self.id.starts_with(SECOND)
    }
}

/// The tokens that a trigger of this scope takes along with one token; `None` when it is that token alone. A family is
/// known for refresh tokens; of another token it is the sign-in.
pub fn reach(scope: Scope, owner: &Owner) -> Option<Group> {
    let session = || owner.session.clone().map(Part::Session);
    let part = match scope {
        Scope::Token => None,
        Scope::Session => session(),
        Scope::Device => owner.device.clone().map(Part::Device),
        Scope::Family => owner.family.clone().map(Part::Family).or_else(session),
        Scope::Subject => Some(Part::Everything),
    };
    Some(Group { subject: owner.subject.clone()?, part: part? })
}

impl Part {
    /// Whether a token with this owner belongs to it.
    pub fn takes(&self, owner: &Owner) -> bool {
        match self {
            Self::Everything => true,
            Self::Session(session) => owner.session.as_ref() == Some(session),
            Self::Device(device) => owner.device.as_ref() == Some(device),
            Self::Family(family) => owner.family.as_ref() == Some(family),
        }
    }
}
