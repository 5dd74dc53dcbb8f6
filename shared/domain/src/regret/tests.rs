use super::*;
use crate::audit::{Entry, Event, token_partition};
use crate::config::Config;
use crate::lifecycle::{Change, Decided, Then};
use crate::row::StoredRow;
use crate::time::EpochSeconds;
use crate::token::TenantId;

const AT: EpochSeconds = EpochSeconds(1_000);

fn active() -> VaultRow {
    let stored = StoredRow {
        pk: "acme#0000".into(),
        sk: "tok_a".into(),
        kind: "vault".into(),
        state: "active".into(),
        is_valid: true,
        version: 7,
        ..StoredRow::default()
    };
    VaultRow::try_from(stored).unwrap()
}

fn run_id(n: u8) -> RunId {
    RunId::parse(&format!("100-{n:02}")).unwrap()
}

fn cool(row: &VaultRow, reason: Trigger, decided: Decided) -> VaultRow {
    Change::Cool { reason, since: AT, then: Then::Wait, decided }.apply(row)
}

fn sentence(row: &VaultRow, decided: Decided) -> VaultRow {
    Change::Sentence { purge_at: AT, decided }.apply(row)
}

fn back(row: &VaultRow) -> VaultRow {
    Change::Reinstate { due_at: None, read_at: None, decided: Decided::by_timer(9) }.apply(row)
}

fn policy(trigger: Trigger, version: u64) -> PolicyVersion {
    PolicyVersion { kind: "vault".into(), trigger, config: version }
}

fn by_run_of(policy: u64, n: u8) -> Decided {
    Decided::by_run(policy, run_id(n), 1)
}

fn by(policy: PolicyVersion, run: Option<u8>) -> Decision {
    Decision { policy, run: run.map(run_id) }
}

#[test]
fn what_stays_in_service_is_not_taken_and_nothing_is_regretted() {
    let stamped = Change::Stamp { last_read_at: AT }.apply(&active());
    assert_eq!((taken(Some(&active()), &stamped), revived(&active(), &stamped, None)), (None, None));
    assert_eq!(taken(None, &active()), None);
    assert!(by_policy(&Regrets::new()).is_empty());
}

#[test]
fn only_what_was_found_unused_counts() {
    for trigger in Trigger::ALL {
        let cooled = cool(&active(), trigger, Decided::by_timer(3));
        let expected = trigger.is_revivable().then(|| by(policy(trigger, 3), None));
        assert_eq!(taken(Some(&active()), &cooled), expected, "{trigger:?}");
        assert_eq!(revived(&cooled, &back(&cooled), None), expected, "{trigger:?}");
        assert_eq!(revived(&cooled, &cooled, None), None);
    }
    assert_eq!(taken(None, &cool(&active(), Trigger::Idle, Decided::by_timer(3))), None, "taken elsewhere");
}

#[test]
fn whoever_sentences_for_an_earlier_version_takes_it_on_its_own_account() {
    let cooled = cool(&active(), Trigger::Unreferenced, by_run_of(3, 1));
    assert_eq!(taken(Some(&active()), &cooled), Some(by(policy(Trigger::Unreferenced, 3), Some(1))));
    assert_eq!(taken(Some(&cooled), &sentence(&cooled, by_run_of(3, 2))), None, "counted when it cooled");
    let sentenced = sentence(&cooled, by_run_of(4, 2));
    let last = Some(by(policy(Trigger::Unreferenced, 4), Some(2)));
    assert_eq!(taken(Some(&cooled), &sentenced), last);
    assert_eq!(taken(Some(&sentenced), &sentenced), None);
    // Its return counts where its last taking does.
    assert_eq!(revived(&sentenced, &back(&sentenced), None), last);
}

#[test]
fn a_return_counts_against_the_run_that_took_the_token_and_the_clock_is_no_run() {
    let config = Config::parse(include_str!("../../../../lethe.example.toml")).unwrap();
    let alone = config.kinds["vault"].clone();
    let idle_requires = crate::policy::IdleRequires::Unreferenced;
    let joined = KindPolicy { idle_requires, ..alone.clone() };
    // A run wrote it once, and brought it back.
    let before = VaultRow { run: Some(run_id(1)), ..active() };
    let idle = cool(&before, Trigger::Idle, Decided::by_timer(3));
    let run_of = |row: &VaultRow, kind| revived(row, &back(row), kind).unwrap().run;
    assert_eq!(taken(Some(&before), &idle).unwrap().run, None, "the clock took it");
    assert_eq!(run_of(&idle, Some(&alone)), None);
    assert_eq!(run_of(&idle, None), None);
    let by_scan = cool(&before, Trigger::Idle, by_run_of(3, 2));
    assert_eq!(taken(Some(&before), &by_scan).unwrap().run, Some(run_id(2)));
    assert_eq!(run_of(&by_scan, Some(&joined)), Some(run_id(2)));
    assert_eq!(run_of(&sentence(&idle, by_run_of(3, 3)), Some(&alone)), Some(run_id(3)), "a run dated it");
}

