//! Commands that reach a group of tokens: accepted once they are written down, worked off as far as one invocation goes.

use lethe_domain::command::{Group, Part};
use lethe_domain::fan_out::{Deed, FanOut, Position};
use lethe_domain::policy::Trigger;
use lethe_domain::time::EpochMillis;

use super::{Accepted, Answer};
use crate::error::StageError;
use crate::fan_out::{INLINE_TOKENS, Reached, id_of};
use crate::ports::{AuditLog, Control, Vault};

/// How many fan-outs of a tenant may wait; whoever sends more has to come again.
const MAX_WAITING: u32 = 100;

impl<C: Control, A: AuditLog, V: Vault> Accepted<'_, C, A, V> {
    /// Does a deed to everything of a subject.
    pub(super) async fn reach_subject(
        &self,
        subject: &str,
        deed: Deed,
        digest: &str,
    ) -> Result<Answer, StageError> {
        let group = Group { subject: subject.to_owned(), part: Part::Everything };
        self.reach_group(&group, deed, digest).await
    }

    /// Does a deed to a group.
    pub(super) async fn reach_group(
        &self,
        group: &Group,
        deed: Deed,
        digest: &str,
    ) -> Result<Answer, StageError> {
        if self.are_too_many_waiting().await? {
            return Ok(Answer::try_later());
        }
        // Kept before the work begins: the fan-out that ends replaces it, here or in reconcile.
        let key = self.command.key.as_ref().map(|key| key.as_str().to_owned());
        let new = FanOut { key, ..self.fan_out(group, deed) };
        self.keep(&Answer::reached(&new, false), digest).await?;
        let (fan_out, reached) = self.start(new).await?;
        let is_complete = reached == Reached::All;
        Ok(Answer::reached(&fan_out, is_complete))
    }

    /// Writes a fan-out down and works off its first piece. One that is written down already goes on.
    pub(super) async fn start(&self, mut fan_out: FanOut) -> Result<(FanOut, Reached), StageError> {
        if !self.deeds.control.create_fan_out(&fan_out).await? {
            match self.deeds.control.fan_out(self.deeds.tenant, &fan_out.id).await? {
                Some(stands) => fan_out = stands,
                None => return Ok((fan_out, Reached::Elsewhere)),
            }
        }
        let reached = self.deeds.work_off(&mut fan_out, INLINE_TOKENS, self.should_pause).await?;
        Ok((fan_out, reached))
    }

    /// A fan-out that follows from the command. Its answer is not the command's own, so it has no key.
    pub(super) fn fan_out(&self, group: &Group, deed: Deed) -> FanOut {
        let (now, limits) = (self.deeds.now, &self.deeds.settings.limits);
        let command = self.command.key.as_ref().map_or(self.caller.id.as_str(), |key| key.as_str());
        FanOut {
            tenant: self.deeds.tenant.clone(),
            id: id_of(self.deeds.tenant, command, group),
            group: group.clone(),
            issued_until: self.group_until(group, &deed),
            deed,
            by: self.by.clone(),
            policy: self.deeds.pinned.version,
            key: None,
            started_at: now,
            resume_at: now.plus(limits.stuck_after),
            is_marked: false,
            was_held: false,
            position: Position::default(),
            n_changed: 0,
            n_kept: 0,
            n_waiting: 0,
            revision: 0,
        }
    }

    /// Up to when the tokens of a group must have been issued: to the millisecond, so that a sign-in just after a logout
    /// is alive. A stolen sign-in or family is not signed in to again, and the successor of a refresh that was under way
    /// belongs to it.
    fn group_until(&self, group: &Group, deed: &Deed) -> Option<EpochMillis> {
        let Deed::End { trigger, .. } = deed else { return None };
        let is_lineage = matches!(group.part, Part::Session(_) | Part::Family(_));
        let is_stolen = *trigger == Trigger::Compromised && is_lineage;
        Some(if is_stolen { self.named_until() } else { self.caller.sent_at })
    }

    async fn are_too_many_waiting(&self) -> Result<bool, StageError> {
        let waiting = self.deeds.control.fan_outs(self.deeds.tenant, MAX_WAITING).await?;
        let n_waiting = waiting.iter().filter(|fan_out| !fan_out.is_second_look()).count();
        Ok(usize::try_from(MAX_WAITING).is_ok_and(|most| most <= n_waiting))
    }
}
