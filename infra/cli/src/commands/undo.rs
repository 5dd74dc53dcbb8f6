//! `lethe undo`: takes back what a run did. The order is written down and reconcile works it off; the command only looks.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use lethe_domain::audit::{AUDIT_BUCKETS, AuditItem, Event, token_partition};
use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::lifecycle::Undoing;
use lethe_domain::limits::Limits;
use lethe_domain::row::RowRead;
use lethe_domain::run::{Run, RunId, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_domain::undo::{Undo, UndoPosition, UndoTally};
use lethe_stages::first_purge;
use lethe_stages::pinned::Pinned;
use lethe_stages::ports::{AuditLog, Control, RunRef, Vault, WorkStore};
use lethe_stages::undo::{Next, Written, concerns, would_do, written_until};
use serde::Serialize;

use super::pause::check_reason;
use super::plan::run_of;
use super::{Caller, check_tenant, config_in_force};
use crate::error::CliError;

/// Everything that the command asks.
pub(crate) struct Ports<'a, C, A, V, W> {
    /// Runs and orders.
    pub(crate) control: &'a C,
    /// The record.
    pub(crate) audit: &'a A,
    /// The tokens' rows.
    pub(crate) vault: &'a V,
    /// The plans.
    pub(crate) work: &'a W,
}

/// What an order came to, is on the way to, or would come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct UndoView {
    /// Whose run.
    pub(crate) tenant: TenantId,
    /// The run.
    pub(crate) run: RunId,
    /// Who ordered it; nobody where it is only looked at.
    pub(crate) ordered_by: Option<String>,
    /// When.
    pub(crate) ordered_at: Option<EpochSeconds>,
    /// When it was done.
    pub(crate) done_at: Option<EpochSeconds>,
    /// Whether this command gave the order; `false` when there was one before.
    pub(crate) is_new: bool,
    /// What became of the tokens.
    pub(crate) tally: UndoTally,
    /// What has left the vault already; known when the order is done or looked at.
    pub(crate) left: Option<LeftView>,
}

/// Tokens of the run that have left the vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LeftView {
    /// In a locked archive object.
    pub(crate) n_archived: u64,
    /// Gone without a copy.
    pub(crate) n_erased: u64,
    /// The objects, and how many of the tokens each holds.
    pub(crate) objects: BTreeMap<String, u64>,
}

/// Gives the order, or finds the one that was given before.
pub(crate) async fn order<C: Control, A: AuditLog>(
    (tenant, id): (&TenantId, &RunId),
    reason: Option<&str>,
    (caller, limits): (&Caller, &Limits),
    (control, audit): (&C, &A),
) -> Result<UndoView, CliError> {
    let pinned = config_in_force(control, limits).await?;
    check_tenant(&pinned, tenant)?;
    check_reason(reason, Some(&pinned))?;
    let run = run_of(tenant, id, control).await?;
    if run.stage == Stage::Booked || run.stage == Stage::Reported {
        return Err(CliError::BadInput(format!(
            "run {id} is {}: it wrote nothing, so there is nothing to undo; `lethe status {tenant}` shows the runs",
            run.stage.as_str()
        )));
    }
    let new = Undo::new(tenant.clone(), id.clone(), (&caller.actor, reason), caller.now);
    let is_new = control.create_undo(&new).await?;
    stop_first_purge(&run, control).await?;
    let stands = control.undo(&RunRef::from(&run)).await?.unwrap_or(new);
    let item = AuditItem::of_run(&run, Event::Undone, stands.ordered_at);
    let (actor, reason_text) = (Some(stands.by.actor.clone()), stands.by.reason_text.clone());
    audit.record(&AuditItem { actor, reason_text, ..item }).await?;
    Ok(UndoView { is_new, ..view_of(&stands) })
}

/// Has what is left of a first purge ask again when one of its slices is undone: it goes by the same approval.
async fn stop_first_purge<C: Control>(run: &Run, control: &C) -> Result<(), CliError> {
    let backlog = first_purge::backlog_of(control, &run.tenant).await?;
    if backlog.slices.iter().any(|slice| slice.run == run.id) {
        first_purge::stop(control, &run.tenant, &format!("run {} was undone", run.id)).await?;
    }
    Ok(())
}

/// Looks at the order until it is done; whoever stops looking stops nothing else.
pub(crate) async fn follow<C: Control, A: AuditLog>(
    run: &RunRef,
    (control, audit): (&C, &A),
    pause: impl AsyncFn(),
    mut show: impl FnMut(&UndoView),
) -> Result<UndoView, CliError> {
    let mut shown = None;
    loop {
        let Some(undo) = control.undo(run).await? else {
            return Err(CliError::Failed(format!("nobody ordered run {} to be undone any more", run.id)));
        };
        let view = view_of(&undo);
        if undo.done_at.is_some() {
            let run = run_of(&run.tenant, &run.id, control).await?;
            return Ok(UndoView { left: Some(left(&run, audit).await?), ..view });
        }
        if shown != Some(undo.revision) {
            show(&view);
            shown = Some(undo.revision);
        }
        pause().await;
    }
}

