//! Archive: writes what left the vault into locked objects, whoever removed it, and then puts that on record. The
//! object's key comes from what it holds, so that a retry makes the same object; nothing here can read one back.

use std::collections::BTreeMap;

use lethe_domain::audit::{AuditItem, Entry, Event, ObjectVersion, Standing, bucket_of};
use lethe_domain::fingerprint::{Fingerprint, TenantKeys};
use lethe_domain::policy::{Retention, Rule, Trigger};
use lethe_domain::record::{ArchiveRecord, Class, UNREADABLE_TENANT, lines_by_tenant, object_key};
use lethe_domain::row::{RowRead, RowVersion, VaultRow};
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::time::{EpochMillis, EpochSeconds, date_of};
use lethe_domain::token::{TenantId, TokenId, token_digest};
use serde::Serialize;

use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{Archive, ArchiveObject, AuditLog, Control, ListedVersion, Lock, Vault};
use crate::settings::Settings;
use crate::stream::{Image, RecordKind, StreamRecord};

/// The most records in one object.
const MAX_RECORDS: usize = 1000;

/// zstd's own default: records of one tenant repeat each other, more effort saves little.
const ZSTD_LEVEL: i32 = 3;

/// The archive stage.
pub struct Archiver<'a, C, A, V, R> {
    /// Config and keys.
    pub control: &'a C,
    /// The record.
    pub audit: &'a A,
    /// The subjects' rows, for their holds.
    pub vault: &'a V,
    /// The locked bucket.
    pub archive: &'a R,
    /// Limits.
    pub settings: &'a Settings,
}

/// What a batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ArchiveReport {
    /// Records seen.
    pub n_records: u64,
    /// Rows archived.
    pub n_archived: u64,
    /// Rows that left without archive, by policy or because their retention was over.
    pub n_erased: u64,
    /// Rows that could not be understood, archived as they were.
    pub n_unreadable: u64,
    /// Objects written.
    pub n_objects: u64,
    /// The longest time between a row's `purge_at` and its removal.
    pub max_lag_seconds: i64,
}

/// A removed row on its way into the archive.
struct Removed {
    record: ArchiveRecord,
    entry: Entry,
    /// `None` when it is not archived.
    class: Option<Class>,
    place: (EpochMillis, String),
}

/// Records that go into one object, by class and day; `None` for those that are not archived.
type Batches = BTreeMap<(Option<Class>, String), Vec<Removed>>;

