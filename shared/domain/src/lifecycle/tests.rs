//! The decisions over one row, each side of each limit, and the laws over many.

use std::collections::BTreeMap;

use super::*;
use crate::audit::Event;
use crate::policy::{Action, Cleanup, IdleRequires, KindPolicy, Retention, Rule, Scope};
use crate::read_feed::Silence;
use crate::row::{Owner, Phase};
use crate::run::{Purpose, Run, Stage};
use crate::time::EpochMillis;
use crate::token::{RowKey, Shard, TenantId, TokenId};

mod cleanup;
mod command;
mod due;
mod held;
mod idle;
mod image;
mod laws;
mod paused;
mod read;
mod removal;
mod scanned;
mod undo;

const DAY: i64 = 86_400;
const NOW: EpochSeconds = EpochSeconds(1_000 * DAY);

fn days(n: u64) -> Duration {
    Duration::from_secs(n * 86_400)
}

fn at(days: i64) -> EpochSeconds {
    EpochSeconds(days * DAY)
}

/// So many seconds from now.
fn now_plus(seconds: i64) -> EpochSeconds {
    EpochSeconds(NOW.0 + seconds)
}

fn by() -> By {
    By { actor: "app".into(), reason_text: None }
}

fn ending(trigger: Trigger, by: &By) -> Ending<'_> {
    Ending { trigger, at: NOW, issued_until: None, erase_now: false, over_budget: None, by }
}

fn kind() -> KindPolicy {
    let rules = Trigger::ALL.into_iter().map(|trigger| {
        let action = match trigger {
            Trigger::Expired | Trigger::Consumed | Trigger::Superseded => Action::Remove,
            Trigger::Rotated
            | Trigger::Logout
            | Trigger::DeviceLogout
            | Trigger::Compromised
            | Trigger::Revoked
            | Trigger::AccountDeleted
            | Trigger::Idle
            | Trigger::Unreferenced => Action::Invalidate,
        };
        let scope = Scope::Token;
        let rule =
            Rule { action, scope, cool_off: days(7), archive: true, retention: Retention::R7, strikes: 2 };
        (trigger, rule)
    });
    KindPolicy {
        format: Some("card".into()),
        read_granularity: Duration::from_hours(1),
        grace: days(1),
        idle_after: Some(days(90)),
        idle_requires: IdleRequires::Nothing,
        reuse_leeway: Duration::from_secs(30),
        cleanup: Cleanup::default(),
        rules: rules.collect::<BTreeMap<_, _>>(),
    }
}

fn active() -> VaultRow {
    VaultRow {
        key: RowKey {
            tenant: TenantId::new("acme").unwrap(),
            shard: Shard(0),
            token: TokenId::new("tok_a").unwrap(),
        },
        kind: "vault".into(),
        state: State::Active,
        version: RowVersion(7),
        created_at: EpochMillis(at(979).0 * 1000),
        expires_at: None,
        last_read_at: None,
        purge_at: None,
        due_at: None,
        reason: None,
        cooling_since: None,
        run: None,
        fence: None,
        policy: None,
        hold: None,
        by: None,
        waits_for: None,
        released_at: None,
        owner: Owner::default(),
    }
}

fn cooling(reason: Trigger, since: EpochSeconds) -> VaultRow {
    VaultRow { state: State::Cooling, reason: Some(reason), cooling_since: Some(since), ..active() }
}

fn run(purpose: Purpose, scan_started_at: EpochSeconds) -> Run {
    let id = RunId::parse("100-03").unwrap();
    let booked = Run::booked(TenantId::new("acme").unwrap(), id, purpose, NOW, NOW);
    Run { stage: Stage::Planning, evidence: Some("e".into()), scan_started_at, ..booked }
}

fn facts(purpose: Purpose) -> RunFacts<'static> {
    let (run, silence) = (run(purpose, NOW), &Silence::Unknown);
    RunFacts { purpose, scan_started_at: NOW, counts_strikes: true, proof: run.verdict_proof(), silence }
}

fn struck_once() -> Candidate {
    Candidate { strikes: 1, first_scan_at: at(998) }
}

fn scanned(row: &VaultRow, found: u64, prior: Option<Candidate>, purpose: Purpose) -> Scanned {
    decide_scanned(row, found, prior.as_ref(), &kind(), &facts(purpose))
}

fn cool(candidate: Candidate) -> Scanned {
    Scanned::Cool { reason: Trigger::Unreferenced, candidate }
}

fn due(row: &VaultRow) -> Verdict {
    decide_due(row, vouched_for(row), &kind(), 4, NOW)
}

/// Somebody vouches for the read feed, so that idleness goes by the clock.
fn vouched_for(row: &VaultRow) -> DueFacts {
    DueFacts { unread: Some(Unread::by_clock(row.last_seen(), NOW)), ..DueFacts::default() }
}

/// The kind with one rule changed.
fn kind_where(trigger: Trigger, change: impl FnOnce(&mut Rule)) -> KindPolicy {
    let mut kind = kind();
    change(kind.rules.get_mut(&trigger).unwrap());
    kind
}

/// A kind of an auth service: nothing scans for it.
fn unscanned() -> KindPolicy {
    KindPolicy { format: None, ..kind() }
}

/// The row after what was decided.
#[track_caller]
fn after(verdict: Verdict, row: &VaultRow) -> VaultRow {
    match verdict {
        Verdict::Change(change) => change.apply(row),
        Verdict::Keep(_) | Verdict::LateUse | Verdict::Reuse => panic!("{verdict:?} of {row:?}"),
    }
}

fn held(row: VaultRow, hold: &str) -> VaultRow {
    VaultRow { hold: Some(hold.to_owned()), ..row }
}

fn leaving(row: VaultRow, purge_at: EpochSeconds) -> VaultRow {
    VaultRow { purge_at: Some(purge_at), ..row }
}

fn of_family(row: VaultRow) -> VaultRow {
    let owner = Owner { subject: Some("s-1".into()), family: Some("f-1".into()), ..Owner::default() };
    VaultRow { owner, ..row }
}

fn of_client(row: VaultRow) -> VaultRow {
    let owner = Owner { subject: Some("s-1".into()), client: Some("c-1".into()), ..Owner::default() };
    VaultRow { owner, ..row }
}

/// When a row leaves, when lifecycle looks at it, and what it waits for.
fn dates(row: &VaultRow) -> (Option<EpochSeconds>, Option<EpochSeconds>, Option<EpochSeconds>) {
    (row.purge_at, row.due_at, row.waits_for)
}
