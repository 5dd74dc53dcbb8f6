//! `lethe explain`: where a token stands and why, how often the last runs found it, and everything on record about it.

use std::collections::BTreeSet;

use lethe_domain::candidates;
use lethe_domain::fingerprint::{Fingerprint, TenantKeys};
use lethe_domain::limits::Limits;
use lethe_domain::marks::{Footer, MarkHash, MarkKey, decode_section};
use lethe_domain::policy::Trigger;
use lethe_domain::reader::{Found, ReaderAnswer, answer};
use lethe_domain::row::{Phase, RowRead, RowVersion, VaultRow, is_good};
use lethe_domain::run::{Run, RunId};
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_domain::token::{Shard, TenantId, token_digest};
use lethe_stages::pinned::{Pinned, keys_of};
use lethe_stages::ports::{AuditLog, Control, RunRef, ShardRef, Vault, WorkStore};
use lethe_stages::work_keys;
use serde::Serialize;

pub(crate) use super::history::HistoryEvent;
use super::history::history;
use super::lookup::{Place, places};
use super::standing::{Waits, stands};
use super::{RUNS_SEEN, check_tenant, config_in_force};
use crate::error::CliError;

/// How many of the last sealed runs are asked for their counts.
const SEALED_RUNS_SEEN: usize = 5;

/// The ports that a command reads.
#[derive(Debug)]
pub(crate) struct Ports<'a, C, A, V, W> {
    pub(crate) control: &'a C,
    pub(crate) audit: &'a A,
    pub(crate) vault: &'a V,
    pub(crate) work: &'a W,
}

/// All that is known about a token. The token itself is not part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ExplainView {
    /// Whose token.
    pub(crate) tenant: TenantId,
    /// Its name in the audit, where it lies or lay, in hexadecimal digits.
    pub(crate) fingerprint: String,
    /// Where it stands, in one word.
    pub(crate) standing: &'static str,
    /// Why it stands there, in a sentence.
    pub(crate) why: String,
    /// What a reader of the vault answers its own callers.
    pub(crate) reader: ReaderAnswer,
    /// Its row, while there is one.
    pub(crate) row: Option<RowView>,
    /// Copies of it that its tenant told of and did not take back; `None` when no notice told of any.
    pub(crate) references: Option<i64>,
    /// How often the last sealed runs found it.
    pub(crate) counts: Vec<CountView>,
    /// What is on record, oldest first.
    pub(crate) history: Vec<HistoryEvent>,
    /// What to type next, where it waits for a person.
    pub(crate) next: Option<String>,
}

/// A vault row without its secrets: no token, no subject, no payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RowView {
    pub(crate) kind: String,
    pub(crate) shard: Shard,
    pub(crate) phase: Phase,
    pub(crate) is_good: bool,
    pub(crate) version: RowVersion,
    pub(crate) created_at: EpochSeconds,
    pub(crate) last_read_at: Option<EpochSeconds>,
    pub(crate) expires_at: Option<EpochSeconds>,
    pub(crate) reason: Option<Trigger>,
    pub(crate) cooling_since: Option<EpochSeconds>,
    pub(crate) purge_at: Option<EpochSeconds>,
    pub(crate) due_at: Option<EpochSeconds>,
    /// The beginning of the day whose commands a person must approve before it leaves.
    pub(crate) waits_for: Option<EpochSeconds>,
    pub(crate) run: Option<RunId>,
    pub(crate) policy: Option<u64>,
    /// Who ended it, brought it back, held or released it last, where a person or a caller did.
    pub(crate) by: Option<String>,
    /// Why, in their words.
    pub(crate) reason_text: Option<String>,
    pub(crate) hold: Option<String>,
    /// The legal holds on everything of its subject.
    pub(crate) subject_hold: Option<String>,
    /// Its subject's tokens of this kind that were issued up to this moment are out of service.
    pub(crate) cut_off_at: Option<EpochSeconds>,
}

/// What one run found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CountView {
    pub(crate) run: RunId,
    pub(crate) scan_started_at: EpochSeconds,
    /// How often the tenant's stores held it; `None` when that run's counts are not kept or did not cover it.
    pub(crate) references: Option<u64>,
    /// How many runs in a row had missed it by then.
    pub(crate) strikes: Option<u8>,
}

