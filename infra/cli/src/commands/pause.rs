//! `lethe pause` and `lethe resume`: the kill switch, by hand.

use lethe_domain::audit::{AuditItem, Event};
use lethe_domain::extract::Extractor;
use lethe_domain::limits::Limits;
use lethe_domain::pause::{LATE_USE_ALARM, Pause, Reach};
use lethe_domain::rails::late_use_limit;
use lethe_domain::row::By;
use lethe_domain::source::Encodings;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::error::StageError;
use lethe_stages::first_purge;
use lethe_stages::pinned::Pinned;
use lethe_stages::ports::{AuditLog, Control};
use serde::Serialize;

use super::{Caller, RUNS_SEEN, check_tenant};
use crate::error::CliError;

/// The longest reason that is taken: it is shown in one line.
const REASON_MAX_CHARS: usize = 200;

/// What stands after a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PauseView {
    /// Whose decisions it stops; every tenant's where none is named.
    pub(crate) tenant: Option<TenantId>,
    /// Who paused.
    pub(crate) actor: String,
    /// Since when.
    pub(crate) since: EpochSeconds,
    /// Why, in their words.
    pub(crate) reason: Option<String>,
    /// Whether dates of removal are lifted and nothing is removed.
    pub(crate) freezes: bool,
}

impl PauseView {
    /// A pause as commands show it.
    pub(crate) fn of(reach: &Reach, pause: &Pause) -> Self {
        Self {
            tenant: reach.tenant().cloned(),
            actor: pause.by.actor.clone(),
            since: pause.since,
            reason: pause.by.reason_text.clone(),
            freezes: pause.freezes,
        }
    }
}

/// What `lethe pause` came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Paused {
    /// The pause that stands now.
    #[serde(flatten)]
    pub(crate) pause: PauseView,
    /// Whether this command set it; `false` when one stood before.
    pub(crate) is_new: bool,
}

/// What `lethe resume` came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Resumed {
    /// The pause that ended; `None` where none stood.
    pub(crate) ended: Option<PauseView>,
    /// The pause that still stands: of all tenants where one was resumed, or the tenants' own where all were.
    pub(crate) still: Vec<PauseView>,
}

/// Stops the decisions. It works without a config, so that nothing has to be right first.
pub(crate) async fn pause<C: Control, A: AuditLog>(
    reach: &Reach,
    (reason, freezes): (Option<&str>, bool),
    (caller, limits): (&Caller, &Limits),
    (control, audit): (&C, &A),
) -> Result<Paused, CliError> {
    let pinned = config_if_any(limits, control).await?;
    check_reach(reach, pinned.as_ref())?;
    check_reason(reason, pinned.as_ref())?;
    let by = By { actor: caller.actor.clone(), reason_text: reason.map(str::to_owned) };
    let new = Pause { by, since: caller.now, freezes };
    let before = standing(reach, control, pinned.as_ref()).await;
    // The switch first: whoever pauses is in a hurry.
    let is_new = control.pause(reach, &new).await?;
    // A freeze takes the place of the alarm's pause, and what the alarm found must outlive it.
    if let (Reach::Tenant(tenant), Some(alarm)) = (reach, before?) {
        stop_after_alarm((tenant, &alarm), limits.budget_day_of(caller.now), (control, pinned.as_ref()))
            .await?;
    }
    let stands = standing(reach, control, pinned.as_ref()).await?.unwrap_or(new);
    // Written again where an earlier attempt may have died before it: its key is the pause's own.
    record(reach, &stands, (Event::Paused, caller.now), (pinned.as_ref(), audit)).await?;
    Ok(Paused { pause: PauseView::of(reach, &stands), is_new })
}

/// Ends a pause.
pub(crate) async fn resume<C: Control, A: AuditLog>(
    reach: &Reach,
    (caller, limits): (&Caller, &Limits),
    (control, audit): (&C, &A),
) -> Result<Resumed, CliError> {
    let pinned = config_if_any(limits, control).await?;
    check_reach(reach, pinned.as_ref())?;
    let Some(stands) = standing(reach, control, pinned.as_ref()).await? else {
        return Ok(Resumed { ended: None, still: still(reach, control, pinned.as_ref()).await? });
    };
    // On record first: a pause that is gone tells nobody that it stood.
    let ender = Pause { by: By { actor: caller.actor.clone(), reason_text: None }, ..stands.clone() };
    record(reach, &ender, (Event::Resumed, caller.now), (pinned.as_ref(), audit)).await?;
    if let Reach::Tenant(tenant) = reach {
        // Whoever resumes has looked: the late-use alarm counts from zero, or the next read would pause it again.
        let day = limits.budget_day_of(caller.now);
        stop_after_alarm((tenant, &stands), day, (control, pinned.as_ref())).await?;
        control.forget_late_uses(tenant, day).await?;
    }
    // Guard: a person's clock may be behind those that made the plans, and an end is never put back.
    let ended_at = caller.now.plus(limits.scale.apply(limits.max_clock_skew)).max(stands.since);
    if !control.resume(reach, stands.since, ended_at).await? {
        return Err(CliError::Failed(format!(
            "the pause of {reach} changed at the same moment; look at `lethe status` and say again"
        )));
    }
    let still = still(reach, control, pinned.as_ref()).await?;
    Ok(Resumed { ended: Some(PauseView::of(reach, &stands)), still })
}

