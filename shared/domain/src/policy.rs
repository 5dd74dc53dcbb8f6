//! What the config says should happen to a token: per kind and trigger an action, a scope, a cool-off and a retention.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::TimeScale;

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

impl Trigger {
    /// Which reason gives way to which: a token that one trigger took out of service is taken over by a later one of a
    /// higher rank, never by one of the same or a lower rank.
    pub fn rank(self) -> u8 {
        match self {
            Self::Idle | Self::Unreferenced => 0,
            Self::Expired
            | Self::Superseded
            | Self::Consumed
            | Self::Rotated
            | Self::Logout
            | Self::DeviceLogout => 1,
            Self::Revoked => 2,
            Self::Compromised => 3,
            Self::AccountDeleted => 4,
        }
    }

    /// Whether somebody says so by a command; Lethe itself finds the others.
    pub fn is_commanded(self) -> bool {
        match self {
            Self::Rotated
            | Self::Consumed
            | Self::Logout
            | Self::DeviceLogout
            | Self::Compromised
            | Self::Revoked
            | Self::AccountDeleted => true,
            Self::Expired | Self::Idle | Self::Unreferenced | Self::Superseded => false,
        }
    }
}

/// How far a trigger reaches where a command names only a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The token alone.
    Token,
    /// Every token of its session.
    Session,
    /// Every token of its subject on its device.
    Device,
    /// Every token that descends from the same first one.
    Family,
    /// Every token of its subject.
    Subject,
}

impl Scope {
    /// Every scope, the narrowest first.
    pub const ALL: [Self; 5] = [Self::Token, Self::Session, Self::Device, Self::Family, Self::Subject];

    /// The word that the config uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::Device => "device",
            Self::Family => "family",
            Self::Subject => "subject",
        }
    }

    /// The scope with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
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
    /// How far it reaches where a command names only a token.
    pub scope: Scope,
    /// How long the token cools before it may be removed.
    pub cool_off: Duration,
    /// Whether removal goes through the archive; `false` erases.
    pub archive: bool,
    /// How long the archived version stays locked.
    pub retention: Retention,
    /// How many runs in a row must miss the token (`unreferenced` only).
    pub strikes: u8,
}

/// What issuing, refreshing and revoking a token clean up beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleanup {
    /// Whether the same subject's and client's ended tokens are cleaned up at once.
    pub enable: bool,
    /// Whether what clean-up supersedes goes through the archive; `false` erases.
    pub retain_for_audit: bool,
}

impl Default for Cleanup {
    fn default() -> Self {
        Self { enable: true, retain_for_audit: true }
    }
}

/// What else must hold before an idle token may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdleRequires {
    /// Nothing: silence alone decides.
    #[default]
    Nothing,
    /// That the stores do not hold it either: the runs decide, and no timer.
    Unreferenced,
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
    /// What else must hold before an idle token may go.
    pub idle_requires: IdleRequires,
    /// For how long the use of a spent refresh token is a retry; later it is reuse, and the family is compromised.
    pub reuse_leeway: Duration,
    /// What is cleaned up when a token of this kind is issued, refreshed or revoked.
    pub cleanup: Cleanup,
    /// One rule for every trigger.
    pub rules: BTreeMap<Trigger, Rule>,
}

impl KindPolicy {
    /// The rule of a trigger; `None` means that nothing may happen.
    pub fn rule(&self, trigger: Trigger) -> Option<&Rule> {
        self.rules.get(&trigger)
    }

    /// For how long a token must be unread to be idle. Reads are written only once a granularity, so it may have been
    /// read that much later than its row says.
    pub fn idle_window(&self) -> Option<Duration> {
        self.idle_after.map(|idle| idle.saturating_add(self.read_granularity))
    }

    /// Whether an idle token goes only if the runs do not find it in a store either. What nothing scans for would
    /// stay for ever then, so it is not asked for there.
    pub fn idle_waits_for_scan(&self) -> bool {
        self.idle_requires == IdleRequires::Unreferenced && self.format.is_some()
    }

    /// Puts every duration on this scale.
    pub(crate) fn scale(&mut self, scale: TimeScale) {
        let Self {
            format: _,
            read_granularity,
            grace,
            idle_after,
            idle_requires: _,
            reuse_leeway,
            cleanup: _,
            rules,
        } = self;
        for duration in [read_granularity, grace, reuse_leeway].into_iter().chain(idle_after) {
            *duration = scale.apply(*duration);
        }
        for rule in rules.values_mut() {
            rule.cool_off = scale.apply(rule.cool_off);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        assert_eq!(Scope::parse("Token"), None);
        for trigger in Trigger::ALL {
            assert_eq!(Trigger::parse(trigger.as_str()), Some(trigger));
        }
    }

    #[test]
    fn the_ranks_and_who_says_so_are_the_documented_table() {
        let table: Vec<String> = Trigger::ALL
            .into_iter()
            .map(|trigger| {
                let from = if trigger.is_commanded() { "commanded" } else { "found" };
                format!("{} {} {from}", trigger.rank(), trigger.as_str())
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"), @"
        1 expired found
        1 rotated commanded
        1 consumed commanded
        1 logout commanded
        1 device_logout commanded
        3 compromised commanded
        2 revoked commanded
        4 account_deleted commanded
        0 idle found
        0 unreferenced found
        1 superseded found
        ");
    }

    #[test]
    fn only_what_ranks_lowest_is_revivable() {
        for trigger in Trigger::ALL {
            assert_eq!(trigger.is_revivable(), trigger.rank() == 0, "{}", trigger.as_str());
        }
    }
}
