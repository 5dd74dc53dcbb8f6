//! The kill switch: what a pause stops, what goes on, and that nothing is lost by it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use futures::executor::block_on;
use lethe_domain::audit::Event;
use lethe_domain::message::Wake;
use lethe_domain::pause::{LATE_USE_ALARM, Pause, Reach};
use lethe_domain::policy::Trigger;
use lethe_domain::row::{By, Phase, VaultRow};
use lethe_domain::run::Stage;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TokenId;
use lethe_domain::undo::Undo;
use lethe_stages::ports::{Control, KillSwitch, Undos};
use lethe_stages::reconcile::freeze_walk;
use lethe_testkit::{FakeControl, FaultKind, Sample, row, tenant, token};

use crate::driver::World;
use crate::world::{DAY, HOUR, cold_store, live_world, remain};

pub const OPS: &str = "arn:aws:iam::000000000000:user/ops";

/// Tokens that no store holds: more than one chunk of a plan in each shard.
const N_UNUSED: u64 = 220;

pub fn set_pause(control: &FakeControl, reach: &Reach, since: EpochSeconds, freezes: bool) {
    let by = By { actor: OPS.to_owned(), reason_text: Some("INC-7".to_owned()) };
    control.put_pause(reach.clone(), Pause { by, since, freezes });
}

fn acme() -> Reach {
    Reach::Tenant(tenant("acme"))
}

impl World {
    pub fn pause(&self, reach: &Reach, freezes: bool) {
        set_pause(&self.cloud.control, reach, self.now(), freezes);
    }

    pub fn resume(&self, reach: &Reach) {
        let pauses = block_on(self.cloud.control.pauses(&tenant("acme"))).unwrap();
        let stands = match reach {
            Reach::Everybody => pauses.of_all,
            Reach::Tenant(_) => pauses.own,
        };
        assert!(block_on(self.cloud.control.resume(reach, stands.unwrap().since, self.now())).unwrap());
    }

    fn row_of(&self, token: &TokenId) -> VaultRow {
        self.cloud.vault.row(&row("acme", token).key()).unwrap()
    }

    fn n_cooling(&self) -> usize {
        self.phases().values().filter(|phase| **phase == Phase::Cooling).count()
    }

    fn stages(&self) -> Vec<Stage> {
        self.cloud.control.all_runs().iter().map(|run| run.stage).collect()
    }
}

