//! The edges: what begins on either side of them, and what stops at one and goes on behind the next.

use super::*;

/// Whether a round at this moment opens a run.
fn opens(window: &str, time: &str) -> bool {
    let world = world(&sample().window(window));
    world.cloud.clock.set(at(time));
    world.survey().unwrap();
    assert_eq!(runs(&world).is_empty(), world.cloud.scan_queue.n_waiting() == 0);
    !runs(&world).is_empty()
}

#[test]
fn a_run_opens_from_the_first_second_of_the_window_to_the_one_before_its_end() {
    for (time, expected) in [("23:59:59", false), ("00:00:00", true), ("03:59:59", true), ("04:00:00", false)]
    {
        let time = if time == "23:59:59" { "2027-01-15T23:59:59Z" } else { time };
        assert_eq!(opens(NIGHT, time), expected, "{time}");
    }
}

#[test]
fn a_window_over_midnight_is_one_night() {
    for (time, expected) in [
        ("2027-01-15T21:29:59Z", false),
        ("2027-01-15T21:30:00Z", true),
        ("2027-01-16T00:00:00Z", true),
        ("2027-01-16T03:59:59Z", true),
        ("2027-01-16T04:00:00Z", false),
    ] {
        assert_eq!(opens("22:30-05:00 Europe/Berlin", time), expected, "{time}");
    }
}

#[test]
fn the_edges_move_with_the_clocks() {
    for (time, expected) in [
        // The clocks go forward: the night ends an hour sooner.
        ("2026-03-28T03:59:59Z", true),
        ("2026-03-29T00:00:00Z", true),
        ("2026-03-29T02:59:59Z", true),
        ("2026-03-29T03:00:00Z", false),
        ("2026-03-29T22:59:59Z", false),
        ("2026-03-29T23:00:00Z", true),
        // They go back: it ends an hour later.
        ("2026-10-24T22:59:59Z", false),
        ("2026-10-24T23:00:00Z", true),
        ("2026-10-25T03:59:59Z", true),
        ("2026-10-25T04:00:00Z", false),
    ] {
        assert_eq!(opens(NIGHT, time), expected, "{time}");
    }
}

/// A run that opened two hours before the edge, with its units sent out.
fn about_to_scan() -> (World, Vec<Wake>) {
    let world = world(&sample().window(NIGHT).cadence("0 3 * * * Europe/Berlin"));
    world.cloud.clock.set(at("02:00:00"));
    world.survey().unwrap();
    let wakes = world.cloud.scan_queue.drain();
    assert_eq!((wakes.len(), stages(&world)), (2, vec![Stage::Scanning]));
    (world, wakes)
}

#[test]
fn a_unit_that_stops_at_the_edge_goes_on_in_the_next_night_from_where_it_was() {
    let (world, wakes) = about_to_scan();
    world.cloud.clock.set(at("03:59:59"));
    // One page of two, and then the edge.
    take_until_the_edge(&world, &wakes, 1);
    let parts = |world: &World| -> Vec<String> {
        world.cloud.work.keys().into_iter().filter(|key| key.starts_with("marks/")).collect()
    };
    let written = parts(&world);
    assert_eq!((written.len(), world.cloud.scan_queue.n_waiting()), (2, 0), "{written:?}");
    let done = work_done(&world);
    world.cloud.clock.set(at("04:00:00"));

    // All day nothing is read, nobody is sent out, and nobody thinks that it stands still.
    rounds_until(&world, at("23:59:50"), TEN_MINUTES);
    assert_eq!((stages(&world), work_done(&world)), (vec![Stage::Scanning], done));
    assert_eq!(parts(&world), written);

    world.cloud.clock.set(at("2027-01-17T00:00:00Z"));
    world.survey().unwrap();
    let again = world.cloud.scan_queue.drain();
    assert_eq!(again, wakes);
    for wake in &again {
        world.take(wake).unwrap();
    }
    // The first parts stayed, and each unit has a second one.
    assert!(written.iter().all(|key| parts(&world).contains(key)) && parts(&world).len() == 4);
    assert_eq!(work_done(&world).0, done.0 + 2, "only the second pages were read");
    assert_eq!(stages(&world), [Stage::Draining]);
    rounds_until(&world, at("2027-01-17T01:30:00Z"), TEN_MINUTES);
    let first = runs(&world).remove(0);
    assert_eq!((first.stage, first.purpose, first.tally.n_struck), (Stage::Applied, Purpose::Discovery, 1));
    // Its campaign goes on: token 2 is taken by the next look, and no other.
    rounds_until(&world, at("2027-01-19T12:00:00Z"), TEN_MINUTES);
    assert_eq!((out_of_service(&world), in_service(&world)), (seeds([2]), seeds([1, 3, 4])));
    assert!(world.failures.borrow().is_empty(), "{:?}", world.failures.borrow());
}

