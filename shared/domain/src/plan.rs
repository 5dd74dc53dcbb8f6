//! The plan of a run: what will be written, made before anything is, immutable, and named by its hash.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::lifecycle::{Change, Decided, Expected, Then, sentence};
use crate::policy::Trigger;
use crate::run::{PlanTally, Run, RunId};
use crate::time::EpochSeconds;
use crate::token::{Shard, TenantId, TokenId};

/// What a plan does to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Verb {
    /// Out of service, as unreferenced.
    Cool,
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
    /// What it writes.
    pub entries: Vec<PlanEntry>,
}

/// One shard in the index of a run's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardPlan {
    /// The shard.
    pub shard: Shard,
    /// The SHA-256 of each part, in order.
    pub parts: Vec<String>,
    /// What they count together.
    pub tally: PlanTally,
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
    /// What it counts.
    pub tally: PlanTally,
    /// What whoever approves it must know of the evidence: what was not measured, what is switched off.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Its shards, in order.
    pub shards: Vec<ShardPlan>,
}

impl PlanIndex {
    /// The index over all shards' plans of a sealed run.
    pub fn of(run: &Run, shards: Vec<ShardPlan>) -> Self {
        let tally = shards.iter().fold(PlanTally::default(), |sum, shard| sum.plus(shard.tally));
        Self {
            tenant: run.tenant.clone(),
            run: run.id.clone(),
            config: run.config,
            evidence: run.evidence.clone().unwrap_or_default(),
            scan_started_at: run.scan_started_at,
            tally,
            notes: Vec::new(),
            shards,
        }
    }
}

impl ShardPlan {
    /// Whether the shard's plan writes anything.
    pub fn has_writes(&self) -> bool {
        self.tally.n_cool > 0 || self.tally.n_sentence > 0 || self.tally.n_reinstate > 0
    }
}

/// The hex SHA-256 of what is stored: of a part, or of an index, which is then the plan's hash.
pub fn hash_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Verb {
    /// The write that carries this out now under a lease's fence. `None` when the run no longer proves what the verb needs.
    pub fn change(
        self,
        (run, fence): (&Run, u64),
        removal_notice: Duration,
        now: EpochSeconds,
    ) -> Option<Change> {
        let decided = Decided::by_run(run.config, run.id.clone(), fence);
        match self {
            Self::Cool => {
                Some(Change::Cool { reason: Trigger::Unreferenced, since: now, then: Then::Wait, decided })
            }
            Self::Sentence => Some(sentence(run.verdict_proof()?, now.plus(removal_notice), decided)),
            Self::Reinstate { due_at } => Some(Change::Reinstate { due_at, read_at: None, decided }),
        }
    }
}
