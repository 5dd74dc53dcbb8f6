//! Measured regret: what a policy took out of service too soon. A token that came back after it was found unused, and
//! one that somebody asked for after it had left the vault, are each counted under the policy that took it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::audit::{AuditItem, Standing};
use crate::fingerprint::Fingerprint;
use crate::policy::{KindPolicy, Trigger};
use crate::row::{Phase, RowVersion, VaultRow};
use crate::run::RunId;

/// What one version of the config says about one kind and trigger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// The kind; empty where only the record knows of the token, which names no kind.
    pub kind: String,
    /// Why tokens left.
    pub trigger: Trigger,
    /// The config version; 0 where nothing says which.
    pub config: u64,
}

/// Who took a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decision {
    /// The policy that decided last.
    pub policy: PolicyVersion,
    /// The run that decided last; none for what went idle by the clock.
    pub run: Option<RunId>,
}

/// What came of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It was taken.
    Taken,
    /// It was taken back into service: read, found in a store, reinstated, or its run was undone.
    Revived,
    /// It was asked for after it had left the vault.
    AskedAfter,
}

/// Tokens that were taken and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegretCount {
    /// Taken, as far as is known.
    pub n_taken: u64,
    /// Came back.
    pub n_revived: u64,
    /// Asked for after they had left.
    pub n_asked_after: u64,
}

/// What came of every decision.
pub type Regrets = BTreeMap<Decision, RegretCount>;

impl RegretCount {
    /// Counts tokens.
    pub fn add(&mut self, outcome: Outcome, n_tokens: u64) {
        let count = match outcome {
            Outcome::Taken => &mut self.n_taken,
            Outcome::Revived => &mut self.n_revived,
            Outcome::AskedAfter => &mut self.n_asked_after,
        };
        *count = count.saturating_add(n_tokens);
    }

    /// The counts of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            n_taken: self.n_taken.saturating_add(other.n_taken),
            n_revived: self.n_revived.saturating_add(other.n_revived),
            n_asked_after: self.n_asked_after.saturating_add(other.n_asked_after),
        }
    }

    /// The regretted of ten thousand that were taken; `None` where it is not known how many were.
    pub fn per_ten_thousand(self) -> Option<u64> {
        let regretted = self.n_revived.saturating_add(self.n_asked_after);
        regretted.saturating_mul(10_000).checked_div(self.n_taken)
    }
}

/// What came of each policy.
pub fn by_policy(regrets: &Regrets) -> BTreeMap<PolicyVersion, RegretCount> {
    let mut counts: BTreeMap<PolicyVersion, RegretCount> = BTreeMap::new();
    for (decision, count) in regrets {
        let of_policy = counts.entry(decision.policy.clone()).or_default();
        *of_policy = of_policy.plus(*count);
    }
    counts
}

/// What came of each run.
pub fn by_run(regrets: &Regrets) -> BTreeMap<RunId, RegretCount> {
    let mut counts: BTreeMap<RunId, RegretCount> = BTreeMap::new();
    for (decision, count) in regrets {
        let Some(run) = &decision.run else { continue };
        let of_run = counts.entry(run.clone()).or_default();
        *of_run = of_run.plus(*count);
    }
    counts
}

/// Who takes a token that was found unused, when its row changes so; `None` where nobody does. Who sentences what an
/// earlier version took out of service takes it once more, on its own account.
pub fn taken(old: Option<&VaultRow>, new: &VaultRow) -> Option<Decision> {
    let (old, policy) = (old?, policy_of(new)?);
    let is_taken = match (old.phase(), new.phase()) {
        (Phase::Active, Phase::Cooling | Phase::Sentenced) => true,
        (Phase::Cooling, Phase::Sentenced) => old.policy != new.policy && old.reason == new.reason,
        (Phase::Active | Phase::Cooling | Phase::Sentenced, Phase::Active)
        | (Phase::Cooling | Phase::Sentenced, Phase::Cooling)
        | (Phase::Sentenced, Phase::Sentenced) => false,
    };
    // The clock leaves the name of the run that wrote the row before.
    let run = new.run.clone().filter(|_| old.run != new.run);
    is_taken.then_some(Decision { policy, run })
}

