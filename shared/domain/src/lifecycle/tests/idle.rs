//! Idleness that the scan must confirm: a token goes only if it is unread for its window and in no store either.

use super::*;
use crate::read_feed::{HourOfReads, ReadFeed};

const HOUR: i64 = 3_600;
/// The kind's window: 90 days and one granularity.
const WINDOW: i64 = 90 * DAY + HOUR;

/// Idle tokens wait for the scan, and being unreferenced alone is no reason.
fn joined() -> KindPolicy {
    let idle_requires = IdleRequires::Unreferenced;
    KindPolicy { idle_requires, ..kind_where(Trigger::Unreferenced, |rule| rule.action = Action::Ignore) }
}

/// Last seen so many seconds before the scan.
fn unread_for(seconds: i64) -> VaultRow {
    VaultRow { created_at: EpochSeconds(NOW.0 - seconds).to_millis(), ..active() }
}

fn look(row: &VaultRow, found: u64, kind: &KindPolicy, (purpose, silence): (Purpose, &Silence)) -> Scanned {
    let facts = RunFacts { silence, ..facts(purpose) };
    decide_scanned(row, found, Some(&struck_once()), kind, &facts)
}

/// A feed that was alive in every hour up to the scan but for those from one moment up to another.
fn alive_but_for(gap: std::ops::Range<i64>) -> Silence {
    let hours = (0..NOW.0 / HOUR).map(|hour| hour * HOUR).filter(|from| !gap.contains(from));
    let reads = hours.map(|from| (EpochSeconds(from), HourOfReads { n_reads: 0, n_canaries: 1 })).collect();
    let step = Duration::from_hours(1);
    Silence::Proven { feed: ReadFeed::of(&reads, step, 50, NOW), step }
}

const TRUSTED: (Purpose, &Silence) = (Purpose::Confirm, &Silence::Trusted);

#[test]
fn a_token_goes_if_it_is_both_idle_and_unreferenced() {
    let candidate = Candidate { strikes: 2, first_scan_at: at(998) };
    let cool = Scanned::Cool { reason: Trigger::Idle, candidate };
    let (idle, read) = (unread_for(WINDOW), unread_for(WINDOW - 1));
    assert_eq!(look(&idle, 0, &joined(), TRUSTED), cool);
    assert_eq!(look(&idle, 1, &joined(), TRUSTED), Scanned::Keep(Why::Referenced), "a store holds it");
    assert_eq!(look(&read, 0, &joined(), TRUSTED), Scanned::Keep(Why::NotIdle), "it was read lately");
    // Told of late, the read counts all the same.
    let read = VaultRow { last_read_at: Some(EpochSeconds(NOW.0 - WINDOW + 1)), ..unread_for(2 * WINDOW) };
    assert_eq!(look(&read, 0, &joined(), TRUSTED), Scanned::Keep(Why::NotIdle));
}

#[test]
fn only_misses_of_an_idle_token_are_strikes() {
    let facts = RunFacts { silence: &Silence::Trusted, ..facts(Purpose::Discovery) };
    let first = Candidate { strikes: 1, first_scan_at: NOW };
    assert_eq!(decide_scanned(&unread_for(WINDOW), 0, None, &joined(), &facts), Scanned::Strike(first));
    let read = unread_for(WINDOW - 1);
    assert_eq!(decide_scanned(&read, 0, None, &joined(), &facts), Scanned::Keep(Why::NotIdle));
    // As many as the rule of what is unreferenced asks for, also where that rule is ignored.
    let mut thrice = joined();
    thrice.rules.get_mut(&Trigger::Unreferenced).unwrap().strikes = 3;
    assert!(matches!(look(&unread_for(WINDOW), 0, &thrice, TRUSTED), Scanned::Strike(_)));
}

#[test]
fn what_is_unreferenced_alone_goes_where_the_policy_asks_for_that_too() {
    let both = KindPolicy { idle_requires: IdleRequires::Unreferenced, ..kind() };
    let second = Candidate { strikes: 2, first_scan_at: at(998) };
    for row in [unread_for(WINDOW), unread_for(WINDOW - 1)] {
        assert_eq!(look(&row, 0, &both, TRUSTED), cool(second));
    }
}

#[test]
fn a_kind_that_says_nothing_of_it_is_decided_as_ever() {
    let alone = kind_where(Trigger::Unreferenced, |rule| rule.action = Action::Ignore);
    assert_eq!(look(&unread_for(WINDOW), 0, &alone, TRUSTED), Scanned::Keep(Why::Ignored));
    assert!(matches!(due(&unread_for(WINDOW)), Verdict::Change(Change::Cool { .. })));
    let ignored = KindPolicy { idle_requires: IdleRequires::Unreferenced, ..ignoring(Trigger::Idle) };
    assert_eq!(look(&unread_for(WINDOW), 0, &ignored, TRUSTED), Scanned::Keep(Why::Ignored));
}

/// With being unreferenced ignored too.
fn ignoring(trigger: Trigger) -> KindPolicy {
    let mut kind = joined();
    kind.rules.get_mut(&trigger).unwrap().action = Action::Ignore;
    kind
}

