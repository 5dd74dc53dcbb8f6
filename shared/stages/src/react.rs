//! React: puts every state change of the vault on record, from the stream, and sees condemned rows that somebody
//! wrote without stepping their version. The stream is the outbox: no writer has to remember the audit.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::audit::{AuditItem, Entry, Event, Standing, bucket_of};
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::lifecycle::{Expected, ImageVerdict, Transition, cleans_up, decide_image};
use lethe_domain::row::{By, RowRead, VaultRow};
use lethe_domain::run::RunId;
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_domain::token::TenantId;
use serde::Serialize;

use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, RowWrite, RunRef, Vault, WriteOutcome};
use crate::refuse::refuse;
use crate::settings::{Mode, Settings};
use crate::stream::{Image, RecordKind, StreamRecord};

mod cleanup;
mod regret;

use cleanup::Owned;
use regret::Seen;

/// The react stage.
pub struct React<'a, C, A, V> {
    /// Config, keys and runs.
    pub control: &'a C,
    /// The record.
    pub audit: &'a A,
    /// The tokens' rows.
    pub vault: &'a V,
    /// Mode and limits.
    pub settings: &'a Settings,
}

/// What a batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReactReport {
    /// Records seen.
    pub n_records: u64,
    /// State changes put on record.
    pub n_entries: u64,
    /// Audit items that hold them.
    pub n_items: u64,
    /// Tokens that were taken out of service.
    pub n_cooled: u64,
    /// Tokens that were given a date of removal.
    pub n_sentenced: u64,
    /// Tokens that were taken back into service.
    pub n_reinstated: u64,
    /// Tokens that were put under a legal hold.
    pub n_held: u64,
    /// Tokens that were released from one.
    pub n_released: u64,
    /// Condemned rows that somebody else wrote.
    pub n_out_of_band: u64,
    /// Ended tokens that inline clean-up put away.
    pub n_cleaned: u64,
    /// Rows that could not be understood.
    pub n_unreadable: u64,
}

impl ReactReport {
    fn count(&mut self, event: Event, n_entries: u64) {
        self.n_entries = self.n_entries.saturating_add(n_entries);
        for (counted, count) in [
            (Event::Cooled, &mut self.n_cooled),
            (Event::Sentenced, &mut self.n_sentenced),
            (Event::Reinstated, &mut self.n_reinstated),
            (Event::OutOfBand, &mut self.n_out_of_band),
            (Event::Held, &mut self.n_held),
            (Event::Released, &mut self.n_released),
        ] {
            if event == counted {
                *count = count.saturating_add(n_entries);
            }
        }
    }
}

/// Entries that share an audit item.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    tenant: TenantId,
    bucket: u8,
    event: Event,
    run: Option<RunId>,
    policy: Option<u64>,
    by: Option<By>,
}

/// A group's entries and the place of its first record, which names the item.
struct Gathered {
    first: (EpochMillis, String),
    entries: Vec<Entry>,
}