/// A world whose confirming run has its plan, which waits for a person.
fn waits_for_approval() -> World {
    let config = Sample::new().tenant("acme").table("orders", "acme-orders", 1).cadence("30d");
    let world = World::new(&config.rail("slice_floor", "1000").text());
    world.stores.tables.create("acme-orders");
    for seed in 1..=N_UNUSED {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    remain(&world);
    world.round_quietly();
    for _ in 0..100 {
        if !world.waiting("acme").is_empty() {
            break;
        }
        world.survey().unwrap();
        world.drain();
        world.cloud.clock.advance(Duration::from_mins(10));
    }
    world
}

/// The same, about to be carried out: its messages are in the queue.
fn about_to_apply() -> (World, Vec<Wake>) {
    let world = waits_for_approval();
    world.approve_waiting("acme");
    world.survey().unwrap();
    assert!(world.stages().contains(&Stage::Applying), "{:?}", world.stages());
    let wakes = world.cloud.sweep_queue.drain();
    assert!(!wakes.is_empty() && world.n_cooling() == 0);
    (world, wakes)
}

/// Carries a plan out, whose tenant is paused before the second chunk is written.
fn pause_at_the_second_chunk(world: &World, wakes: &[Wake]) {
    let looks = Cell::new(0);
    let pauses = || {
        looks.set(looks.get() + 1);
        if looks.get() == 2 {
            world.pause(&acme(), false);
        }
        false
    };
    for wake in wakes {
        world.apply(wake, &pauses);
    }
}

#[test]
fn a_pause_between_two_chunks_stops_the_next_one_and_the_run_is_taken_again_after_it() {
    let (world, wakes) = about_to_apply();
    pause_at_the_second_chunk(&world, &wakes);
    assert_eq!(world.n_cooling(), 50, "one chunk was written before the pause");
    let run = world.cloud.control.all_runs().into_iter().find(|run| run.stage == Stage::Void).unwrap();
    assert_eq!((run.applied.n_cooled, run.applied.n_paused), (50, N_UNUSED - 50));
    assert!(run.note.unwrap().contains("lethe undo acme"), "a person reads what to do");

    // Booked again, and not opened while the pause stands, however long that is.
    world.rounds(10, DAY);
    assert_eq!(world.stages().iter().filter(|stage| **stage == Stage::Booked).count(), 1);
    assert_eq!((world.n_cooling(), world.cloud.vault.n_writes()), (50, 50));
    world.resume(&acme());
    world.rounds(12, HOUR);
    assert_eq!(
        world.n_cooling(),
        usize::try_from(N_UNUSED).unwrap(),
        "the run that was taken again looked anew"
    );
}

#[test]
fn a_plan_from_before_a_pause_is_not_carried_out_after_it_though_no_worker_saw_the_pause() {
    for (reach, is_paused) in [(acme(), true), (Reach::Everybody, true), (acme(), false)] {
        let (world, wakes) = about_to_apply();
        if is_paused {
            world.pause(&reach, false);
            world.resume(&reach);
        }
        for wake in &wakes {
            world.take(wake).unwrap();
        }
        let n_taken = if is_paused { 0 } else { usize::try_from(N_UNUSED).unwrap() };
        assert_eq!((world.n_cooling(), world.stages().contains(&Stage::Void)), (n_taken, is_paused));
        world.rounds(12, HOUR);
        assert_eq!(world.n_cooling(), usize::try_from(N_UNUSED).unwrap(), "it is planned anew");
    }
}

#[test]
fn a_plan_that_waits_for_its_approval_is_void_after_a_pause_and_a_new_one_waits() {
    let world = waits_for_approval();
    let waiting = world.waiting("acme").remove(0);
    world.survey().unwrap();
    assert_eq!(world.waiting("acme").len(), 1);
    world.pause(&acme(), false);
    world.resume(&acme());
    world.approve_waiting("acme");
    world.survey().unwrap();
    assert_eq!((world.waiting("acme").len(), world.n_cooling()), (0, 0));
    let void = world.cloud.control.all_runs().into_iter().find(|run| run.id == waiting.id).unwrap();
    assert_eq!(void.stage, Stage::Void);
    assert!(void.note.unwrap().contains("paused after its plan was made"));
    world.rounds(12, HOUR);
    assert_eq!(world.n_cooling(), usize::try_from(N_UNUSED).unwrap());
}

#[test]
fn a_run_that_is_undone_after_a_pause_is_not_taken_again_either() {
    for is_undone in [true, false] {
        let (world, wakes) = about_to_apply();
        pause_at_the_second_chunk(&world, &wakes);
        assert!(world.stages().contains(&Stage::Booked) && world.n_cooling() == 50);
        let run = world.cloud.control.all_runs().into_iter().find(|run| run.stage == Stage::Void).unwrap();
        if is_undone {
            let order = Undo::new(tenant("acme"), run.id, (OPS, Some("INC-7")), world.now());
            assert!(block_on(world.cloud.control.create_undo(&order)).unwrap());
        }
        world.rounds(2, HOUR);
        assert_eq!(world.stages().contains(&Stage::Booked), !is_undone);
        world.resume(&acme());
        world.rounds(12, HOUR);
        assert_eq!(world.n_cooling(), if is_undone { 0 } else { usize::try_from(N_UNUSED).unwrap() });
    }
}

#[test]
fn the_kill_switch_is_read_before_each_chunk() {
    let (world, wakes) = about_to_apply();
    world.cloud.faults.calm();
    for wake in &wakes {
        world.take(wake).unwrap();
    }
    let n_chunks = world.cloud.faults.n_calls_of("control.save_lease");
    assert!(n_chunks > 4 && n_chunks <= world.cloud.faults.n_calls_of("control.pauses"));
}

#[test]
fn a_switch_that_cannot_be_read_is_a_pause() {
    for kind in FaultKind::ALL {
        let (world, wakes) = about_to_apply();
        // The first call of a message that reads the switch is the one before its first chunk.
        for n in 1.. {
            world.cloud.faults.fail_call(n, kind);
            let taken = world.take(&wakes[0]);
            if world.cloud.faults.fired() == Some("control.pauses") {
                assert!(taken.is_err());
                break;
            }
            assert!(world.cloud.faults.fired().is_some(), "the switch was never read");
            world.cloud.clock.advance(world.settings.limits.lease);
        }
        assert_eq!(world.cloud.vault.n_writes(), 0, "{kind:?}");
    }
}

#[test]
fn a_paused_run_still_revives_what_it_found() {
    let world = cold_store();
    world.rounds(8, HOUR);
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
    world.store("acme-orders", &token(2));
    block_on(world.cloud.control.create_run(&booked_now(&world))).unwrap();
    while !world.stages().contains(&Stage::Applying) {
        world.survey().unwrap();
        world.drain();
        world.cloud.clock.advance(Duration::from_mins(10));
    }
    world.pause(&Reach::Everybody, false);
    world.survey().unwrap();
    world.drain();
    assert_eq!(world.phases()[&token(2)], Phase::Active);
}

fn booked_now(world: &World) -> lethe_domain::run::Run {
    let last = world.cloud.control.all_runs().pop().unwrap();
    let id = lethe_domain::run::RunId { slot: world.now(), ordinal: 1 };
    lethe_domain::run::Run::booked(
        last.tenant,
        id,
        lethe_domain::run::Purpose::Discovery,
        world.now(),
        world.now(),
    )
}

#[test]
fn expire_leaves_a_paused_tenants_tokens_and_takes_the_others() {
    let world = World::new(&lethe_testkit::sample().text());
    let due = |tenant: &str| row(tenant, &token(1)).expires_at(world.now()).due_at(world.now());
    for tenant in ["acme", "globex"] {
        world.cloud.vault.insert(due(tenant));
    }
    world.pause(&acme(), false);
    world.expire().unwrap();
    let reason = |tenant: &str| world.cloud.vault.row(&row(tenant, &token(1)).key()).unwrap().reason;
    assert_eq!((reason("acme"), reason("globex")), (None, Some(Trigger::Expired)));
    world.resume(&acme());
    world.expire().unwrap();
    assert_eq!(reason("acme"), Some(Trigger::Expired));
}

#[test]
fn a_command_ends_at_once_under_a_pause_and_its_token_gets_no_date_before_the_end_of_it() {
    let world = live_world(2);
    world.pause(&acme(), false);
    world.revoke("acme", &token(1));
    let revoked = world.row_of(&token(1));
    assert_eq!((revoked.phase(), revoked.reason), (Phase::Cooling, Some(Trigger::Revoked)));
    world.rounds(5, DAY);
    assert_eq!(world.row_of(&token(1)).phase(), Phase::Cooling);
    world.resume(&acme());
    world.round();
    assert_eq!(world.row_of(&token(1)).phase(), Phase::Sentenced);
    assert_eq!(world.events_of("acme", &token(1)), [Event::Cooled, Event::Sentenced]);
}

#[test]
fn what_has_a_date_drains_under_a_pause_and_stays_under_a_freeze() {
    for (freezes, stays) in [(false, false), (true, true)] {
        let world = live_world(2);
        world.revoke("acme", &token(1));
        world.pause(&Reach::Everybody, freezes);
        world.rounds(3, DAY);
        world.cloud.vault.expire_by_ttl();
        world.rounds(3, DAY);
        assert_eq!(world.phases().contains_key(&token(1)), stays);
    }
}

/// A revoked token, a known end, and what a verdict run sentenced.
fn condemned() -> World {
    let world = cold_store();
    world.rounds(8, HOUR);
    world.rounds(7, DAY);
    world.rounds(4, HOUR);
    assert_eq!(world.phases()[&token(2)], Phase::Sentenced);
    world.revoke("acme", &token(3));
    let known = row("acme", &token(40)).known_end(world.now().plus(2 * DAY), DAY);
    world.cloud.vault.insert(known);
    world.drain();
    world
}

fn dates(world: &World) -> BTreeMap<TokenId, EpochSeconds> {
    world.cloud.vault.rows().into_iter().filter_map(|(token, row)| Some((token, row.purge_at?))).collect()
}

#[test]
fn a_freeze_lifts_every_date_in_its_senders_name_and_nothing_leaves() {
    let world = condemned();
    assert_eq!(dates(&world).len(), 3);
    world.pause(&acme(), true);
    world.round();
    assert_eq!(dates(&world), BTreeMap::new());
    let lifted = world.cloud.audit.items_of(Event::Paused);
    assert!(lifted.iter().all(|item| item.actor.as_deref() == Some(OPS)), "{lifted:?}");
    assert_eq!(
        lifted.iter().map(|item| item.entries.len()).sum::<usize>(),
        2,
        "the known end changes no state"
    );
    assert_eq!(world.cloud.audit.items_of(Event::OutOfBand).len(), 0);
    world.rounds(20, DAY);
    world.cloud.vault.expire_by_ttl();
    world.drain();
    assert_eq!(world.phases().len(), 5);
    assert!(world.cloud.audit.items_of(Event::Archived).is_empty());
}

#[test]
fn what_is_archived_stays_under_any_tenants_freeze_and_goes_after_it() {
    let world = live_world(2);
    world.cloud.vault.delete(&row("acme", &token(1)).key());
    world.drain();
    let archived = world.cloud.archive.all_versions();
    assert_eq!(archived.len(), 1);
    world.pause(&acme(), true);
    world.rounds(100, DAY);
    assert_eq!(world.cloud.archive.all_versions(), archived);
    world.resume(&acme());
    world.round();
    assert_eq!(world.cloud.archive.all_versions().len(), 0);
    assert_eq!(world.events_of("acme", &token(1)), [Event::Archived]);
}

#[test]
fn after_a_freeze_what_ended_gets_a_new_date_a_day_ahead_and_what_was_unused_waits_for_a_verdict() {
    let world = condemned();
    world.pause(&acme(), true);
    world.rounds(20, DAY);
    world.resume(&acme());
    world.expire().unwrap();
    let soonest = world.now().plus(DAY);
    let dates = dates(&world);
    assert_eq!(dates.keys().cloned().collect::<Vec<_>>(), {
        let mut ended = vec![token(3), token(40)];
        ended.sort();
        ended
    });
    assert!(dates.values().all(|at| soonest <= *at), "{dates:?} are before {soonest:?}");
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
    world.rounds(60 * 6, 4 * HOUR);
    for gone in [2, 3, 40].map(token) {
        assert!(!world.phases().contains_key(&gone), "it left in the end");
    }
}

#[test]
fn a_freeze_sees_known_ends_that_are_written_while_it_stands() {
    let world = condemned();
    world.pause(&acme(), true);
    world.round();
    let known = row("acme", &token(41)).known_end(world.now().plus(DAY), DAY);
    world.cloud.vault.insert(known);
    world.rounds(2, DAY / 2);
    world.cloud.vault.expire_by_ttl();
    world.drain();
    assert_eq!(dates(&world), BTreeMap::new());
    assert!(world.phases().contains_key(&token(41)));
}

#[test]
fn a_freeze_goes_on_shard_by_shard_and_stops_where_it_is_lifted() {
    let world = condemned();
    world.pause(&acme(), true);
    world.reconcile_until(&|| true).unwrap();
    assert_eq!(dates(&world).len(), 3, "the deadline came first");
    world.resume(&acme());
    world.round();
    assert_eq!(dates(&world).len(), 3);
    assert_eq!(block_on(world.cloud.control.walk(&freeze_walk(&tenant("acme")))).unwrap(), None);
}

#[test]
fn every_call_of_a_freeze_may_fail_once() {
    for kind in FaultKind::ALL {
        for n in 1.. {
            let world = live_world(4);
            world.revoke("acme", &token(1));
            let known = row("acme", &token(40)).known_end(world.now().plus(2 * DAY), DAY);
            world.cloud.vault.insert(known);
            world.drain();
            world.pause(&acme(), true);
            world.cloud.faults.fail_call(n, kind);
            let failed = world.reconcile();
            if world.cloud.faults.fired().is_none() {
                assert_eq!(failed.unwrap(), 0);
                break;
            }
            world.cloud.faults.calm();
            world.reconcile().unwrap();
            assert_eq!(dates(&world), BTreeMap::new(), "call {n}, {kind:?}");
            assert_eq!(world.cloud.vault.n_writes(), 3, "each date is lifted once");
            assert_eq!(world.phases().len(), 5);
        }
    }
}

/// Twenty tokens that a run took out of service, and an alarm at more than five reads of them a day.
fn twenty_cooling() -> World {
    let config = Sample::new()
        .tenant("acme")
        .table("orders", "acme-orders", 1)
        .cadence("30d")
        .rail("late_use_percent", "1")
        .rail("late_use_floor", "5")
        .rail("slice_floor", "20");
    let world = World::new(&config.text());
    world.stores.tables.create("acme-orders");
    for seed in 1..=20 {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    remain(&world);
    world.round_quietly();
    world.rounds(6, HOUR);
    world.approve_waiting("acme");
    world.rounds(2, HOUR);
    assert_eq!(world.n_cooling(), 20);
    world
}

fn own_pause(world: &World) -> Option<Pause> {
    block_on(world.cloud.control.pauses(&tenant("acme"))).unwrap().own
}

#[test]
fn reads_of_what_is_cooling_above_the_rate_pause_the_tenant_until_a_person_resumes() {
    let world = twenty_cooling();
    for seed in 1..=5 {
        world.read("acme", &token(seed));
    }
    assert_eq!(own_pause(&world), None, "so many are let pass");
    let answer = world.read("acme", &token(6));
    assert_eq!(answer.report.n_paused, 1, "the alarm rings");
    let pause = own_pause(&world).unwrap();
    assert_eq!((pause.by.actor.as_str(), pause.freezes), (LATE_USE_ALARM, false));
    let [item] = &world.cloud.audit.items_of(Event::Paused)[..] else { panic!("one item") };
    assert_eq!(item.actor.as_deref(), Some(LATE_USE_ALARM));
    assert!(item.reason_text.as_ref().unwrap().contains("6 tokens"), "{item:?}");
    assert_eq!(world.read("acme", &token(7)).report.n_paused, 0, "it rings once");
    assert_eq!(world.n_cooling(), 13, "each read brought its token back all the same");

    // No verdict is carried out while it stands.
    world.rounds(12, DAY);
    assert_eq!(world.n_cooling(), 13);
    world.resume(&acme());
    world.rounds(40 * 6, 4 * HOUR);
    assert_eq!(world.n_cooling(), 0);
}

#[test]
fn reads_on_other_days_and_of_what_ended_for_good_do_not_add_up() {
    let world = twenty_cooling();
    for seed in 1..=10 {
        world.read("acme", &token(seed));
        if seed == 5 {
            world.cloud.clock.advance(DAY);
        }
    }
    for seed in 11..=19 {
        world.revoke("acme", &token(seed));
        world.cloud.clock.advance(Duration::from_secs(1));
        world.read("acme", &token(seed));
    }
    assert_eq!(own_pause(&world), None);
}

#[test]
fn a_person_who_resumes_starts_the_count_anew() {
    let world = twenty_cooling();
    for seed in 1..=6 {
        world.read("acme", &token(seed));
    }
    world.resume(&acme());
    let day = world.settings.limits.budget_day_of(world.now());
    block_on(world.cloud.control.forget_late_uses(&tenant("acme"), day)).unwrap();
    for seed in 7..=11 {
        world.read("acme", &token(seed));
    }
    assert_eq!(own_pause(&world), None);
    world.read("acme", &token(12));
    assert!(own_pause(&world).is_some());
}