#[test]
fn issuing_a_token_again_is_no_regret() {
    let cooled = cool(&active(), Trigger::Idle, Decided::by_timer(3));
    let reissued = VaultRow { created_at: crate::time::EpochMillis(5), ..back(&cooled) };
    assert_eq!(revived(&cooled, &reissued, None), None);
}

fn count(n_taken: u64, n_revived: u64, n_asked_after: u64) -> RegretCount {
    RegretCount { n_taken, n_revived, n_asked_after }
}

#[test]
fn each_policy_and_each_run_has_its_own_sum() {
    let idle = |config| policy(Trigger::Idle, config);
    let regrets = Regrets::from([
        (by(idle(3), Some(1)), count(200, 2, 0)),
        (by(idle(3), None), count(50, 0, 1)),
        (by(idle(4), Some(2)), count(0, 0, 1)),
        (by(policy(Trigger::Unreferenced, 3), Some(1)), count(5, 0, 0)),
    ]);
    let expected = [
        (idle(3), count(250, 2, 1)),
        (idle(4), count(0, 0, 1)),
        (policy(Trigger::Unreferenced, 3), count(5, 0, 0)),
    ];
    assert_eq!(by_policy(&regrets), expected.into());
    assert_eq!(by_run(&regrets), [(run_id(1), count(205, 2, 0)), (run_id(2), count(0, 0, 1))].into());
    let mut one = RegretCount::default();
    for (outcome, n_tokens) in [(Outcome::Taken, 7), (Outcome::Revived, 2), (Outcome::AskedAfter, 1)] {
        one.add(outcome, n_tokens);
    }
    assert_eq!(one, count(7, 2, 1));
}

#[test]
fn a_share_is_of_what_was_taken() {
    let share = |n_taken, n_revived, n_asked| count(n_taken, n_revived, n_asked).per_ten_thousand();
    assert_eq!(share(0, 0, 0), None);
    assert_eq!(share(0, 3, 0), None, "nobody knows of how many");
    assert_eq!([share(200, 2, 1), share(3, 1, 1), share(5, 0, 0)], [Some(150), Some(6_666), Some(0)]);
    assert_eq!(share(1, u64::MAX, u64::MAX), Some(u64::MAX));
}

fn item(event: Event, by: Option<(u64, u8)>, entries: &[(u8, u64, Standing, Option<Trigger>)]) -> AuditItem {
    let entries = entries.iter().map(|(token, version, to, reason)| Entry {
        fingerprint: Fingerprint([*token; 16]),
        version: RowVersion(*version),
        from: Standing::Active,
        to: *to,
        reason: *reason,
    });
    AuditItem {
        run: by.map(|(_, run)| run_id(run).to_string()),
        policy: by.map(|(policy, _)| policy),
        entries: entries.collect(),
        ..AuditItem::new(token_partition(&TenantId::new("acme").unwrap(), 0), "1".into(), event, AT)
    }
}

#[test]
fn the_record_tells_which_of_the_tokens_left_and_who_took_them() {
    let unreferenced = Some(Trigger::Unreferenced);
    let items = [
        item(
            Event::Cooled,
            Some((3, 1)),
            &[(1, 8, Standing::Cooling, unreferenced), (2, 8, Standing::Cooling, None)],
        ),
        item(Event::Sentenced, Some((4, 2)), &[(1, 9, Standing::Sentenced, unreferenced)]),
        item(
            Event::Archived,
            None,
            &[(1, 9, Standing::Archived, unreferenced), (3, 5, Standing::Erased, None)],
        ),
        item(Event::Archived, None, &[(9, 9, Standing::Archived, unreferenced)]),
    ];
    let asked = || Asked::new([1, 2, 3, 4].map(|token| Fingerprint([token; 16])));
    let (mut forwards, mut backwards) = (asked(), asked());
    for item in &items {
        forwards.see(item);
    }
    for item in items.iter().rev() {
        backwards.see(item);
    }
    assert!(!forwards.is_answered());
    let found = forwards.gone();
    assert_eq!(found, backwards.gone(), "in whatever order it is read");
    let of = |token, version, trigger, config, run| Gone {
        fingerprint: Fingerprint([token; 16]),
        version: RowVersion(version),
        trigger,
        config,
        run,
    };
    let expected = [
        of(1, 9, Trigger::Unreferenced, 4, Some(run_id(2))),
        // A known end: nobody took it out of service.
        of(3, 5, Trigger::Expired, 0, None),
    ];
    assert_eq!(found, expected, "what cools is still there, and what nobody knows was never there");
    let mut one = Asked::new([Fingerprint([1; 16])]);
    items.iter().take(3).for_each(|item| one.see(item));
    assert!(one.is_answered());
}
