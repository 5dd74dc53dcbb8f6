//! A tenant's command budget: how many tokens commands condemned today, and on which days some wait for a person.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::audit::{AuditItem, Event, run_partition};
use lethe_domain::limits::Limits;
use lethe_domain::rails::command_limit;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::pinned::Pinned;
use lethe_stages::ports::{AuditLog, Control};
use lethe_stages::settings::PARALLEL_CALLS;
use serde::Serialize;

use crate::error::CliError;

/// How many of the latest days that exceeded the budget are looked at.
const DAYS_SEEN: usize = 60;

/// What the sort keys of all days begin with.
const PREFIX: &str = "commands#";

/// What commands may condemn and have condemned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct BudgetView {
    /// How many tokens a day's commands may condemn without a person, as the tenant's size and the config say now.
    pub(crate) limit: u64,
    /// The present day.
    pub(crate) today: DayView,
    /// Earlier days of which tokens still wait, latest first.
    pub(crate) waiting: Vec<DayView>,
}

/// One day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct DayView {
    /// The second it begins with, by which it is approved.
    pub(crate) day: EpochSeconds,
    /// Tokens that commands condemned, those that wait included. Everyday ends, as signing out, do not count.
    pub(crate) n_spent: u64,
    /// How many there were when a person approved the day last.
    pub(crate) n_approved: Option<u64>,
    /// That person.
    pub(crate) approved_by: Option<String>,
    /// When that was.
    pub(crate) approved_at: Option<EpochSeconds>,
    /// Whether some of them wait for a person.
    pub(crate) waits: bool,
}

/// What is on record about one day.
#[derive(Debug, Default)]
struct OnRecord {
    /// Whether the budget was used up. The limit changes with the tenant and the config, so that a day's sum alone does
    /// not tell.
    is_gated: bool,
    /// When it was approved, and how many tokens were condemned by then.
    approved: BTreeMap<EpochSeconds, u64>,
}

/// The sort key of what a day's commands did to the budget: the same for each attempt.
pub(crate) fn sk_of(day: EpochSeconds, event: Event) -> String {
    format!("{PREFIX}{:012}#{}", day.0, event.as_str())
}

/// How many tokens a day's commands may condemn without a person.
pub(crate) fn limit_of(n_tokens: Option<u64>, pinned: &Pinned) -> u64 {
    command_limit(n_tokens.unwrap_or(0), &pinned.config.rails)
}

/// Looks at today and at every earlier day of which tokens still wait.
pub(crate) async fn budget<C: Control, A: AuditLog>(
    tenant: &TenantId,
    limit: u64,
    (now, limits): (EpochSeconds, &Limits),
    (control, audit): (&C, &A),
) -> Result<BudgetView, CliError> {
    let today = limits.budget_day_of(now);
    let oldest = now.minus(limits.budget_kept());
    let mut on_record = on_record(tenant, oldest, audit).await?;
    let record_of_today = on_record.remove(&today).unwrap_or_default();
    let gated = on_record.into_iter().rev().filter(|(_, on_record)| on_record.is_gated).take(DAYS_SEEN);
    let mut waiting: Vec<DayView> = stream::iter(gated)
        .map(async |(day, on_record)| look_at(tenant, day, &on_record, control).await)
        .buffered(PARALLEL_CALLS)
        .try_collect()
        .await?;
    waiting.retain(|day| day.waits);
    let today = look_at(tenant, today, &record_of_today, control).await?;
    Ok(BudgetView { limit, today, waiting })
}

async fn look_at<C: Control>(
    tenant: &TenantId,
    day: EpochSeconds,
    on_record: &OnRecord,
    control: &C,
) -> Result<DayView, CliError> {
    let Some(account) = control.budget(tenant, day).await? else {
        return Ok(DayView { day, ..DayView::default() });
    };
    let n_approved = account.approved_at.and_then(|at| on_record.approved.get(&at).copied());
    // An approval is for what waited when it was given; what commands ended later waits again.
    let waits = on_record.is_gated && n_approved.is_none_or(|n_approved| n_approved < account.n_spent);
    Ok(DayView {
        day,
        n_spent: account.n_spent,
        n_approved,
        approved_by: account.approved_by,
        approved_at: account.approved_at,
        waits,
    })
}

/// What the record says of the days since `oldest`.
async fn on_record<A: AuditLog>(
    tenant: &TenantId,
    oldest: EpochSeconds,
    audit: &A,
) -> Result<BTreeMap<EpochSeconds, OnRecord>, CliError> {
    let pk = run_partition(tenant);
    let mut days: BTreeMap<EpochSeconds, OnRecord> = BTreeMap::new();
    let mut after = Some(format!("{PREFIX}{:012}", oldest.0.max(0)));
    while let Some(from) = after {
        let page = audit.page(&pk, Some(&from)).await?;
        for item in page.items {
            // The partition goes on with other things.
            let Some(day) = day_of(&item.sk) else { return Ok(days) };
            days.entry(day).or_default().note(tenant, &item);
        }
        after = page.next;
    }
    Ok(days)
}

fn day_of(sk: &str) -> Option<EpochSeconds> {
    let day = sk.strip_prefix(PREFIX)?.split('#').next()?;
    day.parse().ok().map(EpochSeconds)
}

impl OnRecord {
    fn note(&mut self, tenant: &TenantId, item: &AuditItem) {
        if item.event == Event::Gated {
            self.is_gated = true;
        }
        if item.event == Event::Approved {
            let n_spent = item.tenants.get(tenant).copied().unwrap_or(0);
            self.approved.insert(item.written_at, n_spent);
        }
    }
}
