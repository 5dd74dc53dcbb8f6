//! Commands that reach many tokens and are not done yet.

use lethe_domain::command::Part;
use lethe_domain::fan_out::{Deed, FanOut};
use lethe_domain::limits::Limits;
use lethe_domain::row::OWNER_BUCKETS;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::ports::Control;
use serde::Serialize;

use crate::error::CliError;

/// How many of a tenant's fan-outs are read: as many as a tick of reconcile takes up.
const FAN_OUTS_SEEN: u32 = 1000;

/// How many of them are shown.
const FAN_OUTS_SHOWN: usize = 10;

/// A tenant's commands that still reach tokens. The second look of one that is done is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct FanOutsView {
    /// How many there are.
    pub(crate) n_open: usize,
    /// Whether there may be more than were counted.
    pub(crate) is_cut: bool,
    /// Whether some of them end tokens, which may leave sooner than any other.
    pub(crate) ends_tokens: bool,
    /// The oldest of them.
    pub(crate) oldest: Vec<FanOutView>,
}

/// One command. It names no subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FanOutView {
    /// The command's word.
    pub(crate) command: &'static str,
    /// What it reaches.
    pub(crate) reaches: &'static str,
    /// When it was accepted.
    pub(crate) started_at: EpochSeconds,
    /// How many of the subject's parts in the index are done.
    pub(crate) n_parts_done: u8,
    /// Of how many.
    pub(crate) n_parts: u8,
    /// Tokens that were changed.
    pub(crate) n_changed: u64,
    /// Tokens that were left as they are.
    pub(crate) n_kept: u64,
    /// Who asked.
    pub(crate) actor: String,
    /// Whether it is older than anything should be.
    pub(crate) is_stuck: bool,
}

/// Looks at a tenant's open fan-outs.
pub(crate) async fn fan_outs<C: Control>(
    tenant: &TenantId,
    (now, limits): (EpochSeconds, &Limits),
    control: &C,
) -> Result<FanOutsView, CliError> {
    let mut open = control.fan_outs(tenant, FAN_OUTS_SEEN).await?;
    let is_cut = usize::try_from(FAN_OUTS_SEEN).is_ok_and(|limit| limit <= open.len());
    open.retain(|fan_out| !fan_out.is_second_look());
    open.sort_by_key(|fan_out| fan_out.started_at);
    Ok(FanOutsView {
        n_open: open.len(),
        is_cut,
        ends_tokens: open.iter().any(|fan_out| matches!(fan_out.deed, Deed::End { .. })),
        oldest: open.iter().take(FAN_OUTS_SHOWN).map(|fan_out| view_of(fan_out, now, limits)).collect(),
    })
}

fn view_of(fan_out: &FanOut, now: EpochSeconds, limits: &Limits) -> FanOutView {
    FanOutView {
        command: match &fan_out.deed {
            Deed::End { trigger, .. } => trigger.as_str(),
            Deed::Hold { .. } => "hold",
            Deed::Release { .. } => "release",
        },
        reaches: match &fan_out.group.part {
            Part::Everything => "everything of a subject",
            Part::Session(_) => "a session",
            Part::Device(_) => "a device",
            Part::Family(_) => "a family",
        },
        started_at: fan_out.started_at,
        n_parts_done: fan_out.position.bucket,
        n_parts: OWNER_BUCKETS,
        n_changed: fan_out.n_changed,
        n_kept: fan_out.n_kept,
        actor: fan_out.by.actor.clone(),
        is_stuck: fan_out.started_at.plus(limits.run_deadline) <= now,
    }
}