#[test]
fn what_nobody_can_know_keeps_it() {
    let row = unread_for(WINDOW);
    for (silence, goes) in [
        (Silence::Unknown, false),
        (Silence::Proven { feed: ReadFeed::default(), step: Duration::from_hours(1) }, false),
        (alive_but_for(0..0), true),
        // An hour without a canary makes the window longer by its length.
        (alive_but_for(at(950).0..at(950).0 + 1), false),
    ] {
        let verdict = look(&row, 0, &joined(), (Purpose::Confirm, &silence));
        assert_eq!(matches!(verdict, Scanned::Cool { .. }), goes, "{silence:?}: {verdict:?}");
    }
}

#[test]
fn no_timer_cools_what_the_scan_must_miss_too() {
    let row = VaultRow { due_at: Some(at(900)), ..unread_for(WINDOW) };
    let due = |row: &VaultRow| decide_due(row, vouched_for(row), &joined(), 4, NOW);
    let rested = after(due(&row), &row);
    assert_eq!((rested.phase(), rested.due_at), (Phase::Active, None));
    assert_eq!(due(&rested), Verdict::Keep(Why::NotDue), "and it is looked at once");
    let ends = VaultRow { expires_at: Some(now_plus(DAY)), ..row.clone() };
    assert_eq!(due(&ends), Verdict::Change(Change::Rearm { due_at: Some(now_plus(DAY)) }));
    let ended = VaultRow { expires_at: Some(NOW), ..row.clone() };
    assert!(matches!(due(&ended), Verdict::Change(Change::Cool { reason: Trigger::Expired, .. })));
    // What nothing scans for would never go.
    let unscanned = KindPolicy { format: None, ..joined() };
    let verdict = decide_due(&row, vouched_for(&row), &unscanned, 4, NOW);
    assert!(matches!(verdict, Verdict::Change(Change::Cool { reason: Trigger::Idle, .. })));
}

/// Taken out of service for idleness when its window was over, so long before the scan.
fn cooling_for(seconds: i64) -> VaultRow {
    let since = EpochSeconds(NOW.0 - seconds);
    VaultRow { created_at: since.minus(days(91)).to_millis(), ..cooling(Trigger::Idle, since) }
}

#[test]
fn the_verdict_holds_the_same_condition_again() {
    let cool_off = 7 * DAY;
    let verdict =
        |row: &VaultRow, found, silence: &Silence| look(row, found, &joined(), (Purpose::Verdict, silence));
    let over = cooling_for(cool_off);
    assert!(matches!(verdict(&over, 0, &Silence::Trusted), Scanned::Sentence(_)));
    assert!(matches!(verdict(&over, 0, &alive_but_for(0..0)), Scanned::Sentence(_)));
    assert!(matches!(verdict(&over, 1, &Silence::Trusted), Scanned::Reinstate { .. }), "a store holds it");
    let read = VaultRow { last_read_at: over.cooling_since, ..over.clone() };
    assert!(matches!(verdict(&read, 0, &Silence::Trusted), Scanned::Reinstate { .. }), "it was read");
    let early = cooling_for(cool_off - 1);
    assert_eq!(verdict(&early, 0, &Silence::Trusted), Scanned::Keep(Why::CoolingOff));
    assert_eq!(verdict(&over, 0, &Silence::Unknown), Scanned::Keep(Why::NotIdle), "nobody can know");
    let longer = KindPolicy { idle_after: Some(days(100)), ..joined() };
    let kept = look(&over, 0, &longer, (Purpose::Verdict, &Silence::Trusted));
    assert_eq!(kept, Scanned::Keep(Why::NotIdle), "the window is longer now");
    // Only idleness asks for silence.
    let unreferenced = VaultRow { reason: Some(Trigger::Unreferenced), ..over };
    let both = KindPolicy { idle_requires: IdleRequires::Unreferenced, ..kind() };
    assert!(matches!(
        look(&unreferenced, 0, &both, (Purpose::Verdict, &Silence::Unknown)),
        Scanned::Sentence(_)
    ));
}

#[test]
fn a_feed_that_died_in_the_cool_off_makes_it_longer() {
    let (gap, cool_off) = (at(995).0..at(995).0 + 5 * HOUR, 7 * DAY);
    let feed = alive_but_for(gap);
    // One hour may be the one that the scan began in.
    let first = cool_off + 4 * HOUR;
    let verdict = |row: &VaultRow, purpose| look(row, 0, &joined(), (purpose, &feed));
    assert_eq!(verdict(&cooling_for(first - 1), Purpose::Verdict), Scanned::Keep(Why::NotIdle));
    assert!(matches!(verdict(&cooling_for(first), Purpose::Verdict), Scanned::Sentence(_)));
    // Nor does it wait for a verdict that could not be given: the next campaign looks again.
    assert_eq!(verdict(&cooling_for(first - 1), Purpose::Discovery), Scanned::Keep(Why::NotIdle));
    assert_eq!(verdict(&cooling_for(first), Purpose::Discovery), Scanned::Keep(Why::CoolingOff));
    assert_eq!(verdict(&cooling_for(cool_off - 1), Purpose::Discovery), Scanned::Keep(Why::CoolingOff));
}
