//! The plan of a run: what will be written, made before anything is, immutable, and named by its hash.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::backlog::Turn;
use crate::lifecycle::{Change, Decided, Expected, Then, sentence};
use crate::policy::Trigger;
use crate::run::{PlanTally, Run, RunId};
use crate::time::EpochSeconds;
use crate::token::{Shard, TenantId, TokenId};
use crate::witness::Measured;

/// What a plan does to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Verb {
    /// Out of service, as unreferenced.
    Cool,
    /// Out of service, as idle: no store holds it either.
    CoolIdle,
    /// A date of removal.
    Sentence,
    /// Back into service.
    Reinstate {
        /// When lifecycle must look at it next.
        due_at: Option<EpochSeconds>,
    },
}

/// One planned write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEntry {
    /// The token.
    pub token: TokenId,
    /// What its row looked like; a row that changed since is left alone.
    pub expected: Expected,
    /// What is done.
    pub verb: Verb,
    /// Whether the row names a subject, whose hold is looked up before the token is sentenced.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_subject: bool,
    /// When somebody was last known to have the token, where it is to be taken out of service: a first purge takes what
    /// was unused longest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<EpochSeconds>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A piece of a shard's plan: what one sk range yields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPart {
    /// Whose plan.
    pub tenant: TenantId,
    /// Which run's.
    pub run: RunId,
    /// Which shard's.
    pub shard: Shard,
    /// The piece's number.
    pub part: u32,
    /// The token after which the next piece goes on; `None` in the last.
    pub next: Option<TokenId>,
    /// What it counts.
    pub tally: PlanTally,
    /// What it measured about the scan.
    #[serde(default)]
    pub measured: Measured,
    /// Fingerprints of tokens that are known to be alive and are in no store, the first [`ELSEWHERE_LISTED`] of them.
    #[serde(default)]
    pub elsewhere: Vec<String>,
    /// What it writes.
    pub entries: Vec<PlanEntry>,
}

/// How many tokens that an unknown store holds a piece of a plan names; it counts all of them.
pub const ELSEWHERE_LISTED: usize = 100;

/// One shard in the index of a run's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardPlan {
    /// The shard.
    pub shard: Shard,
    /// The SHA-256 of each part, in order.
    pub parts: Vec<String>,
    /// What they count together.
    pub tally: PlanTally,
    /// What they measured about the scan together.
    #[serde(default)]
    pub measured: Measured,
}

/// The whole plan of a run; its SHA-256 is what a person approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanIndex {
    /// Whose plan.
    pub tenant: TenantId,
    /// Which run's.
    pub run: RunId,
    /// The config version it was made under.
    pub config: u64,
    /// Evidence of the scan behind it.
    pub evidence: String,
    /// When the scan began: nothing seen later is touched.
    pub scan_started_at: EpochSeconds,
    /// When the plan was made: what a pause stops that came later.
    #[serde(default)]
    pub planned_at: EpochSeconds,
    /// What it counts.
    pub tally: PlanTally,
    /// Where this slice of a first purge ends: no token whose turn comes then or later is taken out of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cool_before: Option<Turn>,
    /// What whoever approves it must know of the evidence: what was not measured, what is switched off.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What it measured about the scan.
    #[serde(default)]
    pub measured: Measured,
    /// Its shards, in order.
    pub shards: Vec<ShardPlan>,
}

impl PlanIndex {
    /// The index over all shards' plans of a sealed run.
    pub fn of(run: &Run, shards: Vec<ShardPlan>) -> Self {
        let tally = shards.iter().fold(PlanTally::default(), |sum, shard| sum.plus(shard.tally));
        let measured = shards.iter().fold(Measured::default(), |sum, shard| sum.plus(&shard.measured));
        Self {
            tenant: run.tenant.clone(),
            run: run.id.clone(),
            config: run.config,
            evidence: run.evidence.clone().unwrap_or_default(),
            scan_started_at: run.scan_started_at,
            planned_at: run.planned_at,
            tally,
            cool_before: None,
            notes: Vec::new(),
            measured,
            shards,
        }
    }
}

impl PlanEntry {
    /// When its turn comes in a first purge; last of all where nothing is known.
    pub fn turn(&self) -> Turn {
        Turn::of(&self.token, self.last_seen.unwrap_or(EpochSeconds(i64::MAX)))
    }
}