#[test]
fn a_run_that_waits_for_its_window_does_not_stand_still() {
    let lake = sample().bucket("lake", "acme-lake", "exports/", "jsonl");
    let world = world(&lake.window(NIGHT).cadence("45 4 * * * Europe/Berlin"));
    world.stores.objects.create("acme-lake");
    // The bucket does not answer in the last minutes of the night, so that the run is not listed when the window closes.
    world.cloud.clock.set(at("03:50:00"));
    let code = "SlowDown".to_owned();
    world.stores.objects.refuse(Some(lethe_sources::SourceError::Unreachable { code }));
    world.round();
    assert_eq!(stages(&world), [Stage::Surveying]);
    world.stores.objects.refuse(None);
    world.cloud.clock.set(at("04:00:00"));
    rounds_until(&world, at("23:59:50"), TEN_MINUTES);
    assert_eq!(stages(&world), [Stage::Surveying], "nobody gave it up for what it could not do by day");
    rounds_until(&world, at("2027-01-17T01:30:00Z"), TEN_MINUTES);
    let first = runs(&world).remove(0);
    assert_eq!((first.stage, first.tally.n_struck), (Stage::Applied, 1));
}

#[test]
fn a_message_that_comes_outside_the_window_reads_nothing_and_is_not_sent_on() {
    let (world, wakes) = about_to_scan();
    world.cloud.clock.set(at("04:00:00"));
    let done = work_done(&world);
    for wake in &wakes {
        world.take(wake).unwrap();
    }
    assert_eq!((work_done(&world), world.cloud.scan_queue.n_waiting()), (done, 0));
    // By a clock that is a little behind survey's the window is about to open: then the message is kept.
    world.cloud.clock.set(at("23:59:00"));
    for wake in &wakes {
        world.take(wake).unwrap();
    }
    assert_eq!((work_done(&world), world.cloud.scan_queue.drain()), (done, vec![]));
    world.cloud.clock.set(at("2027-01-17T00:00:00Z"));
    assert_eq!(world.cloud.scan_queue.drain(), wakes);
}

#[test]
fn a_plan_stops_at_the_edge_and_goes_on_in_the_next_night() {
    let mut world = world(&sample().window(NIGHT).cadence("0 4 * * * Europe/Berlin"));
    world.settings.plan_rows = 2;
    for seed in 10..30 {
        world.cloud.vault.insert(row("acme", &token(seed)));
        world.store("acme-orders", &token(seed));
    }
    world.cloud.clock.set(at("03:00:00"));
    world.survey().unwrap();
    while !stages(&world).contains(&Stage::Planning) {
        world.survey().unwrap();
        for wake in world.cloud.scan_queue.drain() {
            world.take(&wake).unwrap();
        }
        world.cloud.clock.advance(Duration::from_mins(1));
    }
    world.survey().unwrap();
    let wakes = world.cloud.sweep_queue.drain();
    world.cloud.clock.set(at("03:59:59"));
    take_until_the_edge(&world, &wakes, 1);
    let parts =
        |world: &World| world.cloud.work.keys().iter().filter(|key| key.starts_with("plans/")).count();
    let written = parts(&world);
    assert!(0 < written && world.cloud.sweep_queue.n_waiting() == 0, "{:?}", world.cloud.work.keys());
    world.cloud.clock.set(at("04:00:00"));
    rounds_until(&world, at("23:59:50"), TEN_MINUTES);
    assert_eq!((stages(&world), parts(&world)), (vec![Stage::Planning], written));
    rounds_until(&world, at("2027-01-17T00:10:00Z"), TEN_MINUTES);
    let first = runs(&world).remove(0);
    assert_eq!((first.stage, first.tally.n_struck, first.tally.n_rows), (Stage::Applied, 1, 24));
}