/// Explains one token.
pub(crate) async fn explain<C: Control, A: AuditLog, V: Vault, W: WorkStore>(
    tenant: &TenantId,
    typed: &str,
    (now, limits): (EpochSeconds, &Limits),
    ports: &Ports<'_, C, A, V, W>,
) -> Result<ExplainView, CliError> {
    let pinned = config_in_force(ports.control, limits).await?;
    check_tenant(&pinned, tenant)?;
    let keys = keys_of(ports.control, tenant).await?;
    let places = places(tenant, typed, &pinned)?;
    let (place, read) = find(&places, ports.vault).await?;
    let fingerprints: BTreeSet<Fingerprint> = match &read {
        Some(_) => BTreeSet::from([keys.fingerprint(&place.key.token)]),
        None => places.iter().map(|place| keys.fingerprint(&place.key.token)).collect(),
    };
    let history = history(tenant, &fingerprints, ports.audit).await?;
    let created_at = match &read {
        Some(RowRead::Token(row)) => Some(row.created_at.to_seconds()),
        Some(RowRead::Subject | RowRead::Unreadable(_)) | None => None,
    };
    let counts = counts(tenant, (place, created_at), &keys, ports).await?;
    let references = references(tenant, &places, ports.control).await?;
    let subject = subject_of(read.as_ref(), &pinned, ports.vault).await?;
    let waits = waits_of(read.as_ref(), ports.control).await?;
    let reader = answer(found(read.as_ref(), &history), subject.as_ref(), now);
    let (standing, why) = stands(read.as_ref(), reader, waits, &history);
    let row = read.and_then(RowRead::token).map(|row| RowView::of(&row, subject.as_ref(), now));
    let fingerprint = keys.fingerprint(&place.key.token).to_string();
    let next = match waits {
        Waits::ForApproval(day) => Some(format!("lethe approve-commands {tenant} {}", day.0)),
        Waits::No | Waits::ForItsTurn => None,
    };
    let tenant = tenant.clone();
    Ok(ExplainView { tenant, fingerprint, standing, why, reader, row, references, counts, history, next })
}

/// The place where the token lies, else the first one.
async fn find<'p, V: Vault>(
    places: &'p [Place],
    vault: &V,
) -> Result<(&'p Place, Option<RowRead>), CliError> {
    for place in places {
        if let Some(read) = vault.get(&place.key).await? {
            return Ok((place, Some(read)));
        }
    }
    let first = places.first().ok_or_else(|| CliError::BadInput("the token is empty".to_owned()))?;
    Ok((first, None))
}

/// What a reader who knows of issues and removals finds.
fn found<'r>(read: Option<&'r RowRead>, history: &[HistoryEvent]) -> Found<'r> {
    match read {
        Some(read) => Found::Row(read),
        None if history.iter().any(|event| event.to.is_some()) => Found::NothingAnyMore,
        None => Found::Nothing,
    }
}

/// The row of the subject that a token belongs to.
async fn subject_of<V: Vault>(
    read: Option<&RowRead>,
    pinned: &Pinned,
    vault: &V,
) -> Result<Option<SubjectRow>, CliError> {
    let Some(RowRead::Token(row)) = read else { return Ok(None) };
    let Some(subject) = &row.owner.subject else { return Ok(None) };
    let shards = pinned.tenant(&row.key.tenant)?.shards;
    Ok(vault.subject(&SubjectKey::new(&row.key.tenant, subject, shards)).await?)
}

async fn waits_of<C: Control>(read: Option<&RowRead>, control: &C) -> Result<Waits, CliError> {
    let Some(RowRead::Token(row)) = read else { return Ok(Waits::No) };
    let Some(day) = row.waits_for else { return Ok(Waits::No) };
    let account = control.budget(&row.key.tenant, day).await?;
    Ok(Waits::of(row, account.as_ref()))
}

