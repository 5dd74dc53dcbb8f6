//! A token's whole life, by identity: which were kept, which were taken.

use futures::executor::block_on;
use lethe_domain::audit::Event;
use lethe_domain::policy::Trigger;
use lethe_domain::row::Phase;
use lethe_domain::run::{Purpose, Stage};
use lethe_stages::confirm::{Confirm, ConfirmReport};
use lethe_testkit::{row, token};
use serde_json::json;

use crate::driver::{Operator, World};
use crate::world::{DAY, HOUR, busy_world, cold_store, hardly_referenced, live_world};

#[test]
fn a_run_over_a_fully_referenced_vault_writes_nothing() {
    let world = live_world(6);
    world.rounds(4, HOUR);
    assert_eq!(world.cloud.vault.n_writes(), 0);
    assert!(world.phases().values().all(|phase| *phase == Phase::Active));
    let runs = world.cloud.control.all_runs();
    assert_eq!(runs.iter().map(|run| run.stage).collect::<Vec<_>>(), [Stage::Applied]);
}

#[test]
fn an_unreferenced_token_goes_the_whole_way_and_its_neighbours_stay() {
    let world = cold_store();
    let (live, dead) = (token(1), token(2));
    world.rounds(2, HOUR);
    // One strike is not enough.
    assert_eq!(world.phases()[&dead], Phase::Active);
    world.rounds(6, HOUR);
    assert_eq!(world.phases()[&dead], Phase::Cooling);
    assert_eq!(world.cloud.vault.n_writes_of(&dead), 1);
    world.rounds(7, DAY);
    world.rounds(4, HOUR);
    assert_eq!(world.phases()[&dead], Phase::Sentenced);
    assert_eq!(world.cloud.vault.n_writes_of(&dead), 2);
    world.rounds(2, DAY);
    assert!(!world.phases().contains_key(&dead));
    assert_eq!(archived_tokens(&world), [dead.expose()]);
    world.rounds(11, DAY);
    assert!(world.cloud.archive.all_versions().is_empty());
    assert_eq!(world.events_of("acme", &dead), [Event::Cooled, Event::Sentenced, Event::Archived]);
    assert_eq!(world.cloud.audit.items_of(Event::Purged).len(), 1);
    assert_eq!(world.phases()[&live], Phase::Active);
    assert_eq!(world.cloud.vault.n_writes_of(&live), 0);
    assert_eq!(world.events_of("acme", &live), []);
    assert!(world.failures.borrow().is_empty(), "{:?}", world.failures.borrow());
}

#[test]
fn the_campaign_books_its_later_runs_itself() {
    let world = cold_store();
    world.rounds(10, HOUR);
    let purposes: Vec<_> =
        world.cloud.control.all_runs().iter().map(|run| (run.id.ordinal, run.purpose)).collect();
    assert_eq!(purposes, [(1, Purpose::Discovery), (2, Purpose::Confirm), (3, Purpose::Verdict)]);
}

#[test]
fn a_reference_that_comes_back_reinstates_a_cooling_token() {
    let world = cold_store();
    world.rounds(8, HOUR);
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
    world.stores.objects.put("acme-lake", "exports/new.jsonl", token(2).expose().as_bytes());
    world.rounds(7, DAY);
    world.rounds(4, HOUR);
    assert_eq!(world.phases()[&token(2)], Phase::Active);
    assert_eq!(world.events_of("acme", &token(2)), [Event::Cooled, Event::Reinstated]);
}

#[test]
fn a_token_created_read_or_issued_again_during_the_campaign_is_kept() {
    let world = cold_store();
    let (created, read, reissued) = (token(10), token(11), token(12));
    for old in [&read, &reissued] {
        world.cloud.vault.insert(row("acme", old));
    }
    world.rounds(2, HOUR);
    world.cloud.vault.insert(row("acme", &created).created_at(world.now()));
    world.read("acme", &read);
    world.cloud.vault.reissue(&row("acme", &reissued).key());
    world.rounds(6, HOUR);
    for kept in [created, read, reissued] {
        assert_eq!(world.phases()[&kept], Phase::Active);
        assert_eq!(world.events_of("acme", &kept), []);
    }
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
}

#[test]
fn a_read_of_a_cooling_token_revives_it() {
    let world = cold_store();
    world.rounds(8, HOUR);
    world.read("acme", &token(2));
    assert_eq!(world.phases()[&token(2)], Phase::Active);
}

#[test]
fn an_expired_token_is_sentenced_archived_and_purged_with_one_write() {
    let world = live_world(2);
    let ended = token(50);
    let expires_at = world.now().plus(HOUR);
    world.cloud.vault.insert(row("acme", &ended).expires_at(expires_at).due_at(expires_at));
    world.store("acme-orders", &ended);
    world.round();
    assert_eq!(world.phases()[&ended], Phase::Active);
    world.cloud.clock.advance(HOUR);
    world.round();
    assert_eq!(world.phases()[&ended], Phase::Sentenced);
    world.rounds(30, DAY);
    assert!(!world.phases().contains_key(&ended));
    assert_eq!(world.events_of("acme", &ended), [Event::Sentenced, Event::Archived]);
    assert_eq!(world.cloud.vault.n_writes_of(&ended), 1);
}

