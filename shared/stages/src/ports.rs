//! What the stages need of the outside, one trait a service. `lethe-aws` implements them over AWS, `lethe-testkit` in
//! memory; one conformance suite a port holds both to the same behaviour.

use std::collections::BTreeSet;
use std::ops::Range;

use lethe_domain::audit::{AuditItem, ObjectVersion};
use lethe_domain::event::OutEvent;
use lethe_domain::fan_out::{FanOut, IndexKey};
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::lifecycle::{Change, Expected};
use lethe_domain::message::Wake;
use lethe_domain::row::{RowRead, RowVersion};
use lethe_domain::run::{ApplyTally, Run, RunId};
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, Shard, TenantId};

pub use crate::error::{PortError, Retry};

/// One shard of one tenant's rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShardRef {
    /// The tenant.
    pub tenant: TenantId,
    /// The shard.
    pub shard: Shard,
}

/// A run by its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunRef {
    /// Whose run.
    pub tenant: TenantId,
    /// Which run.
    pub id: RunId,
}

impl From<&Run> for RunRef {
    fn from(run: &Run) -> Self {
        Self { tenant: run.tenant.clone(), id: run.id.clone() }
    }
}

/// Some rows of a shard, in the order of their token ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowPage {
    /// The rows.
    pub rows: Vec<RowRead>,
    /// How many rows were read for it, those that a filter left out included.
    pub n_read: u64,
    /// The `sk` after which the next page begins; `None` at the shard's end. It may be a subject row's.
    pub next: Option<String>,
}

/// One conditional write of one row. It also demands that the row's fence, if any, is not past the change's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowWrite {
    /// The row.
    pub key: RowKey,
    /// What it must still look like.
    pub expected: Expected,
    /// What it becomes.
    pub change: Change,
    /// Into how many partitions the `due` index is cut, for the row's `due_pk`.
    pub due_shards: u16,
}

/// What became of a conditional write.
#[derive(Clone, Debug, PartialEq)]
pub enum WriteOutcome {
    /// It was made.
    Done,
    /// The row did not look as expected; this is what stands there now, `None` when nothing does.
    Changed(Option<Box<RowRead>>),
}

/// Which of a subject's tokens a query of the `owner` index brings: one bucket at a time.
#[derive(Clone, Copy)]
pub struct OwnedQuery<'a> {
    /// Whose subject.
    pub tenant: &'a TenantId,
    /// The subject.
    pub subject: &'a str,
    /// The bucket, below [`lethe_domain::row::OWNER_BUCKETS`].
    pub bucket: u8,
    /// Which of its tokens.
    pub part: OwnedPart<'a>,
}

