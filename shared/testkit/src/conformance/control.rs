//! What every control table must do.

use std::collections::BTreeSet;

use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::marks::{Dangling, MarkHash};
use lethe_domain::run::{ApplyTally, Baseline, Listing, PlanTally, Purpose, Run, RunId, Stage};
use lethe_domain::source::SourceTotals;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::Shard;
use lethe_domain::witness::{Measured, Witnesses};
use lethe_stages::ports::{
    Acceptance, Approval, Control, Done, KeptAnswer, Lease, RunRef, StoredConfig, Walk,
};

use crate::tokens::tenant;

mod backlogs;
mod budgets;
mod canaries;
mod fan_outs;
mod ledger;
mod reads;
mod regrets;
mod switch;
mod undos;

const NOW: EpochSeconds = EpochSeconds(1_800_000_000);

fn run_ref(of: &str, id: &str) -> RunRef {
    RunRef { tenant: tenant(of), id: RunId::parse(id).unwrap() }
}

/// A run with something in every field.
fn full_run(of: &str, id: &str) -> Run {
    let RunRef { tenant, id } = run_ref(of, id);
    Run {
        stage: Stage::Gated,
        config: 3,
        fence: u64::MAX,
        plan_only: true,
        dispatched: true,
        scan_started_at: NOW,
        listing: Listing { n_sources_done: 2, n_pages: 4, cursor: Some("exports/part-7".to_owned()) },
        n_units: 12,
        round: 1,
        round_from: 10,
        sources: [(
            "lake".to_owned(),
            SourceTotals { n_references: 3, n_bytes: u64::MAX, ..SourceTotals::default() },
        )]
        .into(),
        baseline: RunId::parse("1799990000-02").map(|run| Baseline {
            run,
            scan_started_at: NOW,
            sources: [("lake".to_owned(), SourceTotals::default())].into(),
        }),
        previous: RunId::parse("1799990000-01"),
        evidence: Some("e".repeat(64)),
        plan_hash: Some("f".repeat(64)),
        planned_at: NOW,
        n_persons: 2,
        tally: PlanTally { n_rows: 5, verdict_from: Some(NOW), ..PlanTally::default() },
        canaries_seen: vec![MarkHash(0), MarkHash(u64::MAX)],
        measured: Measured {
            witnesses: [("vault".to_owned(), Witnesses { n_witnesses: 300, n_found: 299 })].into(),
            dangling: Dangling { n_tokens: 4, is_cut: true },
        },
        recall_accepted: ["vault".to_owned()].into(),
        applied: ApplyTally { n_cooled: 1, n_sentenced: 2, n_reinstated: 3, n_changed: 4, n_paused: 5 },
        note: Some("waits for approval".to_owned()),
        ..Run::booked(tenant, id, Purpose::Verdict, NOW, NOW)
    }
}

/// Holds a control table that has no config yet to what the stages count on.
pub async fn control_suite<C: Control>(control: &C) {
    a_config_is_stored_once_and_never_steps_back(control).await;
    keys_are_made_once(control).await;
    fences_grow_for_each_tenant(control).await;
    a_run_is_created_once(control).await;
    a_run_is_written_by_one_writer_only(control).await;
    the_latest_runs_come_first(control).await;
    a_run_that_is_not_final_is_listed_however_many_are_later(control).await;
    a_done_set_holds_each_unit_once(control).await;
    a_lease_is_held_until_its_end(control).await;
    a_lease_keeps_what_was_done(control).await;
    the_first_acceptance_stays(control).await;
    each_principal_approves_a_plan_once(control).await;
    a_walk_is_remembered(control).await;
    an_answer_replaces_an_earlier_one(control).await;
    a_row_count_is_remembered(control).await;
    backlogs::suite(control).await;
    fan_outs::suite(control).await;
    budgets::suite(control).await;
    canaries::suite(control).await;
    reads::suite(control).await;
    regrets::suite(control).await;
    ledger::suite(control).await;
    switch::suite(control).await;
    undos::suite(control).await;
}

