//! Where in the control table everything lives.

use std::time::Duration;

use lethe_domain::approval::Principal;
use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::pause::Reach;
use lethe_domain::regret::{Decision, PolicyVersion};
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

pub(super) fn approvals_of(tenant: &TenantId) -> String {
    format!("approval#{tenant}")
}

pub(super) fn approval_prefix(run: &RunRef) -> String {
    format!("{}#", run.id)
}

/// One item a principal, so that a person who says yes twice is one.
pub(super) fn approval(run: &RunRef, principal: &Principal) -> Place {
    (approvals_of(&run.tenant), format!("{}{}", approval_prefix(run), principal.as_str()))
}

pub(super) fn backlog(tenant: &TenantId) -> Place {
    (format!("backlog#{tenant}"), "first-purge".to_owned())
}

pub(super) fn acceptances_of(tenant: &TenantId) -> String {
    format!("accepted#{tenant}")
}

pub(super) fn acceptance(run: &RunRef) -> Place {
    (acceptances_of(&run.tenant), run.id.to_string())
}

/// The pause of all tenants has a key of its own, so that a role may be let write the tenants' alone.
pub(super) fn pause(reach: &Reach) -> Place {
    match reach {
        Reach::Everybody => ("pause".to_owned(), "pause".to_owned()),
        Reach::Tenant(tenant) => (format!("pause#{tenant}"), "pause".to_owned()),
    }
}

/// When the last pause with this reach ended.
pub(super) fn pause_end(reach: &Reach) -> Place {
    let (pk, _) = pause(reach);
    (pk, "ended".to_owned())
}

/// A day's reads of cooling tokens.
pub(super) fn late_uses(tenant: &TenantId, day: EpochSeconds) -> Place {
    (format!("lateuse#{tenant}"), format!("{:012}", day.0))
}

pub(super) fn undos_of(tenant: &TenantId) -> String {
    format!("undo#{tenant}")
}

/// The order to take back a run, the orders of a tenant in the order of their runs.
pub(super) fn undo(run: &RunRef) -> Place {
    (undos_of(&run.tenant), run.id.to_string())
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

/// A day's tokens that went idle.
pub(super) fn idle(tenant: &TenantId, day: EpochSeconds) -> Place {
    (format!("idle#{tenant}"), format!("{:012}", day.0))
}

pub(super) fn reads_of(tenant: &TenantId) -> String {
    format!("reads#{tenant}")
}

/// The reads of one hour, the hours of a tenant in their order.
pub(super) fn reads(tenant: &TenantId, hour: EpochSeconds) -> Place {
    (reads_of(tenant), format!("{:012}", hour.0.max(0)))
}

pub(super) fn regrets_of(tenant: &TenantId) -> String {
    format!("regret#{tenant}")
}

/// What came of one decision.
pub(super) fn regret(tenant: &TenantId, decision: &Decision) -> Place {
    let Decision { policy: PolicyVersion { kind, trigger, config }, run } = decision;
    let run = run.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    (regrets_of(tenant), format!("{config:08}#{run}#{}#{kind}", trigger.as_str()))
}

/// An event that was counted, apart from the counts, of which all are read.
pub(super) fn regret_event(tenant: &TenantId, event_id: &str) -> Place {
    (format!("regret#{tenant}#event#{event_id}"), "event".to_owned())
}

/// A token that the record was asked about.
pub(super) fn asked(tenant: &TenantId, token: &Fingerprint) -> Place {
    (format!("regret#{tenant}#asked#{token}"), "asked".to_owned())
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

pub(super) fn canaries_of(tenant: &TenantId) -> String {
    format!("canary#{tenant}")
}

pub(super) fn canary(tenant: &TenantId, source: &str) -> Place {
    (canaries_of(tenant), source.to_owned())
}

pub(super) fn walk(name: &str) -> Place {
    ("walk".to_owned(), name.to_owned())
}

/// When the table may drop what belongs to a run, counted from its slot.
pub(super) fn ttl(run: &RunRef) -> EpochSeconds {
    run.id.slot.plus(KEPT)
}