/// A part of a subject's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnedPart<'a> {
    /// All of them.
    Everything,
    /// One sign-in's.
    Session(&'a str),
    /// One device's.
    Device(&'a str),
    /// One chain of refresh tokens.
    Family(&'a str),
    /// One application's.
    Client(&'a str),
}

/// Some keys of the `owner` index, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedPage {
    /// The keys; a page may be empty and still have a next one.
    pub keys: Vec<RowKey>,
    /// After which the next page begins.
    pub next: Option<IndexKey>,
}

/// The most rows that one [`Vault::get_many`] reads.
pub const MAX_ROWS_AT_ONCE: usize = 100;

/// The vault: the tokens' rows.
pub trait Vault {
    /// Rows of a shard after an `sk`, consistently read.
    async fn page(&self, at: &ShardRef, after: Option<&str>, limit: u32) -> Result<RowPage, PortError>;
    /// Rows of a shard with `purge_at <= until`; a page may be empty and still have a next one.
    async fn overdue(
        &self,
        at: &ShardRef,
        after: Option<&str>,
        limit: u32,
        until: EpochSeconds,
    ) -> Result<RowPage, PortError>;
    /// One row, consistently read.
    async fn get(&self, key: &RowKey) -> Result<Option<RowRead>, PortError>;
    /// Keys in one partition of the `due` index with `due_at <= until`, soonest first, at most `limit`.
    async fn due(&self, partition: &str, until: EpochSeconds, limit: u32) -> Result<Vec<RowKey>, PortError>;
    /// Up to [`MAX_ROWS_AT_ONCE`] rows, each consistently read, in the order of their keys; no key twice.
    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<RowRead>>, PortError>;
    /// Keys of a subject's tokens from one bucket of the `owner` index, at most `limit` looked at. The index lags.
    async fn owned(
        &self,
        query: &OwnedQuery<'_>,
        after: Option<&IndexKey>,
        limit: u32,
    ) -> Result<OwnedPage, PortError>;
    /// A subject's row, consistently read.
    async fn subject(&self, key: &SubjectKey) -> Result<Option<SubjectRow>, PortError>;
    /// Writes a subject's row if the stored one still has version `expected`, 0 when there was none; `false` when not.
    async fn write_subject(
        &self,
        key: &SubjectKey,
        expected: RowVersion,
        row: &SubjectRow,
    ) -> Result<bool, PortError>;
    /// One conditional write.
    async fn write(&self, write: &RowWrite) -> Result<WriteOutcome, PortError>;
    /// Up to 50 conditional writes, each in a transaction that also checks that the lease still has this fence.
    /// One outcome a write, in order.
    async fn write_under_lease(&self, lease: &Lease, writes: &[RowWrite])
    -> Result<LeasedOutcome, PortError>;
    /// Removes a row that still looks as expected.
    async fn remove(&self, key: &RowKey, expected: &Expected) -> Result<WriteOutcome, PortError>;
}

/// What became of writes under a lease.
#[derive(Clone, Debug, PartialEq)]
pub enum LeasedOutcome {
    /// The lease was still ours; one outcome a write.
    Written(Vec<WriteOutcome>),
    /// Another worker holds it now; nothing more may be written under this fence.
    LeaseLost,
}

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
pub trait Control {
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
    /// Records an approval; a later one of the same run replaces it.
    async fn approve(&self, approval: &Approval) -> Result<(), PortError>;
    /// The approval of a run's plan.
    async fn approval(&self, run: &RunRef) -> Result<Option<Approval>, PortError>;
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
    /// Counts a notice once; its id is remembered until `until`.
    async fn count_reference(
        &self,
        reference: &Reference,
        delta: i64,
        until: EpochSeconds,
    ) -> Result<Counted, PortError>;
    /// The ledger's count of a token, where any notice told of it.
    async fn references(&self, at: &ShardRef, token_hash: &str) -> Result<Option<i64>, PortError>;
    /// How many rows the last whole walk found in a tenant's shards.
    async fn token_count(&self, tenant: &TenantId) -> Result<Option<u64>, PortError>;
    /// Remembers that.
    async fn save_token_count(&self, tenant: &TenantId, n_tokens: u64) -> Result<(), PortError>;
    /// Where a walk stands.
    async fn walk(&self, name: &str) -> Result<Option<Walk>, PortError>;
    /// Remembers where a walk stands.
    async fn save_walk(&self, name: &str, walk: &Walk) -> Result<(), PortError>;
}

/// Some items of an audit partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditPage {
    /// The items, oldest first.
    pub items: Vec<AuditItem>,
    /// The `sk` after which the next page begins.
    pub next: Option<String>,
}

/// The append-only record of everything that happened.
pub trait AuditLog {
    /// Appends an item; `false` when one with its key is there already, which is left as it is.
    async fn record(&self, item: &AuditItem) -> Result<bool, PortError>;
    /// Items of a partition after a sort key.
    async fn page(&self, pk: &str, after: Option<&str>) -> Result<AuditPage, PortError>;
}

/// An object for the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveObject {
    /// Its derived key.
    pub key: String,
    /// Its bytes.
    pub body: Vec<u8>,
    /// How it is locked.
    pub lock: Lock,
}

/// How an archived version is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Until this moment.
    Until(EpochSeconds),
    /// By legal hold.
    Hold,
}

/// A version in the archive bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// Which.
    pub object: ObjectVersion,
    /// Whether it is only a delete marker.
    pub is_delete_marker: bool,
}

/// Some versions of the archive bucket, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionPage {
    /// The versions.
    pub versions: Vec<ListedVersion>,
    /// After which the next page begins.
    pub next: Option<ObjectVersion>,
}

/// What became of the removal of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone, or was before.
    Gone,
    /// It is still locked.
    Locked,
}

/// The locked archive. Nothing here reads an object's bytes.
pub trait Archive {
    /// Writes an object once (`If-None-Match: *`) and returns its version; one that exists is left as it is and its
    /// version returned.
    async fn put(&self, object: &ArchiveObject) -> Result<ObjectVersion, PortError>;
    /// Versions and delete markers under a prefix.
    async fn versions(&self, prefix: &str, after: Option<&ObjectVersion>) -> Result<VersionPage, PortError>;
    /// How a version is locked; `None` when it is gone.
    async fn lock_of(&self, object: &ObjectVersion) -> Result<Option<Lock>, PortError>;
    /// Deletes one version for good, if no lock stands.
    async fn remove(&self, object: &ObjectVersion) -> Result<Removal, PortError>;
}

/// The work bucket.
pub trait WorkStore {
    /// Writes an object once; `false` when its key exists, which is left as it is.
    async fn put_new(&self, key: &str, bytes: Vec<u8>) -> Result<bool, PortError>;
    /// The whole object; `None` when there is none.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError>;
    /// A part of an object; fewer bytes when it ends before; `None` when there is none.
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, PortError>;
    /// The object's last bytes, all of them when it is shorter; `None` when there is none.
    async fn get_suffix(&self, key: &str, n_bytes: u64) -> Result<Option<Vec<u8>>, PortError>;
}

/// One queue of wake-ups.
pub trait Queue {
    /// Sends all of them, in batches; any may arrive twice.
    async fn send(&self, wakes: &[Wake]) -> Result<(), PortError>;
}

/// The bus on which the outside learns what was taken out of service.
pub trait EventBus {
    /// Publishes all of them; any may arrive twice.
    async fn publish(&self, events: &[OutEvent]) -> Result<(), PortError>;
}