#[test]
fn a_tenant_with_hardly_any_reference_waits_for_persons() {
    let world = hardly_referenced(20);
    world.operator.set(Operator::Away);
    world.rounds(8, HOUR);
    let waiting = world.cloud.control.all_runs().into_iter().find(|run| run.stage == Stage::Gated).unwrap();
    assert_eq!(waiting.tally.n_cool, 20);
    assert_eq!(world.cloud.vault.n_writes(), 0);
    world.approve_waiting("acme");
    world.rounds(2, HOUR);
    let left: Vec<_> = world.phases().into_iter().filter(|(_, phase)| *phase != Phase::Cooling).collect();
    assert_eq!(left, [(token(9_999), Phase::Active)]);
    assert_eq!(world.cloud.audit.items_of(Event::Approved).len(), 1);
}

#[test]
fn a_steady_flow_with_a_short_cadence_still_gets_its_verdicts() {
    let world = busy_world();
    for day in 0..14 {
        let unused = token(1000 + day);
        world.cloud.vault.insert(row("acme", &unused));
        world.rounds(24, HOUR);
    }
    let left = world.phases();
    for day in 0..4 {
        assert!(!left.contains_key(&token(1000 + day)), "the token of day {day} lingers");
    }
    let runs = world.cloud.control.all_runs();
    let booked = runs.iter().filter(|run| run.stage == Stage::Booked).count();
    // One a campaign of the cool-off that still runs, and no more however long it goes on.
    assert!(booked < 60, "{booked} runs are booked");
    assert!(runs.len() > 60, "only {} runs", runs.len());
}

#[test]
fn a_read_token_that_came_back_is_not_taken_by_the_next_campaign() {
    let world = busy_world();
    let used = token(77);
    world.cloud.vault.insert(row("acme", &used));
    world.rounds(12, HOUR);
    assert_eq!(world.phases()[&used], Phase::Cooling);
    world.read("acme", &used);
    world.rounds(20, HOUR);
    assert_eq!(world.phases()[&used], Phase::Active);
    assert_eq!(world.events_of("acme", &used), [Event::Cooled, Event::Reinstated]);
}

#[test]
fn whoever_removes_a_row_it_is_archived() {
    let world = live_world(2);
    world.cloud.vault.delete(&row("acme", &token(1)).key());
    world.round();
    assert_eq!(archived_tokens(&world), [token(1).expose()]);
    assert_eq!(world.events_of("acme", &token(1)), [Event::Archived]);
}

#[test]
fn a_removed_row_that_nobody_understands_is_archived_as_it_was() {
    let world = live_world(2);
    let key = row("acme", &token(1)).key();
    world.cloud.vault.set_attribute(&key, "state", json!({ "S": "odd" }));
    world.cloud.vault.delete(&key);
    world.round();
    let [record] = world.cloud.archive.records().try_into().unwrap();
    assert_eq!((record.token.as_str(), &record.image["state"]), (token(1).expose(), &json!({ "S": "odd" })));
    assert_eq!(world.phases().into_keys().collect::<Vec<_>>(), [token(2)]);
}

#[test]
fn a_notice_of_a_version_that_is_still_there_purges_nothing() {
    let world = live_world(2);
    world.cloud.vault.delete(&row("acme", &token(1)).key());
    world.round();
    let [version] = world.cloud.archive.all_versions().try_into().unwrap();
    let confirm = Confirm { audit: &world.audit, archive: &world.cloud.archive };
    let report = block_on(confirm.version_gone(&version.object, world.now())).unwrap();
    assert_eq!(report, ConfirmReport::StillThere);
    assert_eq!(world.events_of("acme", &token(1)), [Event::Archived]);
    assert_eq!(world.cloud.audit.items_of(Event::Purged).len(), 0);
}

#[test]
fn a_held_token_is_never_taken_and_archived_under_hold_if_somebody_removes_it() {
    let world = cold_store();
    let held = token(30);
    world.cloud.vault.insert(row("acme", &held).hold("case-1"));
    world.rounds(10, HOUR);
    assert_eq!(world.phases()[&held], Phase::Active);
    world.cloud.vault.delete(&row("acme", &held).key());
    world.round();
    world.rounds(40, DAY);
    let versions = world.cloud.archive.all_versions();
    assert!(versions.iter().any(|version| version.object.key.starts_with("held/")));
}

#[test]
fn a_revoked_token_does_not_come_back_though_it_is_referenced() {
    let world = live_world(3);
    world.revoke("acme", &token(1));
    assert_eq!(world.cloud.vault.row(&row("acme", &token(1)).key()).unwrap().reason, Some(Trigger::Revoked));
    world.rounds(3, HOUR);
    assert_eq!(world.phases()[&token(1)], Phase::Sentenced);
}

fn archived_tokens(world: &World) -> Vec<String> {
    world.cloud.archive.records().into_iter().map(|record| record.token).collect()
}
