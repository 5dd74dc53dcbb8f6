//! The control table's port: config, runs, leases, approvals, and what commands leave behind.

use std::collections::BTreeSet;

use lethe_domain::backlog::Backlog;
use lethe_domain::canary::Canary;
use lethe_domain::fan_out::FanOut;
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::read_feed::{HourOfReads, ReadsByHour};
use lethe_domain::run::{ApplyTally, Run};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{Shard, TenantId};

use super::{KillSwitch, RegretLedger, RunRef, ShardRef, Undos};
use crate::error::PortError;

/// One immutable version of the config's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredConfig {
    /// Its version, from 1.
    pub version: u64,
    /// The text of `lethe.toml`.
    pub text: String,
    /// When it was stored.
    pub stored_at: EpochSeconds,
    /// Who stored it (principal ARN).
    pub author: String,
}

/// Which of a run's pieces of work a `done` set counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Done {
    /// Units scanned.
    Scan,
    /// Shards planned.
    Plan,
    /// Shards applied.
    Apply,
}

/// The right of one worker to apply one shard of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: RunRef,
    /// The shard.
    pub shard: Shard,
    /// The number that grows with every taking; a row remembers the last that wrote it.
    pub fence: u64,
    /// When another may take it.
    pub until: EpochSeconds,
    /// How many of the shard's plan entries are behind it.
    pub n_entries_done: u64,
    /// What they did.
    pub applied: ApplyTally,
}

/// A person's yes to a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The run.
    pub run: RunRef,
    /// The plan's hash.
    pub hash: String,
    /// Who (principal ARN).
    pub actor: String,
    /// When.
    pub approved_at: EpochSeconds,
}

/// A person's word that what a void run saw is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The run.
    pub run: RunRef,
    /// Who (principal ARN).
    pub actor: String,
    /// When.
    pub accepted_at: EpochSeconds,
}

/// Where a rolling walk stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// When this pass began.
    pub started_at: EpochSeconds,
    /// Where it goes on; `None` = the pass is complete.
    pub position: Option<String>,
}

/// The answer to a command, kept for whoever sends it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The digest of the command's text: the same key with another text is a mistake of the sender's.
    pub digest: String,
    /// The HTTP status.
    pub status: u16,
    /// The body, as JSON.
    pub body: String,
    /// Until when it is kept.
    pub until: EpochSeconds,
}

/// What the commands of a day have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetDay {
    /// Tokens, those that wait included.
    pub n_spent: u64,
    /// When a person approved what waited then.
    pub approved_at: Option<EpochSeconds>,
    /// Who (principal ARN).
    pub approved_by: Option<String>,
}

/// A token in the ledger of notices, by the hash of its canonical id, and the notice's own id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Whose token.
    pub at: ShardRef,
    /// The hex SHA-256 of its canonical id.
    pub token_hash: String,
    /// The notice.
    pub event_id: String,
}

/// What the ledger says after a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Whether the notice was new; one that was counted before counts no more.
    pub is_new: bool,
    /// Copies of the token that its tenant has told of and not taken back; below zero is drift.
    pub count: i64,
}

