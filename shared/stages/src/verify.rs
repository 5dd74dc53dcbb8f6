//! Verify: reads the vault, the record and the archive of one tenant, and has every token and version judged by replay.
//! It writes nothing.
//!
//! Rows are read before the record and the record after, so that what the record is behind with is little. The rows of
//! a tenant are held without their tokens, 32 bytes or so each, and the record one bucket at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::audit::{
    AUDIT_BUCKETS, AuditItem, Entry, Event, ObjectVersion, bucket_of, object_partition, token_partition,
};
use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::limits::Limits;
use lethe_domain::record::Class;
use lethe_domain::replay::{
    About, Fault, Finding, ObjectFacts, ObjectTold, Seen, Told, judge_bucket, judge_object, judge_unnamed,
};
use lethe_domain::row::{RowRead, RowVersion};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use serde::Serialize;

use crate::error::StageError;
use crate::pinned::{Pinned, keys_of};
use crate::ports::{Archive, AuditLog, Control, ShardRef, Vault};
use crate::settings::PARALLEL_CALLS;

/// Rows asked for in one page.
const PAGE_ROWS: u32 = 1000;

/// How often a long reading tells how far it is.
const TELL_EVERY: u64 = 100_000;

/// The ports that one look reads.
#[derive(Debug)]
pub struct Verify<'a, C, A, V, R> {
    /// Config and keys.
    pub control: &'a C,
    /// The record.
    pub audit: &'a A,
    /// The tokens' rows.
    pub vault: &'a V,
    /// The locked bucket.
    pub archive: &'a R,
    /// Until when something may be late.
    pub limits: &'a Limits,
}

/// What is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    /// The vault's rows.
    Rows,
    /// Entries of the record.
    Entries,
    /// Versions of the archive.
    Versions,
}

/// How far a look is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// At what.
    pub reading: Reading,
    /// How many of them are behind it.
    pub n: u64,
}

/// What one look read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Tokens in the vault.
    pub n_rows: u64,
    /// Rows that could not be understood, and so not judged: their tokens may be among those that seem to be gone.
    pub n_unreadable: u64,
    /// Entries on record.
    pub n_entries: u64,
    /// Versions that its tokens were archived into.
    pub n_objects: u64,
    /// Versions in the bucket, of every tenant.
    pub n_versions: u64,
}

/// What one look saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// What it read.
    pub counted: Counted,
    /// What did not add up just then.
    pub findings: BTreeSet<Finding>,
}

/// Which tokens the entries that name a version name, and the end of its lock that they name.
type Named = BTreeMap<ObjectVersion, (BTreeSet<(Fingerprint, RowVersion)>, Option<EpochSeconds>)>;