/// Has what is left of a first purge ask again where the late-use alarm rang, or would have rung if nobody had paused
/// before it: the slices were approved before anybody knew that some of them are in use.
async fn stop_after_alarm<C: Control>(
    (tenant, stands): (&TenantId, &Pause),
    day: EpochSeconds,
    (control, pinned): (&C, Option<&Pinned>),
) -> Result<(), CliError> {
    let why = if stands.by.actor == LATE_USE_ALARM {
        stands.by.reason_text.clone().unwrap_or_else(|| "too many of its tokens were read".to_owned())
    } else {
        let n_today = control.late_uses(tenant, day).await?;
        let runs = control.runs(tenant, RUNS_SEEN).await?;
        let limit = pinned.map(|pinned| late_use_limit(&runs, &pinned.config.rails));
        if limit.is_none_or(|limit| n_today <= limit) {
            return Ok(());
        }
        format!("{n_today} of its tokens were read today")
    };
    first_purge::stop(control, tenant, &why).await?;
    Ok(())
}

/// The config in force. One that is missing or cannot be read any more must not keep anybody from pausing.
async fn config_if_any<C: Control>(limits: &Limits, control: &C) -> Result<Option<Pinned>, CliError> {
    match Pinned::current(control, limits).await {
        Ok(pinned) => Ok(pinned),
        Err(StageError::Config { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The pause that stands with exactly this reach.
async fn standing<C: Control>(
    reach: &Reach,
    control: &C,
    pinned: Option<&Pinned>,
) -> Result<Option<Pause>, CliError> {
    match reach {
        Reach::Tenant(tenant) => Ok(control.pauses(tenant).await?.own),
        Reach::Everybody => {
            // Any tenant shows it; where no config names one, so does a name that nobody has.
            let any = pinned.and_then(|pinned| pinned.config.tenants.keys().next().cloned());
            let Some(any) = any.or_else(|| TenantId::new("none").ok()) else { return Ok(None) };
            Ok(control.pauses(&any).await?.of_all)
        }
    }
}

/// The pauses that stand besides the one of this reach.
async fn still<C: Control>(
    reach: &Reach,
    control: &C,
    pinned: Option<&Pinned>,
) -> Result<Vec<PauseView>, CliError> {
    let mut still = Vec::new();
    for tenant in reached(reach, pinned) {
        let pauses = control.pauses(&tenant).await?;
        let others = pauses.standing(&tenant).filter(|(other, _)| other != reach);
        still.extend(others.map(|(other, pause)| PauseView::of(&other, pause)));
    }
    Ok(still)
}

fn reached(reach: &Reach, pinned: Option<&Pinned>) -> Vec<TenantId> {
    match reach {
        Reach::Tenant(tenant) => vec![tenant.clone()],
        Reach::Everybody => {
            pinned.map(|pinned| pinned.config.tenants.keys().cloned().collect()).unwrap_or_default()
        }
    }
}

/// Puts it on record for each tenant that it reaches.
async fn record<A: AuditLog>(
    reach: &Reach,
    pause: &Pause,
    (event, now): (Event, EpochSeconds),
    (pinned, audit): (Option<&Pinned>, &A),
) -> Result<(), CliError> {
    for tenant in reached(reach, pinned) {
        audit.record(&AuditItem::of_pause(&tenant, reach, pause, event, now)).await?;
    }
    Ok(())
}

fn check_reach(reach: &Reach, pinned: Option<&Pinned>) -> Result<(), CliError> {
    match (reach, pinned) {
        (Reach::Everybody, _) => Ok(()),
        (Reach::Tenant(tenant), Some(pinned)) => check_tenant(pinned, tenant),
        (Reach::Tenant(tenant), None) => Err(CliError::BadInput(format!(
            "no config is in force, so nobody knows a tenant `{tenant}`; leave the name out to pause everything"
        ))),
    }
}

/// Guard: the reason is shown and goes on record, where no token may be.
pub(crate) fn check_reason(reason: Option<&str>, pinned: Option<&Pinned>) -> Result<(), CliError> {
    let Some(reason) = reason else { return Ok(()) };
    if reason.chars().any(char::is_control) || REASON_MAX_CHARS < reason.chars().count() {
        return Err(CliError::BadInput(format!(
            "--reason takes one line of at most {REASON_MAX_CHARS} characters; name the ticket instead"
        )));
    }
    let Some(pinned) = pinned else { return Ok(()) };
    let formats: Vec<_> = pinned.config.formats.values().cloned().collect();
    let mut found = false;
    Extractor::new(&formats, &Encodings::default()).scan(reason.as_bytes(), &mut |_| found = true);
    if found {
        return Err(CliError::BadInput(
            "--reason names a token, and it goes on record; name the ticket instead".to_owned(),
        ));
    }
    Ok(())
}