/// Config, runs, leases, approvals, and what commands leave behind.
pub trait Control: KillSwitch + Undos + RegretLedger {
    /// The config in force.
    async fn current_config(&self) -> Result<Option<StoredConfig>, PortError>;
    /// One version of the config.
    async fn config(&self, version: u64) -> Result<Option<StoredConfig>, PortError>;
    /// Stores a version that does not exist yet and puts it in force; `false` when it exists.
    async fn store_config(&self, config: &StoredConfig) -> Result<bool, PortError>;
    /// A tenant's keys.
    async fn keys(&self, tenant: &TenantId) -> Result<Option<TenantKeys>, PortError>;
    /// Stores a tenant's first keys; `false` when it has some.
    async fn create_keys(&self, tenant: &TenantId, keys: &TenantKeys) -> Result<bool, PortError>;
    /// The tenant's next fence: larger than every one before.
    async fn next_fence(&self, tenant: &TenantId) -> Result<u64, PortError>;
    /// One run, consistently read.
    async fn run(&self, run: &RunRef) -> Result<Option<Run>, PortError>;
    /// The tenant's last runs and every one that is not final, however long ago it was booked: a verdict run may wait
    /// for months behind later campaigns. Latest id first, consistently read.
    async fn runs(&self, tenant: &TenantId, limit: u32) -> Result<Vec<Run>, PortError>;
    /// Creates a run; `false` when its id exists.
    async fn create_run(&self, run: &Run) -> Result<bool, PortError>;
    /// Writes a run if its stored revision is still `run.revision`, and steps it; `false` when it is not.
    async fn update_run(&self, run: &Run) -> Result<bool, PortError>;
    /// Adds a piece of work to the run's `done` set; adding twice is adding once.
    async fn add_done(&self, run: &RunRef, work: Done, unit: u32) -> Result<(), PortError>;
    /// The run's `done` set.
    async fn done(&self, run: &RunRef, work: Done) -> Result<BTreeSet<u32>, PortError>;
    /// Takes the lease of a run's shard if it is free or past `now`; what an earlier holder did is kept in it. The
    /// fence is fresh from `next_fence`: taking again under the same one is taking once.
    async fn take_lease(
        &self,
        at: (&RunRef, Shard),
        fence: u64,
        now: EpochSeconds,
        until: EpochSeconds,
    ) -> Result<Option<Lease>, PortError>;
    /// Writes the lease's progress and end if its fence is still ours; `false` when it is not.
    async fn save_lease(&self, lease: &Lease) -> Result<bool, PortError>;
    /// All leases of a run.
    async fn leases(&self, run: &RunRef) -> Result<Vec<Lease>, PortError>;
    /// Records that a void run is accepted; `false` when it was before, and that stays.
    async fn accept(&self, acceptance: &Acceptance) -> Result<bool, PortError>;
    /// A tenant's accepted runs, in the order of their ids, consistently read.
    async fn acceptances(&self, tenant: &TenantId) -> Result<Vec<Acceptance>, PortError>;
    /// Records a principal's approval of a run's plan, in place of its own one of another plan; `false` when it has
    /// approved this very plan before, which is left as it is.
    async fn approve(&self, approval: &Approval) -> Result<bool, PortError>;
    /// Everybody's approvals of a run, one a principal, by principal; consistently read.
    async fn approvals(&self, run: &RunRef) -> Result<Vec<Approval>, PortError>;
    /// The record of a tenant's first purge, consistently read.
    async fn backlog(&self, tenant: &TenantId) -> Result<Option<Backlog>, PortError>;
    /// Writes that record if its stored revision is still `backlog.revision`, zero where none is stored, and steps it;
    /// `false` when it is not.
    async fn save_backlog(&self, backlog: &Backlog) -> Result<bool, PortError>;
    /// Writes a fan-out down; `false` when its id exists, which is left as it is.
    async fn create_fan_out(&self, fan_out: &FanOut) -> Result<bool, PortError>;
    /// One fan-out that is not done, consistently read.
    async fn fan_out(&self, tenant: &TenantId, id: &str) -> Result<Option<FanOut>, PortError>;
    /// A tenant's fan-outs that are not done, at most `limit`, consistently read.
    async fn fan_outs(&self, tenant: &TenantId, limit: u32) -> Result<Vec<FanOut>, PortError>;
    /// Writes a fan-out if its stored revision is still `fan_out.revision`, and steps it; `false` when it is not.
    async fn update_fan_out(&self, fan_out: &FanOut) -> Result<bool, PortError>;
    /// Forgets a fan-out that is done; one that is gone is gone.
    async fn remove_fan_out(&self, tenant: &TenantId, id: &str) -> Result<(), PortError>;
    /// The answer kept under an idempotency key.
    async fn answer(&self, tenant: &TenantId, key: &str) -> Result<Option<KeptAnswer>, PortError>;
    /// Keeps an answer under a key, in place of an earlier one.
    async fn keep_answer(&self, tenant: &TenantId, key: &str, answer: &KeptAnswer) -> Result<(), PortError>;
    /// Adds tokens to a day's account, which is kept until `until`, and returns its sum.
    async fn spend(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        n_tokens: u64,
        until: EpochSeconds,
    ) -> Result<u64, PortError>;
    /// A day's account.
    async fn budget(&self, tenant: &TenantId, day: EpochSeconds) -> Result<Option<BudgetDay>, PortError>;
    /// Records who approved a day's commands; a later approval replaces it. `false` when nothing was spent that day.
    async fn approve_budget(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        actor: &str,
        now: EpochSeconds,
    ) -> Result<bool, PortError>;
    /// Adds tokens to a day's count of those that went idle, which is kept until `until`, and returns its sum.
    async fn count_idle(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        n_tokens: u64,
        until: EpochSeconds,
    ) -> Result<u64, PortError>;
    /// Counts a notice once; its id is remembered until `until`.
    async fn count_reference(
        &self,
        reference: &Reference,
        delta: i64,
        until: EpochSeconds,
    ) -> Result<Counted, PortError>;
    /// The ledger's count of a token, where any notice told of it.
    async fn references(&self, at: &ShardRef, token_hash: &str) -> Result<Option<i64>, PortError>;
    /// A tenant's live canaries, one a source at most, consistently read.
    async fn canaries(&self, tenant: &TenantId) -> Result<Vec<Canary>, PortError>;
    /// Remembers a canary of a source that has none; `false` when it has one, which is left as it is.
    async fn plant_canary(&self, tenant: &TenantId, canary: &Canary) -> Result<bool, PortError>;
    /// Forgets the canary of a source if it is still this one; `false` when it is not.
    async fn retire_canary(&self, tenant: &TenantId, canary: &Canary) -> Result<bool, PortError>;
    /// Adds to what a tenant told of in one hour of its read feed, which is kept until `until`.
    async fn count_reads(
        &self,
        tenant: &TenantId,
        hour: EpochSeconds,
        reads: HourOfReads,
        until: EpochSeconds,
    ) -> Result<(), PortError>;
    /// What a tenant told of by hour, from `since` on.
    async fn reads_by_hour(&self, tenant: &TenantId, since: EpochSeconds) -> Result<ReadsByHour, PortError>;
    /// How many rows the last whole walk found in a tenant's shards.
    async fn token_count(&self, tenant: &TenantId) -> Result<Option<u64>, PortError>;
    /// Remembers that.
    async fn save_token_count(&self, tenant: &TenantId, n_tokens: u64) -> Result<(), PortError>;
    /// Where a walk stands.
    async fn walk(&self, name: &str) -> Result<Option<Walk>, PortError>;
    /// Remembers where a walk stands.
    async fn save_walk(&self, name: &str, walk: &Walk) -> Result<(), PortError>;
}
