//! `lethe approve-commands`: a person's yes to what the commands of one day condemned beyond the budget.

use lethe_domain::audit::{AuditItem, Event, run_partition};
use lethe_domain::limits::Limits;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::ports::{AuditLog, Control};
use serde::Serialize;

use super::budget::{limit_of, sk_of};
use super::{Caller, check_tenant, config_in_force};
use crate::error::CliError;

/// What was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CommandsApproved {
    /// Whose tokens.
    pub(crate) tenant: TenantId,
    /// The second that the day begins with.
    pub(crate) day: EpochSeconds,
    /// When it ends.
    pub(crate) day_ends_at: EpochSeconds,
    /// Tokens that commands have condemned that day so far.
    pub(crate) n_spent: u64,
    /// How many a day's commands may condemn without a person, as the tenant's size and the config say now.
    pub(crate) limit: u64,
    /// Who approved.
    pub(crate) actor: String,
    /// When.
    pub(crate) approved_at: EpochSeconds,
    /// Who had approved before.
    pub(crate) approved_before_by: Option<String>,
    /// When that was.
    pub(crate) approved_before_at: Option<EpochSeconds>,
}

/// Approves what waits of one day. It may be approved again, for what commands condemned since.
pub(crate) async fn approve_commands<C: Control, A: AuditLog>(
    (tenant, day): (&TenantId, EpochSeconds),
    caller: &Caller,
    limits: &Limits,
    (control, audit): (&C, &A),
) -> Result<CommandsApproved, CliError> {
    let pinned = config_in_force(control, limits).await?;
    check_tenant(&pinned, tenant)?;
    let Some(account) = control.budget(tenant, day).await? else { return Err(no_such_day(tenant, day)) };
    let limit = limit_of(control.token_count(tenant).await?, &pinned);
    // Guard: nothing leaves on a yes that is not on record, so the record comes first.
    record((tenant, day), account.n_spent, pinned.version, caller, audit).await?;
    if !control.approve_budget(tenant, day, &caller.actor, caller.now).await? {
        return Err(no_such_day(tenant, day));
    }
    Ok(CommandsApproved {
        tenant: tenant.clone(),
        day,
        day_ends_at: day.plus(limits.budget_day),
        n_spent: account.n_spent,
        limit,
        actor: caller.actor.clone(),
        approved_at: caller.now,
        approved_before_by: account.approved_by,
        approved_before_at: account.approved_at,
    })
}

/// The first yes to a day has the day's own key. A later one adds its time, so that each is on record with its actor.
async fn record<A: AuditLog>(
    (tenant, day): (&TenantId, EpochSeconds),
    n_spent: u64,
    policy: u64,
    caller: &Caller,
    audit: &A,
) -> Result<(), CliError> {
    let sk = sk_of(day, Event::Approved);
    let item = AuditItem {
        policy: Some(policy),
        actor: Some(caller.actor.clone()),
        tenants: [(tenant.clone(), n_spent)].into(),
        ..AuditItem::new(run_partition(tenant), sk.clone(), Event::Approved, caller.now)
    };
    if !audit.record(&item).await? {
        audit.record(&AuditItem { sk: format!("{sk}#{:012}", caller.now.0), ..item }).await?;
    }
    Ok(())
}

fn no_such_day(tenant: &TenantId, day: EpochSeconds) -> CliError {
    CliError::BadInput(format!(
        "no command of tenant `{tenant}` has been accounted for on a day {}; `lethe status {tenant}` shows the days \
         that wait",
        day.0
    ))
}