/// Whose decision is regretted when a row changes so; `None` where none is. Issuing a token again is no regret: it
/// would have been issued without the one that was there.
pub fn revived(old: &VaultRow, new: &VaultRow, kind: Option<&KindPolicy>) -> Option<Decision> {
    if !is_back(old, new) {
        return None;
    }
    let policy = policy_of(old)?;
    let by_clock = policy.trigger == Trigger::Idle
        && old.phase() == Phase::Cooling
        && !kind.is_some_and(KindPolicy::idle_waits_for_scan);
    Some(Decision { policy, run: old.run.clone().filter(|_| !by_clock) })
}

/// Whether a token that was found unused is back in service, and is still the one that was issued then.
pub fn is_back(old: &VaultRow, new: &VaultRow) -> bool {
    let was_unused = old.reason.is_some_and(Trigger::is_revivable);
    let is_back = old.phase() != Phase::Active && new.phase() == Phase::Active;
    was_unused && is_back && new.created_at <= old.created_at
}

fn policy_of(row: &VaultRow) -> Option<PolicyVersion> {
    let trigger = row.reason.filter(|reason| reason.is_revivable())?;
    Some(PolicyVersion { kind: row.kind.clone(), trigger, config: row.policy.unwrap_or(0) })
}

/// A token that the vault does not have any more, as the record tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Which token.
    pub fingerprint: Fingerprint,
    /// The version at which it left.
    pub version: RowVersion,
    /// Why it left.
    pub trigger: Trigger,
    /// The config version that decided; 0 where the record was not read far enough to tell.
    pub config: u64,
    /// The run that decided.
    pub run: Option<RunId>,
}

/// What the record says of tokens that somebody asked for and the vault does not have.
#[derive(Debug, Default)]
pub struct Asked {
    tokens: BTreeMap<Fingerprint, Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The last version that left the vault, and why.
    left: Option<(RowVersion, Trigger)>,
    /// The last version that was taken out of service, and by what.
    taken: Option<(RowVersion, u64, Option<RunId>)>,
}

impl Asked {
    /// Of these tokens.
    pub fn new(tokens: impl IntoIterator<Item = Fingerprint>) -> Self {
        Self { tokens: tokens.into_iter().map(|token| (token, Known::default())).collect() }
    }

    /// Takes one item of the record into account, in whatever order they come.
    pub fn see(&mut self, item: &AuditItem) {
        for entry in &item.entries {
            let Some(known) = self.tokens.get_mut(&entry.fingerprint) else { continue };
            match entry.to {
                Standing::Archived | Standing::Purged | Standing::Erased => {
                    // No reason on a removed row means that it had a known end.
                    let left = (entry.version, entry.reason.unwrap_or(Trigger::Expired));
                    known.left = known.left.max(Some(left));
                }
                Standing::Cooling | Standing::Sentenced => {
                    let run = item.run.as_deref().and_then(RunId::parse);
                    let taken = Some((entry.version, item.policy.unwrap_or(0), run));
                    if known.taken < taken {
                        known.taken = taken;
                    }
                }
                Standing::None | Standing::Active => {}
            }
        }
    }

    /// Whether all that is asked is known.
    pub fn is_answered(&self) -> bool {
        self.tokens.values().all(|known| known.left.is_some() && known.taken.is_some())
    }

    /// Those that have left the vault.
    pub fn gone(self) -> Vec<Gone> {
        let gone = self.tokens.into_iter().filter_map(|(fingerprint, known)| {
            let (version, trigger) = known.left?;
            let (config, run) = known.taken.map_or((0, None), |(_, config, run)| (config, run));
            Some(Gone { fingerprint, version, trigger, config, run })
        });
        gone.collect()
    }
}

#[cfg(test)]
mod tests;