/// Tokens that no store holds: more than one chunk of a plan in each shard.
const N_UNUSED: u64 = 220;

#[test]
fn what_is_carried_out_stops_at_the_edge_and_goes_on_in_the_next_night() {
    let world = world(&sample().window("21:00-09:00 Europe/Berlin").cadence("0 21 * * * Europe/Berlin"));
    for seed in 1001..=1000 + N_UNUSED {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    // The discovery run at 20:00 UTC, the confirming run four hours later; its plan waits for a person.
    world.operator.set(crate::driver::Operator::Away);
    rounds_until(&world, at("06:00:00"), TEN_MINUTES);
    world.approve_waiting("acme");
    world.cloud.clock.set(at("07:59:59"));
    world.survey().unwrap();
    let wakes = world.cloud.sweep_queue.drain();
    assert_eq!((wakes.len(), out_of_service(&world)), (2, seeds([])));
    // One chunk of each shard, and then the edge.
    take_until_the_edge(&world, &wakes, 1);
    let taken = out_of_service(&world);
    assert_eq!((taken.len(), world.cloud.sweep_queue.n_waiting()), (100, 0));
    let done = work_done(&world);
    rounds_until(&world, at("19:59:50"), TEN_MINUTES);
    assert_eq!((out_of_service(&world), work_done(&world).1), (taken, done.1));
    assert!(stages(&world).contains(&Stage::Applying));

    world.cloud.clock.set(at("20:00:00"));
    world.round();
    let unused = seeds((1001..=1000 + N_UNUSED).chain([2]));
    assert_eq!((out_of_service(&world), in_service(&world)), (unused, seeds([1, 3, 4])));
    let run = runs(&world).into_iter().find(|run| run.purpose == Purpose::Confirm).unwrap();
    assert_eq!((run.stage, run.applied.n_cooled), (Stage::Applied, N_UNUSED + 1));
    assert!(world.failures.borrow().is_empty(), "{:?}", world.failures.borrow());
}

#[test]
fn a_run_that_its_window_leaves_too_little_time_is_void_and_says_so() {
    let world = world(&sample().window(NIGHT));
    world.cloud.clock.set(at("00:00:00"));
    world.survey().unwrap();
    let wakes = world.cloud.scan_queue.drain();
    take_until_the_edge(&world, &wakes, 0);
    world.cloud.clock.set(at("04:00:00"));
    rounds_until(&world, at("23:59:50"), TEN_MINUTES);
    assert_eq!(stages(&world), [Stage::Scanning]);
    world.cloud.clock.set(at("2027-01-17T00:00:00Z"));
    world.reconcile().unwrap();
    let run = runs(&world).remove(0);
    assert_eq!(run.stage, Stage::Void);
    let note = "not every unit could be scanned in time. The tenant's runs work only in its window 01:00-05:00 \
                Europe/Berlin, 4h a day, and grow old outside it too: start them as it opens, have more workers read at \
                once, or widen it";
    assert_eq!(run.note.unwrap(), note);
    assert_eq!((out_of_service(&world), in_service(&world)), (seeds([]), seeds(1..=4)));
}

#[test]
fn whoever_widens_the_window_means_tonight() {
    let (world, wakes) = about_to_scan();
    take_until_the_edge(&world, &wakes, 0);
    world.cloud.clock.set(at("06:00:00"));
    world.round();
    assert_eq!(stages(&world), [Stage::Scanning]);
    let wider = sample().window("01:00-09:00 Europe/Berlin").cadence("0 3 * * * Europe/Berlin");
    world.cloud.control.put_config(&wider.text(), world.now());
    // The window that is in force now has been open since the run began, so nobody left anything on purpose: reconcile
    // finds that it stands still.
    rounds_until(&world, at("07:00:00"), TEN_MINUTES);
    assert_eq!(runs(&world).remove(0).stage, Stage::Applied);
}