impl<C: Control, A: AuditLog, V: Vault, R: Archive> Archiver<'_, C, A, V, R> {
    /// Works off one batch of REMOVE records.
    pub async fn batch(
        &self,
        records: &[StreamRecord],
        now: EpochSeconds,
    ) -> Result<ArchiveReport, StageError> {
        let mut report = ArchiveReport { n_records: records.len() as u64, ..ArchiveReport::default() };
        let pinned = Pinned::current(self.control, &self.settings.limits).await?;
        let mut keys: BTreeMap<TenantId, Option<TenantKeys>> = BTreeMap::new();
        let mut batches: Batches = BTreeMap::new();
        for record in records {
            let Some(image) = record.old.as_ref().filter(|_| record.kind == RecordKind::Remove) else {
                continue;
            };
            let tenant = tenant_of(image)?;
            if !keys.contains_key(&tenant) {
                keys.insert(tenant.clone(), self.control.keys(&tenant).await?);
            }
            let tenant_keys = keys.get(&tenant).and_then(Option::as_ref);
            // A subject's row is no token, and what it says of the subject's tokens lies with them.
            if image.row == RowRead::Subject {
                continue;
            }
            let is_held = self.is_subject_held(image, pinned.as_ref()).await?;
            let removed = prepare(record, image, (tenant, is_held), (pinned.as_ref(), tenant_keys), now);
            report.n_unreadable =
                report.n_unreadable.saturating_add(u64::from(matches!(image.row, RowRead::Unreadable(_))));
            report.max_lag_seconds = report.max_lag_seconds.max(lag_of(image, removed.record.removed_at));
            let day = date_of(removed.record.removed_at);
            batches.entry((removed.class, day)).or_default().push(removed);
        }
        for ((class, _), removed) in batches {
            for chunk in removed.chunks(MAX_RECORDS) {
                self.put_away(class, chunk, now, &mut report).await?;
            }
        }
        Ok(report)
    }

    async fn put_away(
        &self,
        class: Option<Class>,
        removed: &[Removed],
        now: EpochSeconds,
        report: &mut ArchiveReport,
    ) -> Result<(), StageError> {
        let n_rows = removed.len() as u64;
        let last_removed_at = removed.iter().map(|row| row.record.removed_at).max().unwrap_or(now);
        let lock = class.map(|class| match class {
            Class::Kept(retention) => {
                Lock::Until(last_removed_at.plus(self.settings.limits.retention(retention)))
            }
            Class::Held => Lock::Hold,
        });
        let object = match class.zip(lock) {
            None => None,
            Some((class, lock)) => {
                self.written(class, lock, removed, now).await?.map(|object| (object, lock))
            }
        };
        let Some((object, lock)) = object else {
            report.n_erased = report.n_erased.saturating_add(n_rows);
            return self.record(removed, Event::Erased, None, now).await;
        };
        report.n_objects = report.n_objects.saturating_add(1);
        report.n_archived = report.n_archived.saturating_add(n_rows);
        // The object first: what a token's entry names must be known to `confirm`, or it is never purged on record.
        let item = AuditItem::of_object(&object, Event::Archived, now);
        let tenants = count_by_tenant(removed);
        self.audit.record(&AuditItem { retain_until: until(lock), tenants, ..item }).await?;
        self.record(removed, Event::Archived, Some((&object, lock)), now).await
    }

    /// The locked object with these rows. A batch that comes after its own retention is not locked any more; then
    /// there is one only where an earlier attempt left it.
    async fn written(
        &self,
        class: Class,
        lock: Lock,
        removed: &[Removed],
        now: EpochSeconds,
    ) -> Result<Option<ObjectVersion>, StageError> {
        let Some(first) = removed.first() else { return Ok(None) };
        let names: Vec<_> = removed
            .iter()
            .map(|row| (&row.record.tenant, row.entry.fingerprint, row.entry.version))
            .collect();
        let key = object_key(class, first.record.removed_at, &names);
        if is_past(lock, now) {
            return self.find_written(&key).await;
        }
        let body = encode(removed)?;
        Ok(Some(self.archive.put(&ArchiveObject { key, body, lock }).await?))
    }

    /// The first version under exactly this key.
    async fn find_written(&self, key: &str) -> Result<Option<ObjectVersion>, StageError> {
        let (mut found, mut after) = (None, None);
        loop {
            let page = self.archive.versions(key, after.as_ref()).await?;
            let of_key = |version: &ListedVersion| !version.is_delete_marker && version.object.key == key;
            // Newest first within a key, so the last is the first that was written.
            found = page.versions.into_iter().rfind(of_key).map(|version| version.object).or(found);
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Whether the row's subject is under a legal hold, whose fan-out may not have reached the row yet.
    async fn is_subject_held(&self, image: &Image, pinned: Option<&Pinned>) -> Result<bool, StageError> {
        let Some(row) = image.token() else { return Ok(false) };
        let Some(subject) = row.owner.subject.as_ref().filter(|_| row.hold.is_none()) else {
            return Ok(false);
        };
        let section = pinned.and_then(|pinned| pinned.config.tenant(&row.key.tenant));
        let Some(shards) = section.map(|section| section.shards) else { return Ok(false) };
        let stored = self.vault.subject(&SubjectKey::new(&row.key.tenant, subject, shards)).await?;
        Ok(stored.is_some_and(|subject: SubjectRow| subject.hold.is_some()))
    }

    async fn record(
        &self,
        removed: &[Removed],
        event: Event,
        object: Option<(&ObjectVersion, Lock)>,
        now: EpochSeconds,
    ) -> Result<(), StageError> {
        let to = if object.is_some() { Standing::Archived } else { Standing::Erased };
        let mut groups: BTreeMap<(TenantId, u8), Vec<&Removed>> = BTreeMap::new();
        for row in removed {
            let bucket = bucket_of(&row.entry.fingerprint);
            groups.entry((row.record.tenant.clone(), bucket)).or_default().push(row);
        }
        for ((tenant, bucket), rows) in groups {
            let Some(first) = rows.first() else { continue };
            let (at, sequence) = &first.place;
            let entries = rows.iter().map(|row| Entry { to, ..row.entry }).collect();
            let item = AuditItem::of_tokens((&tenant, bucket), event, (*at, sequence), entries, now);
            let item = match object {
                None => item,
                Some((object, lock)) => item.in_object(object, until(lock)),
            };
            self.audit.record(&item).await?;
        }
        Ok(())
    }
}

fn count_by_tenant(removed: &[Removed]) -> BTreeMap<TenantId, u64> {
    let mut counts: BTreeMap<TenantId, u64> = BTreeMap::new();
    for row in removed {
        let count = counts.entry(row.record.tenant.clone()).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

fn prepare(
    record: &StreamRecord,
    image: &Image,
    (tenant, is_subject_held): (TenantId, bool),
    (pinned, keys): (Option<&Pinned>, Option<&TenantKeys>),
    now: EpochSeconds,
) -> Removed {
    // Zero means that the stream did not say when.
    let removed_at = if record.at.0 == 0 { now } else { record.at.to_seconds() };
    let row = image.token();
    let sk = image.key("sk").unwrap_or_default();
    let version = row.map_or(RowVersion(0), |row| row.version);
    let entry = Entry {
        fingerprint: fingerprint_of(keys, sk, image),
        version,
        from: row.map_or(Standing::None, |row| row.phase().into()),
        to: Standing::Archived,
        reason: row.and_then(|row| row.reason),
    };
    let record_ = ArchiveRecord {
        tenant,
        token: sk.to_owned(),
        kind: row.map(|row| row.kind.clone()).unwrap_or_default(),
        version,
        reason: row.map(|row| reason_of(row).as_str().to_owned()),
        removed_at,
        image: image.raw.clone(),
    };
    let class = if is_subject_held { Some(Class::Held) } else { class_of(row, pinned) };
    Removed { record: record_, entry, class, place: (record.at, record.sequence.clone()) }
}

/// Which class a removed row goes into. What is not understood is kept longest.
fn class_of(row: Option<&VaultRow>, pinned: Option<&Pinned>) -> Option<Class> {
    let longest = Some(Class::Kept(Retention::R365));
    let Some(row) = row else { return longest };
    if row.hold.is_some() {
        return Some(Class::Held);
    }
    let kind = pinned.and_then(|pinned| pinned.config.known_kind(&row.key.tenant, &row.kind));
    match kind.and_then(|kind| kind.rule(reason_of(row))) {
        Some(Rule { archive: false, .. }) => None,
        Some(rule) => Some(Class::Kept(rule.retention)),
        None => longest,
    }
}

/// No reason on a removed row means that it had a known end.
fn reason_of(row: &VaultRow) -> Trigger {
    row.reason.unwrap_or(Trigger::Expired)
}

fn tenant_of(image: &Image) -> Result<TenantId, StageError> {
    let named = image.key("pk").and_then(|pk| pk.rsplit_once('#')).map(|(tenant, _)| tenant);
    let tenant = named.and_then(|tenant| TenantId::new(tenant).ok());
    match tenant.map_or_else(|| TenantId::new(UNREADABLE_TENANT), Ok) {
        Ok(tenant) => Ok(tenant),
        // The constant is a good name, so this cannot happen; the batch would come again.
        Err(_) => Err(StageError::Contended),
    }
}

/// A row without a token id, or of a tenant without keys, cannot have a keyed fingerprint. The digest of its whole
/// image names it: with the payload in it nobody can guess a token from it.
fn fingerprint_of(keys: Option<&TenantKeys>, sk: &str, image: &Image) -> Fingerprint {
    if let (Some(keys), Ok(token)) = (keys, TokenId::new(sk)) {
        return keys.fingerprint(&token);
    }
    let mut fingerprint = [0; 16];
    fingerprint
        .iter_mut()
        .zip(token_digest(image.raw.to_string().as_bytes()))
        .for_each(|(to, from)| *to = from);
    Fingerprint(fingerprint)
}

fn lag_of(image: &Image, removed_at: EpochSeconds) -> i64 {
    let purge_at = image.token().and_then(|row| row.purge_at);
    purge_at.map_or(0, |purge_at| removed_at.0.saturating_sub(purge_at.0))
}

fn encode(removed: &[Removed]) -> Result<Vec<u8>, StageError> {
    let records: Vec<ArchiveRecord> = removed.iter().map(|row| row.record.clone()).collect();
    let mut body = Vec::new();
    // One frame a tenant: each can be decoded, and later locked, alone.
    for text in lines_by_tenant(&records).values() {
        body.extend(zstd::encode_all(text.as_bytes(), ZSTD_LEVEL).map_err(StageError::Compress)?);
    }
    Ok(body)
}

fn is_past(lock: Lock, now: EpochSeconds) -> bool {
    until(lock).is_some_and(|until| until <= now)
}

fn until(lock: Lock) -> Option<EpochSeconds> {
    match lock {
        Lock::Until(until) => Some(until),
        Lock::Hold => None,
    }
}
