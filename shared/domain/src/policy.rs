//! What the config says should happen to a token: per kind and trigger an action, a cool-off and a retention.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a token leaves service. The code is what audit entries carry; it never changes meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Its `expires_at` has passed.
    Expired,
    /// A refresh token was replaced by its successor.
    Rotated,
    /// A single-use token was used.
    Consumed,
    /// A session, or every session of a subject, ended.
    Logout,
    /// The sessions of one device ended.
    DeviceLogout,
    /// It may be in the wrong hands.
    Compromised,
    /// An administrator or its user withdrew it.
    Revoked,
    /// The subject's account was deleted.
    AccountDeleted,
    /// Nobody read it for the set time.
    Idle,
    /// No store holds it any more.
    Unreferenced,
    /// A newer token for the same subject and client took its place.
    Superseded,
}

impl Trigger {
    /// Every trigger, in the order of its audit code.
    pub const ALL: [Self; 11] = [
        Self::Expired,
        Self::Rotated,
        Self::Consumed,
        Self::Logout,
        Self::DeviceLogout,
        Self::Compromised,
        Self::Revoked,
        Self::AccountDeleted,
        Self::Idle,
        Self::Unreferenced,
        Self::Superseded,
    ];

    /// The word that config, rows and audit use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Rotated => "rotated",
            Self::Consumed => "consumed",
            Self::Logout => "logout",
            Self::DeviceLogout => "device_logout",
            Self::Compromised => "compromised",
            Self::Revoked => "revoked",
            Self::AccountDeleted => "account_deleted",
            Self::Idle => "idle",
            Self::Unreferenced => "unreferenced",
            Self::Superseded => "superseded",
        }
    }

    /// The trigger with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.as_str() == word)
    }

    /// Whether a token that this took out of service may come back while it cools: only what was found unused.
    pub fn is_revivable(self) -> bool {
        match self {
            Self::Idle | Self::Unreferenced => true,
            Self::Expired
            | Self::Rotated
            | Self::Consumed
            | Self::Logout
            | Self::DeviceLogout
            | Self::Compromised
            | Self::Revoked
            | Self::AccountDeleted
            | Self::Superseded => false,
        }
    }
}

/// What a trigger does to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Out of service now; removed after the cool-off.
    Invalidate,
    /// Out of service and sentenced in one write.
    Remove,
    /// Nothing happens.
    Ignore,
}

/// How long an archived version stays locked. The classes are the template's: lifecycle rules exist for these only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Retention {
    /// 7 days.
    R7,
    /// 30 days.
    R30,
    /// 90 days.
    R90,
    /// 365 days.
    R365,
}

impl Retention {
    /// Every class, shortest first.
    pub const ALL: [Self; 4] = [Self::R7, Self::R30, Self::R90, Self::R365];

    /// The class's length in days.
    pub fn days(self) -> u32 {
        match self {
            Self::R7 => 7,
            Self::R30 => 30,
            Self::R90 => 90,
            Self::R365 => 365,
        }
    }

    /// The class's unscaled length.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.days()).saturating_mul(86_400))
    }

    /// The key prefix of the class in the archive bucket, without the slash.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::R7 => "r7",
            Self::R30 => "r30",
            Self::R90 => "r90",
            Self::R365 => "r365",
        }
    }
}

/// One cell of the policy: what one trigger does to tokens of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What happens.
    pub action: Action,
    /// How long the token cools before it may be removed.
    pub cool_off: Duration,
    /// Whether removal goes through the archive; `false` erases.
    pub archive: bool,
    /// How long the archived version stays locked.
    pub retention: Retention,
    /// How many runs in a row must miss the token (`unreferenced` only).
    pub strikes: u8,
}

/// What the config says about one kind of token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindPolicy {
    /// The name of the format that this kind is scanned for; `None` for kinds that are not scanned for.
    pub format: Option<String>,
    /// How old `last_read_at` must be before a read writes it again.
    pub read_granularity: Duration,
    /// How much before a scan's start a token must have been created and last read to count as missed.
    pub grace: Duration,
    /// After how long without a read a token is idle; `None` = never.
    pub idle_after: Option<Duration>,
    /// One rule for every trigger.
    pub rules: BTreeMap<Trigger, Rule>,
}

impl KindPolicy {
    /// The rule of a trigger; `None` means that nothing may happen.
    pub fn rule(&self, trigger: Trigger) -> Option<&Rule> {
        self.rules.get(&trigger)
    }
}