/// Counts what an order would do, and writes nothing.
pub(crate) async fn look<C: Control, A: AuditLog, V: Vault, W: WorkStore>(
    (tenant, id): (&TenantId, &RunId),
    (caller, limits): (&Caller, &Limits),
    ports: &Ports<'_, C, A, V, W>,
) -> Result<UndoView, CliError> {
    let pinned = config_in_force(ports.control, limits).await?;
    check_tenant(&pinned, tenant)?;
    let run = run_of(tenant, id, ports.control).await?;
    let new = Undo::new(tenant.clone(), id.clone(), (&caller.actor, None), caller.now);
    let tally = count(&run, &new, (&pinned, limits), ports).await?;
    let left = Some(left(&run, ports.audit).await?);
    Ok(UndoView { ordered_by: None, ordered_at: None, tally, left, ..view_of(&new) })
}

async fn count<C, A, V: Vault, W: WorkStore>(
    run: &Run,
    new: &Undo,
    (pinned, limits): (&Pinned, &Limits),
    ports: &Ports<'_, C, A, V, W>,
) -> Result<UndoTally, CliError> {
    let (by, now) = (&new.by, new.ordered_at);
    let undoing = Undoing { run, written_until: written_until(run, limits), by, ordered_at: now };
    let mut written = Written::new((ports.work, ports.vault), run, pinned);
    let (mut position, mut tally) = (UndoPosition::START, UndoTally::default());
    loop {
        match written.at(&position).await? {
            Next::PlanIsGone => (position, tally) = (UndoPosition::WALK, UndoTally::default()),
            Next::Piece(piece) => {
                let concerned = piece.found.iter().filter(|(_, read)| match read {
                    Some(RowRead::Token(row)) => concerns(&position, row, &undoing, pinned),
                    Some(RowRead::Subject | RowRead::Unreadable(_)) | None => true,
                });
                let of_piece = concerned.map(|found| would_do(found, &undoing, pinned, now));
                tally = of_piece.fold(tally, UndoTally::plus);
                let Some(next) = piece.next else { return Ok(tally) };
                position = next;
            }
        }
    }
}

/// What has left the vault of the tokens that the record says the run took out of service or sentenced.
async fn left<A: AuditLog>(run: &Run, audit: &A) -> Result<LeftView, CliError> {
    let buckets = (0..AUDIT_BUCKETS).map(|bucket| left_of(run, bucket, audit));
    let mut sum = LeftView::default();
    let mut buckets = stream::iter(buckets).buffer_unordered(usize::from(AUDIT_BUCKETS));
    while let Some(left) = buckets.next().await {
        let LeftView { n_archived, n_erased, objects } = left?;
        sum.n_archived = sum.n_archived.saturating_add(n_archived);
        sum.n_erased = sum.n_erased.saturating_add(n_erased);
        for (object, n) in objects {
            let count = sum.objects.entry(object).or_default();
            *count = count.saturating_add(n);
        }
    }
    Ok(sum)
}

async fn left_of<A: AuditLog>(run: &Run, bucket: u8, audit: &A) -> Result<LeftView, CliError> {
    let id = run.id.to_string();
    let pk = token_partition(&run.tenant, bucket);
    // A token's items lie in the order of their time, and the run wrote nothing before its scan began.
    let mut after = Some(format!("{:013}", run.scan_started_at.to_millis().0.max(0)));
    let mut of_run: BTreeSet<Fingerprint> = BTreeSet::new();
    let mut gone: BTreeMap<Fingerprint, Option<String>> = BTreeMap::new();
    while let Some(from) = after {
        let page = audit.page(&pk, Some(&from)).await?;
        for item in &page.items {
            let fingerprints = item.entries.iter().map(|entry| entry.fingerprint);
            if item.run.as_ref() == Some(&id) && matches!(item.event, Event::Cooled | Event::Sentenced) {
                of_run.extend(fingerprints);
            } else if matches!(item.event, Event::Archived | Event::Erased) {
                let object = item.object.as_ref().map(|object| object.key.clone());
                let ours = fingerprints.filter(|fingerprint| of_run.contains(fingerprint));
                gone.extend(ours.map(|fingerprint| (fingerprint, object.clone())));
            }
        }
        after = page.next;
    }
    let mut left = LeftView::default();
    for object in gone.into_values() {
        let Some(object) = object else {
            left.n_erased = left.n_erased.saturating_add(1);
            continue;
        };
        left.n_archived = left.n_archived.saturating_add(1);
        let count = left.objects.entry(object).or_default();
        *count = count.saturating_add(1);
    }
    Ok(left)
}

fn view_of(undo: &Undo) -> UndoView {
    UndoView {
        tenant: undo.tenant.clone(),
        run: undo.run.clone(),
        ordered_by: Some(undo.by.actor.clone()),
        ordered_at: Some(undo.ordered_at),
        done_at: undo.done_at,
        is_new: false,
        tally: undo.tally,
        left: None,
    }
}