/// The next entries to write: at most `max_entries`, of which at most `max_demotions` take a token further out of service.
pub fn next_chunk(rest: &[PlanEntry], max_entries: usize, max_demotions: u64) -> &[PlanEntry] {
    let mut n_demotions = 0_u64;
    let goes_beyond = |entry: &PlanEntry| {
        n_demotions = n_demotions.saturating_add(u64::from(entry.verb.is_demotion()));
        max_demotions < n_demotions
    };
    let within = rest.get(..max_entries.min(rest.len())).unwrap_or_default();
    let n = within.iter().position(goes_beyond).unwrap_or(within.len());
    within.get(..n).unwrap_or_default()
}

/// How many demotions one shard of a plan may make in a minute, of those that its tenant may; one at least, or it would
/// never end.
pub fn demotions_of_shard(per_minute: u64, n_shards: u64) -> u64 {
    per_minute.checked_div(n_shards).unwrap_or(per_minute).max(1)
}

impl PlanIndex {
    /// How many of its shards write anything.
    pub fn n_shards_with_writes(&self) -> u64 {
        self.shards.iter().filter(|shard| shard.has_writes()).map(|_| 1_u64).sum()
    }

    /// Whether an entry of a part is carried out: all are, but for what a first purge puts off.
    pub fn has_turn(&self, entry: &PlanEntry) -> bool {
        entry.verb.cools().is_none() || self.cool_before.is_none_or(|end| entry.turn() < end)
    }

    /// Whether it writes anything.
    pub fn has_writes(&self) -> bool {
        self.tally.has_writes()
    }
}

impl ShardPlan {
    /// Whether the shard's plan writes anything.
    pub fn has_writes(&self) -> bool {
        self.tally.has_writes()
    }
}

/// The hex SHA-256 of what is stored: of a part, or of an index, which is then the plan's hash.
pub fn hash_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Verb {
    /// Whether it takes a token out of service or further from it.
    pub fn is_demotion(self) -> bool {
        match self {
            Self::Cool | Self::CoolIdle | Self::Sentence => true,
            Self::Reinstate { .. } => false,
        }
    }

    /// Why it takes a token out of service, where it does.
    pub fn cools(self) -> Option<Trigger> {
        match self {
            Self::Cool => Some(Trigger::Unreferenced),
            Self::CoolIdle => Some(Trigger::Idle),
            Self::Sentence | Self::Reinstate { .. } => None,
        }
    }

    /// The write that carries this out now under a lease's fence. `None` when the run no longer proves what the verb needs.
    pub fn change(
        self,
        (run, fence): (&Run, u64),
        removal_notice: Duration,
        now: EpochSeconds,
    ) -> Option<Change> {
        let decided = Decided::by_run(run.config, run.id.clone(), fence);
        let cool = |reason| Change::Cool { reason, since: now, then: Then::Wait, decided: decided.clone() };
        match self {
            Self::Cool | Self::CoolIdle => self.cools().map(cool),
            Self::Sentence => Some(sentence(run.verdict_proof()?, now.plus(removal_notice), decided)),
            Self::Reinstate { due_at } => Some(Change::Reinstate { due_at, read_at: None, decided }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{RowVersion, State};

    fn entries(verbs: &[Verb]) -> Vec<PlanEntry> {
        let row = |seed: usize, verb: &Verb| PlanEntry {
            token: TokenId::new(format!("tok_{seed}")).unwrap(),
            expected: Expected {
                version: RowVersion(1),
                state: State::Active,
                expires_at: None,
                last_read_at: None,
                purge_at: None,
                is_held: false,
            },
            verb: *verb,
            has_subject: false,
            last_seen: None,
        };
        verbs.iter().enumerate().map(|(seed, verb)| row(seed, verb)).collect()
    }

    #[test]
    fn a_chunk_ends_with_its_entries_or_with_its_demotions() {
        let back = Verb::Reinstate { due_at: None };
        let entries = entries(&[back, Verb::Cool, back, Verb::Sentence, Verb::Cool]);
        let len = |max_entries, max_demotions| next_chunk(&entries, max_entries, max_demotions).len();
        assert_eq!([0, 1, 2, 3].map(|demotions| len(9, demotions)), [1, 3, 4, 5]);
        assert_eq!([0, 2, 5, 6].map(|most| len(most, 9)), [0, 2, 5, 5]);
        assert!(next_chunk(&[], 9, 9).is_empty());
    }

    #[test]
    fn the_shards_share_the_minute_and_each_makes_one() {
        assert_eq!(demotions_of_shard(60, 2), 30);
        assert_eq!(demotions_of_shard(60, 61), 1);
        assert_eq!(demotions_of_shard(60, 0), 60);
    }
}
