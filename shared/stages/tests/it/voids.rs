//! Missing is not empty: whatever cannot be read makes the run void, and no token changes state.

use futures::executor::block_on;
use lethe_domain::row::Phase;
use lethe_domain::run::{Purpose, Run, RunId, Stage};
use lethe_sources::SourceError;
use lethe_stages::ports::{Control, RunRef};
use lethe_stages::work_keys;
use lethe_testkit::{Sample, row, tenant, token};

use crate::driver::World;
use crate::world::{HOUR, cold_store};

fn void_note(world: &World) -> String {
    let runs = world.cloud.control.all_runs();
    let void = runs.iter().find(|run| run.stage == Stage::Void);
    void.unwrap_or_else(|| panic!("no void run in {runs:?}")).note.clone().unwrap()
}

fn assert_untouched(world: &World) {
    assert!(world.phases().values().all(|phase| *phase == Phase::Active));
    assert_eq!(world.cloud.vault.n_writes(), 0);
}

#[test]
fn a_source_that_is_not_there_voids_the_run() {
    let world = cold_store();
    world.stores.objects.refuse(Some(SourceError::Missing));
    world.rounds(12, HOUR);
    assert!(void_note(&world).contains("lake"), "{}", void_note(&world));
    assert_untouched(&world);
}

#[test]
fn a_table_that_is_not_there_voids_the_run() {
    let world = cold_store();
    world.stores.tables.refuse(Some(SourceError::Denied { code: "AccessDenied".to_owned() }));
    world.rounds(12, HOUR);
    assert!(void_note(&world).contains("orders"), "{}", void_note(&world));
    assert_untouched(&world);
}

#[test]
fn an_object_that_ends_early_voids_the_run() {
    let world = cold_store();
    let whole = zstd::encode_all(token(1).expose().repeat(50).as_bytes(), 3).unwrap();
    world.stores.objects.put("acme-lake", "exports/cut.jsonl.zst", &whole[..whole.len() - 4]);
    world.rounds(12, HOUR);
    assert!(void_note(&world).contains("lake"), "{}", void_note(&world));
    assert_untouched(&world);
}

#[test]
fn a_mark_file_cut_short_or_altered_voids_the_run() {
    for alter in [
        |bytes: &[u8]| bytes[..bytes.len() - 3].to_vec(),
        |bytes: &[u8]| {
            let mut altered = bytes.to_vec();
            let last = altered.len() - 5;
            altered[last] ^= 1;
            altered
        },
    ] {
        let world = cold_store();
        world.survey().unwrap();
        // Every unit but the last is scanned, then one of the files is damaged.
        let mut wakes = world.cloud.scan_queue.drain();
        let last = wakes.pop().unwrap();
        for wake in &wakes {
            world.take(wake).unwrap();
        }
        let run = RunRef::from(&world.cloud.control.all_runs()[0]);
        let key = work_keys::marks(&run, 0, 0);
        let bytes = world.cloud.work.objects()[&key].clone();
        world.cloud.work.overwrite(&key, alter(&bytes));
        world.take(&last).unwrap();
        assert!(void_note(&world).contains("marks"), "{}", void_note(&world));
        assert_untouched(&world);
    }
}

#[test]
fn a_void_run_of_one_tenant_does_not_hold_up_another() {
    let config = Sample::new()
        .tenant("acme")
        .bucket("lake", "acme-lake", "exports/", "jsonl")
        .tenant("globex")
        .bucket("lake", "globex-lake", "", "text")
        .cadence("30d");
    let world = World::new(&config.text());
    world.stores.objects.create("globex-lake");
    world.cloud.vault.insert(row("acme", &token(1)));
    world.cloud.vault.insert(row("globex", &token(2)));
    world.cloud.vault.insert(row("globex", &token(3)));
    world.stores.objects.put("globex-lake", "notes.txt", token(3).expose().as_bytes());
    world.rounds(8, HOUR);
    assert_eq!(world.phases()[&token(1)], Phase::Active);
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
    assert_eq!(world.phases()[&token(3)], Phase::Active);
}

#[test]
fn a_store_that_does_not_answer_holds_up_no_other_tenant() {
    let config = Sample::new()
        .tenant("acme")
        .bucket("lake", "acme-lake", "exports/", "jsonl")
        .tenant("globex")
        .table("orders", "globex-orders", 2)
        .cadence("30d");
    let world = World::new(&config.text());
    world.stores.objects.refuse(Some(SourceError::Unreachable { code: "timeout".to_owned() }));
    world.stores.tables.create("globex-orders");
    world.cloud.vault.insert(row("acme", &token(1)));
    world.cloud.vault.insert(row("globex", &token(2)));
    world.cloud.vault.insert(row("globex", &token(3)));
    world.store("globex-orders", &token(3));
    world.rounds(8, HOUR);
    assert_eq!(world.phases()[&token(1)], Phase::Active);
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
    assert_eq!(world.phases()[&token(3)], Phase::Active);
}

#[test]
fn a_void_discovery_run_is_taken_again_and_the_campaign_goes_on() {
    let world = cold_store();
    world.stores.objects.refuse(Some(SourceError::Missing));
    world.rounds(3, HOUR);
    assert_untouched(&world);
    world.stores.objects.refuse(None);
    world.rounds(12, HOUR);
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
    assert_eq!(world.phases()[&token(4)], Phase::Active);
}

#[test]
fn a_void_run_neither_raises_nor_drops_strikes() {
    let world = cold_store();
    world.rounds(2, HOUR);
    // The confirming run meets a source that is gone; it is booked again and succeeds.
    world.stores.objects.refuse(Some(SourceError::Missing));
    world.rounds(5, HOUR);
    assert_untouched(&world);
    world.stores.objects.refuse(None);
    world.rounds(8, HOUR);
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
    assert_eq!(world.phases()[&token(4)], Phase::Active);
}

/// In how many hours a run that is void as the `ordinal`th of its campaign is booked again, if it is.
fn booked_after(ordinal: u8, has_later_campaign: bool) -> Option<i64> {
    let config = Sample::new().tenant("acme").table("orders", "acme-orders", 1).cadence("365d").text();
    let world = World::new(&config);
    let (of, now) = (tenant("acme"), world.now());
    let id = |slot, ordinal| RunId { slot, ordinal };
    // No table is there, so that nothing can be read.
    let book = |id| Run::booked(of.clone(), id, Purpose::Discovery, now, now);
    assert!(block_on(world.cloud.control.create_run(&book(id(now, ordinal)))).unwrap());
    if has_later_campaign {
        let later = book(id(now.plus(HOUR), 1)).voided("as an example", now);
        assert!(block_on(world.cloud.control.create_run(&later)).unwrap());
    }
    world.rounds(3, HOUR / 60);
    let runs = world.cloud.control.all_runs();
    assert!(runs.iter().any(|run| run.id == id(now, ordinal) && run.stage == Stage::Void), "{runs:?}");
    let booked = runs.into_iter().find(|run| run.stage == Stage::Booked)?;
    Some((booked.resume_at.unwrap().0 - now.0) / 3600)
}

#[test]
fn after_a_week_of_void_runs_one_a_day_is_tried_until_the_next_campaign() {
    for (ordinal, has_later_campaign, expected) in [
        (31, false, Some(4)),
        (31, true, Some(4)),
        (32, false, Some(24)),
        (32, true, None),
        (98, false, Some(24)),
        (99, false, None),
    ] {
        assert_eq!(booked_after(ordinal, has_later_campaign), expected, "{ordinal}");
    }
}