/// The ledger's count of the copies that notices told of, under whichever spelling they named the token.
async fn references<C: Control>(
    tenant: &TenantId,
    places: &[Place],
    control: &C,
) -> Result<Option<i64>, CliError> {
    let ids = places.iter().flat_map(|place| {
        let spellings = [Some(place.key.token.expose().as_bytes()), place.canonical.as_deref()];
        spellings.into_iter().flatten().map(|id| (place.key.shard, token_digest(id)))
    });
    let mut known = None;
    for (shard, digest) in ids.collect::<BTreeSet<_>>() {
        let at = ShardRef { tenant: tenant.clone(), shard };
        if let Some(count) = control.references(&at, &hex::encode(digest)).await? {
            known = Some(known.unwrap_or(0_i64).saturating_add(count));
        }
    }
    Ok(known)
}

async fn counts<C: Control, A: AuditLog, V: Vault, W: WorkStore>(
    tenant: &TenantId,
    (place, created_at): (&Place, Option<EpochSeconds>),
    keys: &TenantKeys,
    ports: &Ports<'_, C, A, V, W>,
) -> Result<Vec<CountView>, CliError> {
    let Some(canonical) = &place.canonical else { return Ok(Vec::new()) };
    let hash = MarkKey::new(keys.mark_key).hash(canonical);
    let runs = ports.control.runs(tenant, RUNS_SEEN).await?;
    let sealed = runs.iter().filter(|run| run.evidence.is_some()).take(SEALED_RUNS_SEEN);
    let mut counts = Vec::new();
    for run in sealed {
        let mut count = count_of(run, place.key.shard, hash, ports.work).await?;
        // Only what was found is written down. Zero is known of a token that was a row when the run counted.
        let was_counted = count.strikes.is_some() || created_at.is_some_and(|at| at <= run.scan_started_at);
        if !was_counted && count.references == Some(0) {
            count.references = None;
        }
        counts.push(count);
    }
    Ok(counts)
}

/// What a run found; zero references when its counts are whole and do not name the token.
async fn count_of<W: WorkStore>(
    run: &Run,
    shard: Shard,
    hash: MarkHash,
    work: &W,
) -> Result<CountView, CliError> {
    let run_ref = RunRef::from(run);
    let mut references = None;
    for part in 0.. {
        let Some(bytes) = work.get(&work_keys::counts(&run_ref, shard, part)).await? else { break };
        references = references_in(&bytes, shard, hash);
        if references != Some(0) {
            break;
        }
    }
    let list = work.get(&work_keys::candidates(&run_ref, shard)).await?;
    let list = list.and_then(|bytes| candidates::decode(&bytes).ok()).unwrap_or_default();
    let strikes = candidates::find(&list, hash.0).map(|candidate| candidate.strikes);
    Ok(CountView { run: run.id.clone(), scan_started_at: run.scan_started_at, references, strikes })
}

/// The count of one token in a file of counts; `None` when the file is damaged.
fn references_in(bytes: &[u8], shard: Shard, hash: MarkHash) -> Option<u64> {
    let footer = Footer::parse(bytes).ok()?;
    let Some(section) = footer.section(shard) else { return Some(0) };
    let range = section.range();
    let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
    let marks = decode_section(bytes.get(range)?, section).ok()?;
    let at = marks.binary_search_by_key(&hash, |mark| mark.hash).ok();
    Some(at.and_then(|at| marks.get(at)).map_or(0, |mark| mark.count))
}

impl RowView {
    fn of(row: &VaultRow, subject: Option<&SubjectRow>, now: EpochSeconds) -> Self {
        let cut_off_at = subject.and_then(|subject| subject.cutoff_of(&row.kind));
        Self {
            kind: row.kind.clone(),
            shard: row.key.shard,
            phase: row.phase(),
            is_good: is_good(row, subject, now),
            version: row.version,
            created_at: row.created_at.to_seconds(),
            last_read_at: row.last_read_at,
            expires_at: row.expires_at,
            reason: row.reason,
            cooling_since: row.cooling_since,
            purge_at: row.purge_at,
            due_at: row.due_at,
            waits_for: row.waits_for,
            run: row.run.clone(),
            policy: row.policy,
            by: row.by.as_ref().map(|by| by.actor.clone()),
            reason_text: row.by.as_ref().and_then(|by| by.reason_text.clone()),
            hold: row.hold.clone(),
            subject_hold: subject.and_then(|subject| subject.hold.clone()),
            cut_off_at: cut_off_at.map(EpochMillis::to_seconds),
        }
    }
}