impl<C: Control, A: AuditLog, V: Vault, R: Archive> Verify<'_, C, A, V, R> {
    /// Looks at everything of a tenant once.
    pub async fn look(
        &self,
        tenant: &TenantId,
        now: EpochSeconds,
        tell: &dyn Fn(Progress),
    ) -> Result<Look, StageError> {
        let mut look = Look::default();
        let mut rows = self.rows(tenant, &mut look.counted, tell).await?;
        let mut named = Named::new();
        for bucket in 0..AUDIT_BUCKETS {
            let partition = token_partition(tenant, bucket);
            let told = self.bucket(&partition, (&mut look, &mut named), tell).await?;
            let seen = rows.get_mut(usize::from(bucket)).map(mem::take).unwrap_or_default();
            look.findings.extend(judge_bucket(told, seen));
        }
        self.objects(tenant, &named, (&mut look, now), tell).await?;
        Ok(look)
    }

    /// The tenant's rows by audit bucket.
    async fn rows(
        &self,
        tenant: &TenantId,
        counted: &mut Counted,
        tell: &dyn Fn(Progress),
    ) -> Result<Vec<Vec<Seen>>, StageError> {
        let keys = keys_of(self.control, tenant).await?;
        let Some(pinned) = Pinned::current(self.control, self.limits).await? else { return Ok(Vec::new()) };
        let mut rows: Vec<Vec<Seen>> = vec![Vec::new(); usize::from(AUDIT_BUCKETS)];
        for shard in pinned.tenant(tenant)?.shards.all() {
            let at = ShardRef { tenant: tenant.clone(), shard };
            let mut after = None;
            loop {
                let page = self.vault.page(&at, after.as_deref(), PAGE_ROWS).await?;
                let before = counted.n_rows;
                for read in page.rows {
                    let row = match read {
                        RowRead::Token(row) => row,
                        RowRead::Subject => continue,
                        RowRead::Unreadable(_) => {
                            counted.n_unreadable = counted.n_unreadable.saturating_add(1);
                            continue;
                        }
                    };
                    counted.n_rows = counted.n_rows.saturating_add(1);
                    let seen = Seen::new(keys.fingerprint(&row.key.token), &row);
                    if let Some(bucket) = rows.get_mut(usize::from(bucket_of(seen.fingerprint()))) {
                        bucket.push(seen);
                    }
                }
                tell_now_and_then(Reading::Rows, before, counted.n_rows, tell);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        tell(Progress { reading: Reading::Rows, n: counted.n_rows });
        Ok(rows)
    }

    /// What one partition says, and which objects it names.
    async fn bucket(
        &self,
        partition: &str,
        (look, named): (&mut Look, &mut Named),
        tell: &dyn Fn(Progress),
    ) -> Result<Vec<Told>, StageError> {
        let mut told = Vec::new();
        let mut after = None;
        loop {
            let page = self.audit.page(partition, after.as_deref()).await?;
            let before = look.counted.n_entries;
            for item in &page.items {
                look.counted.n_entries = look.counted.n_entries.saturating_add(item.entries.len() as u64);
                told.extend(item.entries.iter().map(|entry| Told::new(item.event, entry)));
                look.findings.extend(name_object(item, named));
            }
            tell_now_and_then(Reading::Entries, before, look.counted.n_entries, tell);
            after = page.next;
            if after.is_none() {
                tell(Progress { reading: Reading::Entries, n: look.counted.n_entries });
                return Ok(told);
            }
        }
    }

    /// Compares the versions that the record names with those in the bucket.
    async fn objects(
        &self,
        tenant: &TenantId,
        named: &Named,
        (look, now): (&mut Look, EpochSeconds),
        tell: &dyn Fn(Progress),
    ) -> Result<(), StageError> {
        let there = self.versions(&mut look.counted, tell).await?;
        look.counted.n_objects = named.len() as u64;
        let limits = self.limits;
        let late_by =
            limits.version_margin.saturating_add(limits.patience).saturating_add(limits.walk_period);
        let late_before = now.minus(late_by);
        let all: BTreeSet<&ObjectVersion> = named.keys().chain(&there).collect();
        let mut judged = stream::iter(all)
            .map(async |object| Ok::<_, StageError>((object, self.told_of(object, tenant).await?)))
            .buffer_unordered(PARALLEL_CALLS);
        while let Some((object, told)) = judged.try_next().await? {
            let findings = match named.get(object) {
                None => judge_unnamed(object, &told),
                Some((named_tokens, retain_until)) => {
                    let is_there = there.contains(object);
                    let n_named = named_tokens.len() as u64;
                    let facts = ObjectFacts { n_named, retain_until: *retain_until, is_there };
                    judge_object(object, &facts, &told, late_before)
                }
            };
            look.findings.extend(findings);
        }
        Ok(())
    }

    /// Every version in the bucket.
    async fn versions(
        &self,
        counted: &mut Counted,
        tell: &dyn Fn(Progress),
    ) -> Result<BTreeSet<ObjectVersion>, StageError> {
        let mut there = BTreeSet::new();
        let mut after = None;
        loop {
            let page = self.archive.versions("", after.as_ref()).await?;
            let before = counted.n_versions;
            let versions = page.versions.into_iter().filter(|version| !version.is_delete_marker);
            there.extend(versions.map(|version| version.object));
            counted.n_versions = there.len() as u64;
            tell_now_and_then(Reading::Versions, before, counted.n_versions, tell);
            after = page.next;
            if after.is_none() {
                tell(Progress { reading: Reading::Versions, n: counted.n_versions });
                return Ok(there);
            }
        }
    }

    /// What is on record of one version itself.
    async fn told_of(&self, object: &ObjectVersion, tenant: &TenantId) -> Result<ObjectTold, StageError> {
        let partition = object_partition(&object.key);
        let mut told = ObjectTold::default();
        let mut after = None;
        loop {
            let page = self.audit.page(&partition, after.as_deref()).await?;
            for item in page.items.iter().filter(|item| item.object.as_ref() == Some(object)) {
                if item.event == Event::Archived {
                    told.is_archived = true;
                    told.n_tokens = item.tenants.get(tenant).copied().unwrap_or(0);
                }
                if item.event == Event::Purged {
                    told.purged_at = Some(item.written_at);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(told);
            }
        }
    }
}

/// Notes the object that an item's tokens were archived into. One without an object, or without an end of its lock
/// where no hold keeps it, is a fault of each of its tokens.
fn name_object(item: &AuditItem, named: &mut Named) -> Vec<Finding> {
    if item.event != Event::Archived {
        return Vec::new();
    }
    let held = |object: &ObjectVersion| object.key.starts_with(Class::Held.prefix());
    let object = item.object.as_ref().filter(|object| item.retain_until.is_some() || held(object));
    let Some(object) = object else {
        let about = |entry: &Entry| About::Token { fingerprint: entry.fingerprint, version: entry.version };
        let found = |entry| Finding { fault: Fault::NoObject, about: about(entry) };
        return item.entries.iter().map(found).collect();
    };
    let (tokens, retain_until) = named.entry(object.clone()).or_default();
    // A batch that came again, cut anew, names the same tokens once more.
    tokens.extend(item.entries.iter().map(|entry| (entry.fingerprint, entry.version)));
    *retain_until = item.retain_until;
    Vec::new()
}

fn tell_now_and_then(reading: Reading, before: u64, n: u64, tell: &dyn Fn(Progress)) {
    if before.div_euclid(TELL_EVERY) != n.div_euclid(TELL_EVERY) {
        tell(Progress { reading, n });
    }
}