async fn a_config_is_stored_once_and_never_steps_back<C: Control>(control: &C) {
    let config = |version: u64, text: &str| StoredConfig {
        version,
        text: text.to_owned(),
        stored_at: NOW,
        author: "arn:aws:iam::1:user/ops".to_owned(),
    };
    assert_eq!(control.current_config().await.unwrap(), None);
    assert!(control.store_config(&config(2, "two")).await.unwrap());
    assert!(!control.store_config(&config(2, "other")).await.unwrap());
    assert_eq!(control.current_config().await.unwrap(), Some(config(2, "two")));
    assert!(!control.store_config(&config(1, "one")).await.unwrap(), "an older version comes too late");
    assert!(control.store_config(&config(10, "ten")).await.unwrap());
    assert_eq!(control.current_config().await.unwrap(), Some(config(10, "ten")));
    assert_eq!(control.config(2).await.unwrap(), Some(config(2, "two")));
    assert_eq!(control.config(3).await.unwrap(), None);
}

async fn keys_are_made_once<C: Control>(control: &C) {
    let keys = |byte| TenantKeys { mark_key: u64::MAX, fingerprint_key: [byte; 32], key_version: 1 };
    let acme = tenant("keys");
    assert_eq!(control.keys(&acme).await.unwrap(), None);
    assert!(control.create_keys(&acme, &keys(1)).await.unwrap());
    assert!(!control.create_keys(&acme, &keys(2)).await.unwrap());
    assert_eq!(control.keys(&acme).await.unwrap(), Some(keys(1)));
    assert_eq!(control.keys(&tenant("keys-2")).await.unwrap(), None);
}

async fn fences_grow_for_each_tenant<C: Control>(control: &C) {
    let (acme, globex) = (tenant("fences"), tenant("fences-2"));
    let first = control.next_fence(&acme).await.unwrap();
    let second = control.next_fence(&acme).await.unwrap();
    assert!(0 < first && first < second, "{first} {second}");
    assert!(control.next_fence(&globex).await.unwrap() <= second);
}

async fn a_run_is_created_once<C: Control>(control: &C) {
    let run = full_run("create-run", "1800000000-03");
    let here = RunRef::from(&run);
    assert_eq!(control.run(&here).await.unwrap(), None);
    assert!(control.create_run(&run).await.unwrap());
    assert_eq!(control.run(&here).await.unwrap(), Some(run.clone()));
    let other = Run { n_units: 99, ..run.clone() };
    assert!(!control.create_run(&other).await.unwrap());
    assert_eq!(control.run(&here).await.unwrap(), Some(run));
}

async fn a_run_is_written_by_one_writer_only<C: Control>(control: &C) {
    let run = full_run("update-run", "1800000000-03");
    let here = RunRef::from(&run);
    assert!(!control.update_run(&run).await.unwrap(), "there is nothing to write to");
    assert_eq!(control.run(&here).await.unwrap(), None);
    assert!(control.create_run(&run).await.unwrap());
    let empty = Run::booked(run.tenant.clone(), run.id.clone(), Purpose::Discovery, NOW, NOW);
    let mine = Run { revision: run.revision, ..empty };
    assert!(control.update_run(&mine).await.unwrap());
    assert!(!control.update_run(&run).await.unwrap(), "the second writer had read the same revision");
    let stepped = Run { revision: run.revision + 1, ..mine };
    assert_eq!(control.run(&here).await.unwrap(), Some(stepped.clone()));
    assert!(control.update_run(&stepped).await.unwrap());
}

