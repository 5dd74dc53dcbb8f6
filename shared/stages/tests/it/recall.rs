//! Recall: tokens that are known to be alive tell a broken scan from an unused vault.

use lethe_domain::plan::PlanPart;
use lethe_domain::row::Phase;
use lethe_domain::run::{Run, Stage};
use lethe_domain::token::TokenId;
use lethe_domain::witness::Witnesses;
use lethe_testkit::{Sample, row, tenant, token};
use serde_json::json;

use crate::driver::{Operator, World};
use crate::world::HOUR;

/// Where the tenant keeps its tokens.
const LAKE: &str = "exports/a.jsonl";

/// Tokens in the lake that nobody reads, so that it never looks emptied.
const UNREAD: std::ops::Range<u64> = 20_000..20_400;

/// A token that no store holds and nobody reads.
fn dead() -> TokenId {
    token(9_000)
}

/// `n` tokens in a lake that were read an hour ago, and a dead one; one campaign a day.
fn read_world(n: u64) -> World {
    let config = Sample::new().tenant("acme").bucket("lake", "acme-lake", "exports/", "jsonl").cadence("24h");
    let mut world = World::new(&config.text());
    world.settings.plan_rows = 100;
    world.stores.objects.create("acme-lake");
    let read_at = world.now().minus(HOUR);
    for seed in 1..=n {
        world.cloud.vault.insert(row("acme", &token(seed)).read_at(read_at));
    }
    for seed in UNREAD {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    world.cloud.vault.insert(row("acme", &dead()));
    world.fill(1..=n, |token| token);
    world.round_quietly();
    world
}

impl World {
    /// Writes the lake anew: these tokens, each as `written` writes it, and those that nobody reads.
    fn fill(&self, seeds: impl Iterator<Item = u64>, written: impl Fn(String) -> String) {
        let lines =
            seeds.map(|seed| format!("{{\"id\":\"{}\"}}\n", written(token(seed).expose().to_owned())));
        let unread = UNREAD.map(|seed| format!("{{\"id\":\"{}\"}}\n", token(seed).expose()));
        self.stores.objects.put("acme-lake", LAKE, lines.chain(unread).collect::<String>().as_bytes());
    }

    /// Somebody reads these tokens, so that they stay witnesses.
    fn read_all(&self, seeds: std::ops::RangeInclusive<u64>) {
        let tokens: Vec<String> = seeds.map(|seed| token(seed).expose().to_owned()).collect();
        for tokens in tokens.chunks(100) {
            self.command(
                &json!({ "v": 1, "tenant": "acme", "command": "read", "tokens": tokens }).to_string(),
            );
        }
    }

    fn runs_at(&self, stage: Stage) -> Vec<Run> {
        self.cloud.control.all_runs().into_iter().filter(|run| run.stage == stage).collect()
    }

    /// Rounds until a run of this stage is there.
    fn until(&self, stage: Stage) -> Run {
        for _ in 0..30 {
            if let Some(run) = self.runs_at(stage).pop() {
                return run;
            }
            self.round();
            self.cloud.clock.advance(HOUR);
        }
        panic!("no run came to {stage:?}: {:?}", self.cloud.control.all_runs());
    }

    fn taken(&self) -> Vec<TokenId> {
        let phases = self.phases().into_iter();
        phases.filter(|(_, phase)| *phase != Phase::Active).map(|(token, _)| token).collect()
    }
}

fn note_of(run: &Run) -> String {
    run.note.clone().unwrap_or_default()
}

fn witnesses(n_found: u64, n_witnesses: u64) -> Witnesses {
    Witnesses { n_witnesses, n_found }
}

#[test]
fn the_first_recall_is_accepted_by_a_person_and_then_the_dead_token_goes_alone() {
    let world = read_world(300);
    world.operator.set(Operator::Away);
    let waiting = world.until(Stage::Gated);
    assert!(note_of(&waiting).contains("measured for the first time: 100.00 %"), "{}", note_of(&waiting));
    assert!(!note_of(&waiting).contains("tokens only"), "300 suffice: {}", note_of(&waiting));
    assert_eq!(waiting.measured.witnesses["vault"], witnesses(300, 300));
    assert_eq!(world.cloud.vault.n_writes(), 0);
    world.approve_waiting("acme");
    world.rounds(2, HOUR);
    assert_eq!(world.taken(), [dead()]);
    // What a person accepted goes on from run to run: nobody is asked again.
    world.cloud.vault.insert(row("acme", &token(9_001)));
    world.rounds(36, HOUR);
    assert_eq!(world.runs_at(Stage::Gated), []);
    assert!(world.taken().contains(&token(9_001)));
}

#[test]
fn one_witness_less_than_the_least_asks_a_person_each_time() {
    let world = read_world(299);
    world.operator.set(Operator::Away);
    let waiting = world.until(Stage::Gated);
    assert!(
        note_of(&waiting).contains("of 299 tokens only, with 300 to rely on it"),
        "{}",
        note_of(&waiting)
    );
    world.approve_waiting("acme");
    world.rounds(2, HOUR);
    assert_eq!(world.taken(), [dead()]);
    world.cloud.vault.insert(row("acme", &token(9_001)));
    let again = world.until(Stage::Gated);
    assert!(again.id > waiting.id && note_of(&again).contains("of 299 tokens only"), "{}", note_of(&again));
    assert!(!note_of(&again).contains("first time"), "{}", note_of(&again));
}

/// A world whose recall of 100 % was accepted, with a campaign under way that finds what the lake holds from now on.
fn accepted_world() -> World {
    let world = read_world(300);
    world.rounds(10, HOUR);
    assert_eq!(world.taken(), [dead()]);
    world.operator.set(Operator::Away);
    world
}

#[test]
fn a_store_that_turns_to_an_encoding_nobody_undoes_voids_every_run_and_takes_no_token() {
    let world = accepted_world();
    world.fill(1..=300, |token| token.chars().rev().collect());
    let void = world.until(Stage::Void);
    for part in
        ["recall of kind vault fell to 0.00 %", "0 of 300", "another format or encoding", "lethe accept acme"]
    {
        assert!(note_of(&void).contains(part), "{part}: {}", note_of(&void));
    }
    world.rounds(30, HOUR);
    assert_eq!(world.taken(), [dead()]);
    // Written as before, the next run is good again.
    world.fill(1..=300, |token| token);
    world.cloud.vault.insert(row("acme", &token(9_001)));
    world.rounds(40, HOUR);
    assert!(world.taken().contains(&token(9_001)));
    assert!((1..=300).all(|seed| world.phases()[&token(seed)] == Phase::Active));
}

#[test]
fn void_runs_without_end_do_not_wear_recall_out() {
    let world = accepted_world();
    world.operator.set(Operator::Approves);
    world.fill(1..=300, |token| token.chars().rev().collect());
    for _ in 0..20 {
        world.read_all(1..=300);
        world.rounds(6, 4 * HOUR);
    }
    let n_void = world.runs_at(Stage::Void).len();
    assert!(50 < n_void, "only {n_void} void runs");
    assert_eq!(world.taken(), [dead()]);
}

#[test]
fn a_fall_of_two_points_voids_and_a_smaller_one_does_not() {
    // 295 of 300 are 98.33 %, 294 are 98 %.
    for (n_found, is_void) in [(295, false), (294, true)] {
        let world = accepted_world();
        world.fill(1..=n_found, |token| token);
        // Two more campaigns: in the first the grace of what was read still holds.
        world.rounds(44, HOUR);
        let measured: Vec<_> = world.runs_at(Stage::Void).into_iter().map(|run| run.measured).collect();
        assert_eq!(
            measured.iter().any(|all| all.witnesses["vault"] == witnesses(n_found, 300)),
            is_void,
            "{n_found}"
        );
        assert_eq!(world.taken() == [dead()], is_void, "{n_found}: {} taken", world.taken().len());
    }
}

#[test]
fn a_store_that_nobody_registered_voids_every_run_until_it_is_there_or_a_person_accepts_it() {
    // 262 of 300 may be 90 % by chance: a person may wave that through. One less may not.
    for (from, is_void) in [(39, false), (40, true)] {
        let world = read_world(300);
        world.operator.set(Operator::Away);
        world.fill(from..=300, |token| token);
        let run = world.until(if is_void { Stage::Void } else { Stage::Gated });
        assert_eq!(run.measured.witnesses["vault"], witnesses(301 - from, 300));
        assert!(!is_void || note_of(&run).contains("only 261 of 300 tokens"), "{}", note_of(&run));
    }
    for is_accepted in [false, true] {
        let world = read_world(300);
        world.fill(151..=300, |token| token);
        let void = world.until(Stage::Void);
        for part in ["only 150 of 300 tokens", "a store that is not registered", "lethe accept acme"] {
            assert!(note_of(&void).contains(part), "{part}: {}", note_of(&void));
        }
        world.rounds(30, HOUR);
        assert_eq!((world.taken(), world.cloud.vault.n_writes()), (vec![], 0));
        if is_accepted {
            world.accept(&void);
        } else {
            world.fill(1..=300, |token| token);
        }
        world.read_all(1..=300);
        world.rounds(20, HOUR);
        assert_eq!(world.taken(), [dead()]);
    }
}

#[test]
fn tokens_of_a_store_that_nobody_registered_are_counted_and_listed_by_fingerprint() {
    let world = read_world(300);
    world.operator.set(Operator::Away);
    // Ten of them live somewhere else: they are read, and no source holds them.
    world.fill(11..=300, |token| token);
    let waiting = world.until(Stage::Gated);
    assert_eq!(waiting.measured.witnesses["vault"], witnesses(290, 300));
    assert_eq!(waiting.measured.n_elsewhere(), 10);
    assert!(waiting.notes.iter().any(|note| note.contains("10 of 300 tokens")), "{:?}", waiting.notes);
    let keys = world.cloud.control.keys_now(&tenant("acme")).unwrap();
    let mut expected: Vec<String> = (1..=10).map(|seed| keys.fingerprint(&token(seed)).to_string()).collect();
    let prefix = format!("plans/acme/{}/", waiting.id);
    let objects = world.cloud.work.objects();
    let parts = objects.iter().filter(|(key, _)| key.starts_with(&prefix) && key.contains('-'));
    let parts = parts.filter_map(|(_, bytes)| serde_json::from_slice::<PlanPart>(bytes).ok());
    let mut listed: Vec<String> = parts.flat_map(|part| part.elsewhere).collect();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

#[test]
fn without_a_read_feed_every_plan_says_so_and_the_first_purge_waits() {
    let world = read_world(0);
    world.operator.set(Operator::Away);
    world.fill(1..=1, |token| token);
    world.cloud.vault.insert(row("acme", &token(1)));
    let waiting = world.until(Stage::Gated);
    assert!(note_of(&waiting).contains("recall of kind vault is not measured"), "{}", note_of(&waiting));
    world.approve_waiting("acme");
    world.rounds(2, HOUR);
    assert_eq!(world.taken(), [dead()]);
    world.cloud.vault.insert(row("acme", &token(9_001)));
    world.rounds(36, HOUR);
    assert!(world.taken().contains(&token(9_001)), "it was accepted once");
    for run in world.cloud.control.all_runs().iter().filter(|run| run.plan_hash.is_some()) {
        assert!(run.notes.iter().any(|note| note.contains("is not measured")), "{run:?}");
    }
}

#[test]
fn references_that_no_row_answers_are_counted_once_however_many_stores_and_parts_there_are() {
    let mut world = read_world(20);
    // Parts of thirty rows: what dangles is known at the last of them.
    world.settings.plan_rows = 30;
    world.fill((1..=20).chain([7_001, 7_002]), |token| token);
    let copy = format!("{{\"id\":\"{}\"}}\n", token(7_002).expose());
    world.stores.objects.put("acme-lake", "exports/b.jsonl", copy.as_bytes());
    // A row of a kind that is not scanned for answers all the same.
    world.cloud.vault.insert(row("acme", &token(7_003)).kind("session"));
    let answered = format!("{{\"id\":\"{}\"}}\n", token(7_003).expose());
    world.stores.objects.put("acme-lake", "exports/c.jsonl", answered.as_bytes());
    world.rounds(1, HOUR);
    let run = world.until(Stage::Applied);
    assert_eq!((run.measured.dangling.n_tokens, run.measured.dangling.is_cut), (2, false));
}
