//! The vault's port: the tokens' rows and their subjects'.

use lethe_domain::fan_out::IndexKey;
use lethe_domain::lifecycle::{Change, Expected};
use lethe_domain::row::{RowRead, RowVersion, VaultRow};
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, TenantId};

use super::{Lease, ShardRef};
use crate::error::PortError;

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
    /// Puts the row of a canary, which is in no index, where none stands; `false` when one does, which is left as it is.
    async fn create(&self, row: &VaultRow) -> Result<bool, PortError>;
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
