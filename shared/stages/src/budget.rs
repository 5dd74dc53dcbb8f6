//! The command budget: how many tokens a day's commands may condemn before a person has to look.

use lethe_domain::audit::{AuditItem, Event, run_partition};
use lethe_domain::policy::{KindPolicy, Trigger};
use lethe_domain::rails::command_limit;
use lethe_domain::row::By;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control};
use crate::settings::Settings;

/// Whether ending a token of this kind for this reason counts. A vault token's data is lost with it, whatever the
/// reason; of other tokens, those that somebody takes away do: signing out and refreshing are everyday life.
pub(crate) fn is_counted(kind: &KindPolicy, trigger: Trigger) -> bool {
    kind.format.is_some()
        || matches!(trigger, Trigger::Compromised | Trigger::Revoked | Trigger::AccountDeleted)
}

/// A tenant's account of one day.
pub(crate) struct Budget<'a, C, A> {
    /// Where the account is.
    pub(crate) control: &'a C,
    /// Where it is noted that somebody has to look.
    pub(crate) audit: &'a A,
    /// The day's length.
    pub(crate) settings: &'a Settings,
}

/// What was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// How many of the tokens asked for may leave without an approval.
    pub(crate) n_free: u64,
    /// How many may not.
    pub(crate) n_waiting: u64,
    /// The day that the others wait for.
    pub(crate) day: EpochSeconds,
    /// How many the day's commands may end without an approval.
    pub(crate) limit: u64,
}

impl<C: Control, A: AuditLog> Budget<'_, C, A> {
    /// Accounts for tokens before they are ended. A crash after it leaves the account too high, which is the safe side.
    pub(crate) async fn spend(
        &self,
        tenant: &TenantId,
        n_tokens: u64,
        pinned: &Pinned,
        now: EpochSeconds,
    ) -> Result<Grant, StageError> {
        let day = self.settings.limits.budget_day_of(now);
        let until = now.plus(self.settings.limits.budget_kept());
        let spent = self.control.spend(tenant, day, n_tokens, until).await?;
        let known = self.control.token_count(tenant).await?.unwrap_or(0);
        let limit = command_limit(known, &pinned.config.rails);
        let before = spent.saturating_sub(n_tokens);
        let n_free = limit.saturating_sub(before).min(n_tokens);
        Ok(Grant { n_free, n_waiting: n_tokens.saturating_sub(n_free), day, limit })
    }

    /// Puts on record, once a day, that the budget is used up, and with how many tokens it began to be.
    pub(crate) async fn note_waiting(
        &self,
        tenant: &TenantId,
        Grant { n_free: _, n_waiting, day, limit }: &Grant,
        (policy, by): (u64, &By),
        now: EpochSeconds,
    ) -> Result<(), StageError> {
        let why = format!(
            "commands have ended more than {limit} tokens on day {}: what they end now is out of service, and leaves \
             the vault after `lethe approve-commands {tenant} {}`",
            day.0, day.0
        );
        let sk = format!("commands#{:012}#{}", day.0, Event::Gated.as_str());
        let item = AuditItem::new(run_partition(tenant), sk, Event::Gated, now);
        let tenants = [(tenant.clone(), *n_waiting)].into();
        let item = AuditItem {
            policy: Some(policy),
            actor: Some(by.actor.clone()),
            reason_text: Some(why),
            tenants,
            ..item
        };
        let is_new = self.audit.record(&item).await?;
        if is_new {
            tracing::warn!(%tenant, limit, "the command budget is used up; removals wait for approval");
        }
        Ok(())
    }
}
