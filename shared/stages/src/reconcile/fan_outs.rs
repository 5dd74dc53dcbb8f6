//! Fan-outs that nobody has in hand: an invocation ended before they did, or a worker died, or it is time for their
//! second look.

use std::cell::Cell;

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
        Invocation { now, should_pause }: Invocation<'_>,
        report: &mut ReconcileReport,
    ) -> Result<(), StageError> {
        let (control, audit, vault, settings) = (self.control, self.audit, self.vault, self.settings);
        let is_noted = Cell::default();
        let deeds = Deeds { control, audit, vault, settings, pinned, tenant, now, is_noted };
        let mut waiting: Vec<FanOut> = self.control.fan_outs(tenant, MAX_SEEN).await?;
        waiting.retain(|fan_out| fan_out.resume_at <= now);
        report.n_fan_outs = report.n_fan_outs.saturating_add(waiting.len() as u64);
        let is_stuck = |fan_out: &&FanOut| fan_out.started_at.plus(settings.limits.run_deadline) <= now;
        let n_stuck = waiting.iter().filter(is_stuck).count() as u64;
        report.n_stuck_fan_outs = report.n_stuck_fan_outs.saturating_add(n_stuck);
        let mut failure = None;
        while !waiting.is_empty() {
            let mut again = Vec::new();
            for mut fan_out in waiting {
                if should_pause() {
                    return failure.map_or(Ok(()), Err);
                }
                let (before, waited) = (fan_out.n_changed, fan_out.n_waiting);
                let reached = deeds.work_off(&mut fan_out, TURN_TOKENS, should_pause).await;
                report.n_fanned_out =
                    report.n_fanned_out.saturating_add(fan_out.n_changed.saturating_sub(before));
                report.n_waiting = report.n_waiting.saturating_add(fan_out.n_waiting.saturating_sub(waited));
                match reached {
                    Ok(Reached::Part) => again.push(fan_out),
                    Ok(Reached::All | Reached::Elsewhere) => {}
                    // The next tick takes it up again; it must not hold up those behind it.
                    Err(error) => failure = Some(error),
                }
            }
            waiting = again;
        }
        failure.map_or(Ok(()), Err)
    }
}