impl<C: Control, A: AuditLog, V: Vault> React<'_, C, A, V> {
    /// Works off one batch of INSERT and MODIFY records.
    pub async fn batch(
        &self,
        records: &[StreamRecord],
        now: EpochSeconds,
    ) -> Result<ReactReport, StageError> {
        let mut report = ReactReport { n_records: records.len() as u64, ..ReactReport::default() };
        let mut groups: BTreeMap<Group, Gathered> = BTreeMap::new();
        let mut keys: BTreeMap<TenantId, Option<TenantKeys>> = BTreeMap::new();
        let mut to_clean: BTreeSet<Owned> = BTreeSet::new();
        let mut seen = Seen::default();
        for record in records {
            let Some(image) = record.new.as_ref().filter(|_| record.kind != RecordKind::Remove) else {
                continue;
            };
            let row = match &image.row {
                RowRead::Token(row) => row,
                RowRead::Subject => continue,
                RowRead::Unreadable(fault) => {
                    refuse(self.audit, None, &record.sequence, &format!("a vault row: {fault}"), now).await?;
                    report.n_unreadable = report.n_unreadable.saturating_add(1);
                    continue;
                }
            };
            let old = record.old.as_ref().and_then(Image::token);
            if cleans_up(old, row) {
                to_clean.extend(Owned::of(row));
            }
            seen.see(old, row, &record.sequence);
            let ImageVerdict { transition, lift } = decide_image(old, row, now);
            if let Some(change) = lift {
                self.lift(row, change).await?;
            }
            if let Some(transition) = transition {
                if !keys.contains_key(&row.key.tenant) {
                    keys.insert(row.key.tenant.clone(), self.control.keys(&row.key.tenant).await?);
                }
                let Some(Some(keys)) = keys.get(&row.key.tenant) else {
                    // One tenant that the config does not name yet must not stop the stream for all.
                    let why = "a state change of a tenant without keys; apply lethe.toml";
                    refuse(self.audit, Some(&row.key.tenant), &record.sequence, why, now).await?;
                    continue;
                };
                gather(&mut groups, keys, record, (row, old), transition);
            }
        }
        for (group, gathered) in groups {
            report.count(group.event, gathered.entries.len() as u64);
            report.n_items = report.n_items.saturating_add(1);
            self.record(group, gathered, now).await?;
        }
        self.count_regret(seen, now).await?;
        report.n_cleaned = self.clean_up(&to_clean, now).await?;
        Ok(report)
    }

    /// Takes the date of removal off a row that somebody else wrote; `expire` decides over it afresh.
    async fn lift(&self, row: &VaultRow, change: lethe_domain::lifecycle::Change) -> Result<(), StageError> {
        if self.settings.mode == Mode::Report {
            return Ok(());
        }
        let Some(pinned) = Pinned::current(self.control, &self.settings.limits).await? else { return Ok(()) };
        let due_shards = pinned.config.due_shards;
        let write = RowWrite { key: row.key.clone(), expected: Expected::of(row), change, due_shards };
        match self.vault.write(&write).await? {
            // A row that changed again has a record of its own.
            WriteOutcome::Done | WriteOutcome::Changed(_) => Ok(()),
        }
    }

    async fn record(&self, group: Group, gathered: Gathered, now: EpochSeconds) -> Result<(), StageError> {
        let evidence = match &group.run {
            None => None,
            Some(id) => {
                let run = RunRef { tenant: group.tenant.clone(), id: id.clone() };
                self.control.run(&run).await?.and_then(|run| run.evidence)
            }
        };
        let (at, sequence) = &gathered.first;
        let place = (&group.tenant, group.bucket);
        let item = AuditItem::of_tokens(place, group.event, (*at, sequence), gathered.entries, now);
        let run = group.run.map(|run| run.to_string());
        let (actor, reason_text) = group.by.map_or((None, None), |by| (Some(by.actor), by.reason_text));
        let item = AuditItem { run, policy: group.policy, evidence, actor, reason_text, ..item };
        self.audit.record(&item).await?;
        Ok(())
    }
}

fn gather(
    groups: &mut BTreeMap<Group, Gathered>,
    keys: &TenantKeys,
    record: &StreamRecord,
    (row, old): (&VaultRow, Option<&VaultRow>),
    transition: Transition,
) {
    let fingerprint = keys.fingerprint(&row.key.token);
    // A reinstated row no longer says why it had been taken out; its image before does.
    let reason = row.reason.or(old.and_then(|old| old.reason));
    let entry = Entry {
        fingerprint,
        version: row.version,
        from: transition.from.map_or(Standing::None, Standing::from),
        to: transition.to.into(),
        reason,
    };
    let group = Group {
        tenant: row.key.tenant.clone(),
        bucket: bucket_of(&fingerprint),
        event: transition.event,
        run: row.run.clone(),
        policy: row.policy,
        by: row.by.clone(),
    };
    let first = || Gathered { first: (record.at, record.sequence.clone()), entries: Vec::new() };
    groups.entry(group).or_insert_with(first).entries.push(entry);
}
