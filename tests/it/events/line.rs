//! The scheduled and queued functions, driven by recorded events from a tick to a token that cools.

use std::time::Duration;

use lethe_domain::message::Wake;
use lethe_domain::policy::Trigger;
use lethe_domain::row::Phase;
use lethe_domain::run::Stage;
use lethe_domain::token::Shard;
use lethe_sources::SourceError;
use lethe_stages::scan::MAX_UNIT_ATTEMPTS;
use lethe_testkit::{FaultKind, LONG_AGO, START, row, tenant, token};
use serde_json::json;

use super::world::{World, event, event_with_body, sent_back};

const HOUR: Duration = Duration::from_hours(1);
const FIRST: &str = "059f36b4-87a3-44ab-83d2-661975830a7d";

/// Tokens 1 and 4 are referenced, 2 and 5 are not; 1 and 2 lie in shard 1, 4 and 5 in shard 0.
fn world() -> World {
    let world = World::new();
    for seed in [1, 2, 4, 5] {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    let line = format!("{{\"card\":\"{}\"}}\n{{\"card\":\"{}\"}}\n", token(1).expose(), token(4).expose());
    world.stores.objects.put("acme-lake", "day-1.jsonl", line);
    world
}

/// Hands every waiting wake-up to its function, in the recorded envelope.
async fn deliver(world: &World) {
    loop {
        let scans = world.cloud.scan_queue.drain();
        let sweeps = world.cloud.sweep_queue.drain();
        if scans.is_empty() && sweeps.is_empty() {
            return;
        }
        for wake in scans {
            assert!(sent_back(world.scan(&event_with_body("scan", &wake.to_json())).await).is_empty());
        }
        for wake in sweeps {
            assert!(sent_back(world.sweep(&event_with_body("sweep-plan", &wake.to_json())).await).is_empty());
        }
    }
}

/// Ticks and delivers until nothing moves for the time being.
async fn settle(world: &World) {
    for _ in 0..4 {
        world.survey().await.unwrap();
        deliver(world).await;
        world.cloud.clock.advance(Duration::from_mins(20));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_recorded_messages_take_one_run_from_its_tick_to_its_plan() {
    let world = world();
    let tick = event("scheduler");
    assert_eq!(tick["detail-type"], "Scheduled Event");
    world.survey().await.unwrap();
    let run = world.cloud.control.all_runs().remove(0);
    assert_eq!((run.id.to_string().as_str(), run.stage), ("1799971200-01", Stage::Scanning));
    let waiting: Vec<Wake> = world.cloud.scan_queue.drain();
    let recorded = event("scan");
    assert_eq!(
        waiting.iter().map(Wake::to_json).collect::<Vec<_>>(),
        [recorded["Records"][0]["body"].as_str().unwrap()]
    );

    assert!(sent_back(world.scan(&recorded).await).is_empty());
    assert_eq!(world.cloud.control.all_runs()[0].stage, Stage::Draining);
    world.cloud.clock.advance(HOUR);
    world.survey().await.unwrap();
    assert_eq!(world.cloud.control.all_runs()[0].stage, Stage::Planning);
    assert!(sent_back(world.sweep(&event("sweep-plan")).await).is_empty());
    let planned = |shard| {
        world
            .cloud
            .work
            .keys()
            .iter()
            .any(|key| key.contains(&format!("{shard}-0000")) && key.starts_with("plans/"))
    };
    assert!(planned(Shard(1)) && !planned(Shard(0)));
    // A plan by that hash was never approved.
    assert!(sent_back(world.sweep(&event("sweep-apply")).await).is_empty());
    assert_eq!(world.cloud.vault.n_writes(), 0);
}

#[tokio::test(flavor = "current_thread")]
async fn driven_through_the_handlers_only_the_unreferenced_tokens_cool() {
    let world = world();
    settle(&world).await;
    assert!(
        world.cloud.vault.rows().values().all(|row| row.phase() == Phase::Active),
        "one strike is not enough"
    );
    world.cloud.clock.advance(4 * HOUR);
    settle(&world).await;
    assert_eq!(world.cloud.vault.n_writes(), 0, "nobody has said yet that tokens may go without recall");
    world.approve_waiting().await;
    settle(&world).await;
    let cooled: Vec<u64> =
        [1, 2, 4, 5].into_iter().filter(|seed| world.row(*seed).phase() == Phase::Cooling).collect();
    assert_eq!(cooled, [2, 5]);
    assert_eq!(world.row(2).reason, Some(Trigger::Unreferenced));
    for seed in [1, 4] {
        assert_eq!(world.row(seed), row("acme", &token(seed)).build(), "a survivor is not written");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_unreadable_message_is_refused_and_its_neighbour_is_scanned() {
    let world = world();
    world.survey().await.unwrap();
    assert!(sent_back(world.scan(&event("scan-unreadable")).await).is_empty());
    let refused: Vec<String> = world.refused().into_iter().map(|(id, _)| id).collect();
    assert_eq!(refused, [FIRST]);
    assert_eq!(world.cloud.control.all_runs()[0].stage, Stage::Draining);
}

#[tokio::test(flavor = "current_thread")]
async fn a_message_of_another_function_is_refused() {
    let world = world();
    assert!(sent_back(world.scan(&event("sweep-plan")).await).is_empty());
    assert!(sent_back(world.sweep(&event("scan")).await).is_empty());
    assert_eq!(world.refused().len(), 1, "the same message id is one item");
    world.scan(&event("scheduler")).await.unwrap_err();
}

#[tokio::test(flavor = "current_thread")]
async fn a_refusal_that_cannot_be_recorded_comes_again() {
    let world = world();
    world.cloud.faults.fail_call(1, FaultKind::BeforeEffect);
    assert_eq!(sent_back(world.sweep(&event("scan")).await), [FIRST]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_unit_comes_again_until_its_run_is_given_up() {
    let world = world();
    world.survey().await.unwrap();
    world.stores.objects.refuse(Some(SourceError::Missing));
    let mut recorded = event("scan");
    for attempt in 1..=MAX_UNIT_ATTEMPTS {
        recorded["Records"][0]["attributes"]["ApproximateReceiveCount"] = json!(attempt.to_string());
        let _back = sent_back(world.scan(&recorded).await);
    }
    let run = world.cloud.control.all_runs().remove(0);
    assert_eq!((run.tenant, run.stage), (tenant("acme"), Stage::Void));
    assert_eq!(world.cloud.vault.n_writes(), 0);
}

#[tokio::test(flavor = "current_thread")]
async fn ticks_of_expire_and_reconcile_act_on_what_is_due() {
    let world = World::new();
    let ended = row("acme", &token(1)).kind("session").expires_at(LONG_AGO).due_at(LONG_AGO);
    let overdue =
        row("acme", &token(2)).cooling(Trigger::Unreferenced, LONG_AGO.plus(HOUR)).purge_at(LONG_AGO);
    let kept = row("acme", &token(3)).cooling(Trigger::Unreferenced, LONG_AGO.plus(HOUR)).purge_at(START);
    for row in [&ended, &overdue, &kept] {
        world.cloud.vault.insert(row);
    }
    world.expire().await.unwrap();
    assert_eq!((world.row(1).phase(), world.row(1).reason), (Phase::Sentenced, Some(Trigger::Expired)));
    for _ in 0..48 {
        world.reconcile().await.unwrap();
        world.cloud.clock.advance(HOUR / 2);
    }
    let left: Vec<_> = world.cloud.vault.rows().into_keys().collect();
    assert!(!left.contains(&token(2)) && left.contains(&token(3)), "{}", left.len());
}
