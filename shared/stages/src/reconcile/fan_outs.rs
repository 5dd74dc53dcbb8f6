//! Fan-outs that nobody has in hand: an invocation ended before they did, or a worker died, or it is time for their
//! second look.

use std::cell::Cell;
use std::collections::BTreeMap;

use lethe_domain::fan_out::FanOut;
use lethe_domain::token::TenantId;

use super::{Reconcile, ReconcileReport};
use crate::deeds::Deeds;
use crate::error::StageError;
use crate::fan_out::Reached;
use crate::invocation::Invocation;
use crate::pinned::Pinned;
use crate::ports::{Archive, AuditLog, Control, Queue, Vault, WorkStore};

/// Fan-outs of a tenant that one tick looks at.
const MAX_SEEN: u32 = 1000;

/// A fan-out that so many times the patience for a unit of work has not moved on is stuck.
const TICKS_UNTIL_LATE: u32 = 4;

/// Tokens between two looks at the other fan-outs: a large one must not hold up all small ones.
const TURN_TOKENS: u64 = 2_000;

impl<C, A, W, V, R, Q> Reconcile<'_, C, A, W, V, R, Q>
where
    C: Control,
    A: AuditLog,
    W: WorkStore,
    V: Vault,
    R: Archive,
    Q: Queue,
{
    /// Works off what waits, turn by turn, until nothing waits or the deadline is near.
    pub(super) async fn resume_fan_outs(
        &self,
        tenant: &TenantId,
        pinned: &Pinned,
        invocation: Invocation<'_>,
        report: &mut ReconcileReport,
    ) -> Result<(), StageError> {
        let Invocation { now, should_pause, .. } = invocation;
        let settings = self.settings;
        let late_after = settings.limits.stuck_after.saturating_mul(TICKS_UNTIL_LATE);
        let mut failure = None;
        loop {
            let mut waiting: Vec<FanOut> = self.control.fan_outs(tenant, MAX_SEEN).await?;
            waiting.retain(|fan_out| fan_out.resume_at <= now);
            report.n_fan_outs = report.n_fan_outs.saturating_add(waiting.len() as u64);
            let is_stuck = |fan_out: &&FanOut| fan_out.resume_at.plus(late_after) <= now;
            report.n_stuck_fan_outs =
                report.n_stuck_fan_outs.saturating_add(waiting.iter().filter(is_stuck).count() as u64);
            // Those that are done are gone from the list, so the next ones come into sight.
            if waiting.is_empty() || failure.is_some() || should_pause() {
                return failure.map_or(Ok(()), Err);
            }
            let mut by_policy: BTreeMap<u64, Vec<FanOut>> = BTreeMap::new();
            for fan_out in waiting {
                by_policy.entry(fan_out.policy).or_default().push(fan_out);
            }
            for (policy, waiting) in by_policy {
                let worked = self.under_policy((policy, waiting), (tenant, pinned), invocation, report);
                failure = worked.await.err().or(failure);
            }
        }
    }

    /// Works off the fan-outs of one config version: the one in force when they were accepted decides to the end.
    async fn under_policy(
        &self,
        (policy, waiting): (u64, Vec<FanOut>),
        (tenant, current): (&TenantId, &Pinned),
        Invocation { now, should_pause, .. }: Invocation<'_>,
        report: &mut ReconcileReport,
    ) -> Result<(), StageError> {
        let (control, audit, vault, settings) = (self.control, self.audit, self.vault, self.settings);
        let earlier = if policy == current.version {
            None
        } else {
            Some(Pinned::at(control, policy, &settings.limits).await?)
        };
        let pinned = earlier.as_ref().unwrap_or(current);
        let is_noted = Cell::default();
        let deeds = Deeds { control, audit, vault, settings, pinned, tenant, now, is_noted };
        work_through(&deeds, waiting, should_pause, report).await.map_or(Ok(()), Err)
    }
}

/// Works fan-outs off turn by turn until each is done; what one of them failed with does not hold up the others.
async fn work_through<C: Control, A: AuditLog, V: Vault>(
    deeds: &Deeds<'_, C, A, V>,
    mut waiting: Vec<FanOut>,
    should_pause: &dyn Fn() -> bool,
    report: &mut ReconcileReport,
) -> Option<StageError> {
    let mut failure = None;
    while !waiting.is_empty() {
        let mut again = Vec::new();
        for mut fan_out in waiting {
            if should_pause() {
                return failure;
            }
            let (before, waited) = (fan_out.n_changed, fan_out.n_waiting);
            let reached = deeds.work_off(&mut fan_out, TURN_TOKENS, should_pause).await;
            report.n_fanned_out =
                report.n_fanned_out.saturating_add(fan_out.n_changed.saturating_sub(before));
            report.n_waiting = report.n_waiting.saturating_add(fan_out.n_waiting.saturating_sub(waited));
            match reached {
                Ok(Reached::Part) => again.push(fan_out),
                Ok(Reached::All | Reached::Elsewhere) => {}
                // The next tick takes it up again.
                Err(error) => failure = Some(error),
            }
        }
        waiting = again;
    }
    failure
}