async fn the_latest_runs_come_first<C: Control>(control: &C) {
    let ids = ["1800000000-02", "1800000000-01", "1799990000-01", "1800086400-01"];
    for id in ids {
        let run = Run { stage: Stage::Applied, ..full_run("runs", id) };
        assert!(control.create_run(&run).await.unwrap());
    }
    assert!(control.create_run(&full_run("runs-2", "1900000000-01")).await.unwrap());
    let latest = async |limit| {
        let runs = control.runs(&tenant("runs"), limit).await.unwrap();
        runs.into_iter().map(|run| run.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(latest(3).await, ["1800086400-01", "1800000000-02", "1800000000-01"]);
    assert_eq!(latest(100).await.len(), 4);
    assert!(control.runs(&tenant("no-runs"), 5).await.unwrap().is_empty());
}

async fn a_run_that_is_not_final_is_listed_however_many_are_later<C: Control>(control: &C) {
    let booked = Run { stage: Stage::Booked, ..full_run("agenda", "1800000000-03") };
    assert!(control.create_run(&booked).await.unwrap());
    for slot in 1_800_100_000..1_800_100_005 {
        let later = Run { stage: Stage::Applied, ..full_run("agenda", &format!("{slot}-01")) };
        assert!(control.create_run(&later).await.unwrap());
    }
    let listed = async || {
        let runs = control.runs(&tenant("agenda"), 2).await.unwrap();
        runs.into_iter().map(|run| run.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, ["1800100004-01", "1800100003-01", "1800000000-03"]);
    assert!(control.update_run(&Run { stage: Stage::Applied, ..booked }).await.unwrap());
    assert_eq!(listed().await, ["1800100004-01", "1800100003-01"]);
}

async fn a_done_set_holds_each_unit_once<C: Control>(control: &C) {
    let (run, other) = (run_ref("done", "1800000000-01"), run_ref("done", "1800000000-02"));
    assert_eq!(control.done(&run, Done::Scan).await.unwrap(), BTreeSet::new());
    // 255 and 256 lie on the two sides of a group's edge.
    for unit in [0, 255, 256, 100_000, 255] {
        control.add_done(&run, Done::Scan, unit).await.unwrap();
    }
    control.add_done(&run, Done::Plan, 7).await.unwrap();
    control.add_done(&other, Done::Scan, 8).await.unwrap();
    assert_eq!(control.done(&run, Done::Scan).await.unwrap(), BTreeSet::from([0, 255, 256, 100_000]));
    assert_eq!(control.done(&run, Done::Plan).await.unwrap(), BTreeSet::from([7]));
    assert_eq!(control.done(&run, Done::Apply).await.unwrap(), BTreeSet::new());
}

async fn a_lease_is_held_until_its_end<C: Control>(control: &C) {
    let run = run_ref("lease", "1800000000-01");
    let at = |seconds: i64| EpochSeconds(NOW.0 + seconds);
    let take = async |fence, now, until| {
        control.take_lease((&run, Shard(5)), fence, at(now), at(until)).await.unwrap()
    };
    let mine = take(1, 0, 100).await.unwrap();
    let fresh = Lease {
        run: run.clone(),
        shard: Shard(5),
        fence: 1,
        until: at(100),
        n_entries_done: 0,
        applied: ApplyTally::default(),
    };
    assert_eq!(mine, fresh);
    assert_eq!(take(2, 99, 199).await, None);
    assert_eq!(
        take(1, 1, 101).await,
        Some(Lease { until: at(101), ..fresh }),
        "a lost answer is not another worker"
    );
    assert_eq!(take(3, 101, 200).await.map(|lease| lease.fence), Some(3));
    assert_eq!(control.leases(&run_ref("lease", "1800000000-02")).await.unwrap(), []);
}

async fn a_lease_keeps_what_was_done<C: Control>(control: &C) {
    let run = run_ref("progress", "1800000000-01");
    let (end, later) = (EpochSeconds(NOW.0 + 100), EpochSeconds(NOW.0 + 300));
    let first = control.take_lease((&run, Shard(0x1f)), 1, NOW, end).await.unwrap().unwrap();
    let applied = ApplyTally { n_cooled: 3, n_sentenced: 1, n_changed: 2, ..ApplyTally::default() };
    let moved = Lease { n_entries_done: 6, applied, until: EpochSeconds(NOW.0 + 200), ..first };
    assert!(control.save_lease(&moved).await.unwrap());
    assert!(control.save_lease(&moved).await.unwrap(), "saving twice is saving once");
    let second = control.take_lease((&run, Shard(0x1f)), 2, moved.until, later).await.unwrap();
    let expected = Lease { fence: 2, until: later, ..moved.clone() };
    assert_eq!(second, Some(expected.clone()));
    assert!(!control.save_lease(&moved).await.unwrap(), "the lease is another worker's now");
    let never = Lease { shard: Shard(9), ..moved };
    assert!(!control.save_lease(&never).await.unwrap(), "a lease that nobody took");
    let other = control.take_lease((&run, Shard(2)), 3, NOW, end).await.unwrap().unwrap();
    assert_eq!(control.leases(&run).await.unwrap(), [other, expected]);
}

async fn each_principal_approves_a_plan_once<C: Control>(control: &C) {
    let run = run_ref("approvals", "1800000000-10");
    // The one's id begins with the other's.
    let other = run_ref("approvals", "1800000000-100");
    assert_eq!(control.approvals(&run).await.unwrap(), []);
    let approval = |of: &RunRef, hash: &str, who: &str| Approval {
        run: of.clone(),
        hash: hash.to_owned(),
        actor: format!("arn:aws:{who}"),
        approved_at: NOW,
    };
    let (ada, bob) = ("iam::1:user/ada", "iam::1:user/bob");
    for (hash, who, is_new) in
        [("one", bob, true), ("one", ada, true), ("one", ada, false), ("two", ada, true)]
    {
        assert_eq!(control.approve(&approval(&run, hash, who)).await.unwrap(), is_new, "{hash} {who}");
    }
    assert!(control.approve(&approval(&other, "two", ada)).await.unwrap());
    let expected = [approval(&run, "two", ada), approval(&run, "one", bob)];
    assert_eq!(control.approvals(&run).await.unwrap(), expected);
    let session = |name: &str| approval(&other, "two", &format!("sts::1:assumed-role/ops/{name}"));
    assert!(control.approve(&session("one")).await.unwrap());
    assert!(!control.approve(&session("two")).await.unwrap(), "two sessions of a role are one principal");
    assert_eq!(control.approvals(&other).await.unwrap(), [approval(&other, "two", ada), session("one")]);
    assert_eq!(control.approvals(&run_ref("approvals", "1800000000-02")).await.unwrap(), []);
}

async fn the_first_acceptance_stays<C: Control>(control: &C) {
    let of = tenant("acceptances");
    let acceptance = |id: &str, actor: &str| Acceptance {
        run: run_ref("acceptances", id),
        actor: format!("arn:aws:iam::1:user/{actor}"),
        accepted_at: NOW,
    };
    assert_eq!(control.acceptances(&of).await.unwrap(), []);
    let (later, first) = (acceptance("1800000000-02", "ops"), acceptance("1800000000-01", "ops"));
    assert!(control.accept(&later).await.unwrap());
    assert!(control.accept(&first).await.unwrap());
    assert!(!control.accept(&acceptance("1800000000-02", "other")).await.unwrap());
    assert_eq!(control.acceptances(&of).await.unwrap(), [first, later]);
    assert_eq!(control.acceptances(&tenant("acceptances-2")).await.unwrap(), []);
}

async fn a_walk_is_remembered<C: Control>(control: &C) {
    assert_eq!(control.walk("vault").await.unwrap(), None);
    for position in [Some("acme#0001/tok".to_owned()), None] {
        let walk = Walk { started_at: NOW, position };
        control.save_walk("vault", &walk).await.unwrap();
        assert_eq!(control.walk("vault").await.unwrap(), Some(walk));
    }
    assert_eq!(control.walk("versions").await.unwrap(), None);
}

async fn an_answer_replaces_an_earlier_one<C: Control>(control: &C) {
    let of = tenant("answers");
    let answer = |status, until| KeptAnswer {
        digest: "d".repeat(64),
        status,
        body: r#"{"result":"done","results":[{"result":"ended"}]}"#.to_owned(),
        until,
    };
    assert_eq!(control.answer(&of, "key-1").await.unwrap(), None);
    for kept in [answer(202, NOW), answer(200, EpochSeconds(NOW.0 + 86_400))] {
        control.keep_answer(&of, "key-1", &kept).await.unwrap();
        assert_eq!(control.answer(&of, "key-1").await.unwrap(), Some(kept));
    }
    assert_eq!(control.answer(&of, "key-2").await.unwrap(), None);
    assert_eq!(control.answer(&tenant("answers-2"), "key-1").await.unwrap(), None);
}

async fn a_row_count_is_remembered<C: Control>(control: &C) {
    let of = tenant("counts");
    assert_eq!(control.token_count(&of).await.unwrap(), None);
    for n_tokens in [0, u64::MAX, 7] {
        control.save_token_count(&of, n_tokens).await.unwrap();
        assert_eq!(control.token_count(&of).await.unwrap(), Some(n_tokens));
    }
    assert_eq!(control.token_count(&tenant("counts-2")).await.unwrap(), None);
}
