//! Where in the control table everything lives.

use std::time::Duration;

use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{Shard, TenantId};
use lethe_stages::ports::{Done, RunRef, ShardRef};

use super::table::Place;

/// How many units one item of a `done` set holds.
pub(super) const UNITS_PER_GROUP: u32 = 256;

/// How long what only a run in progress needs is kept: far longer than any run or cool-off, since its clean-up may
/// never meet one that still goes on.
const KEPT: Duration = Duration::from_hours(2 * 365 * 24);

pub(super) fn config(version: u64) -> Place {
    ("config".to_owned(), format!("v{version:08}"))
}

pub(super) fn current_config() -> Place {
    ("config".to_owned(), "current".to_owned())
}

pub(super) fn keys(tenant: &TenantId) -> Place {
    (format!("tenant#{tenant}"), "keys".to_owned())
}

pub(super) fn fence(tenant: &TenantId) -> Place {
    (format!("tenant#{tenant}"), "fence".to_owned())
}

pub(super) fn runs_of(tenant: &TenantId) -> String {
    format!("run#{tenant}")
}

/// The ids of a tenant's runs that are not final.
pub(super) fn open_runs(tenant: &TenantId) -> Place {
    (format!("run#{tenant}#open"), "open".to_owned())
}

pub(super) fn run(run: &RunRef) -> Place {
    (runs_of(&run.tenant), run.id.to_string())
}

pub(super) fn done_of(run: &RunRef) -> String {
    format!("done#{}#{}", run.tenant, run.id)
}

pub(super) fn done(run: &RunRef, work: Done, unit: u32) -> Place {
    (done_of(run), format!("{}{:05}", done_prefix(work), unit / UNITS_PER_GROUP))
}

pub(super) fn done_prefix(work: Done) -> &'static str {
    match work {
        Done::Scan => "scan#",
        Done::Plan => "plan#",
        Done::Apply => "apply#",
    }
}

pub(super) fn leases_of(run: &RunRef) -> String {
    format!("lease#{}#{}", run.tenant, run.id)
}

pub(super) fn lease(run: &RunRef, shard: Shard) -> Place {
    (leases_of(run), shard.to_string())
}

pub(super) fn approval(run: &RunRef) -> Place {
    (format!("approval#{}", run.tenant), run.id.to_string())
}

pub(super) fn fan_outs_of(tenant: &TenantId) -> String {
    format!("fanout#{tenant}")
}

pub(super) fn fan_out(tenant: &TenantId, id: &str) -> Place {
    (fan_outs_of(tenant), id.to_owned())
}

pub(super) fn answer(tenant: &TenantId, key: &str) -> Place {
    (format!("answer#{tenant}#{key}"), "answer".to_owned())
}

/// The day's account, the days of a tenant in their order.
pub(super) fn budget(tenant: &TenantId, day: EpochSeconds) -> Place {
    (format!("budget#{tenant}"), format!("{:012}", day.0))
}

fn ledger_of(at: &ShardRef, token_hash: &str) -> String {
    format!("ledger#{}#{}#{token_hash}", at.tenant, at.shard)
}

pub(super) fn notice(at: &ShardRef, token_hash: &str, event_id: &str) -> Place {
    (ledger_of(at, token_hash), format!("event#{event_id}"))
}

pub(super) fn count(at: &ShardRef, token_hash: &str) -> Place {
    (ledger_of(at, token_hash), "count".to_owned())
}

pub(super) fn token_count(tenant: &TenantId) -> Place {
    (format!("count#{tenant}"), "rows".to_owned())
}

pub(super) fn walk(name: &str) -> Place {
    ("walk".to_owned(), name.to_owned())
}

/// When the table may drop what belongs to a run, counted from its slot.
pub(super) fn ttl(run: &RunRef) -> EpochSeconds {
    run.id.slot.plus(KEPT)
}
