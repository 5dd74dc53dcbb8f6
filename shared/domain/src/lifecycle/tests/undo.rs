//! What the order to take back a run brings back.

use super::*;

const WINDOW_END: EpochSeconds = EpochSeconds(991 * DAY);

fn the_run() -> Run {
    run(Purpose::Verdict, at(990))
}

fn undone_row(row: &VaultRow) -> Verdict {
    let (run, by) = (the_run(), by());
    let undoing = Undoing { run: &run, written_until: WINDOW_END, by: &by, ordered_at: at(999) };
    decide_undo(row, &undoing, &kind(), 3, NOW)
}

fn by_the_run(row: VaultRow) -> VaultRow {
    VaultRow { run: Some(the_run().id), fence: Some(5), ..row }
}

#[test]
fn what_the_run_took_out_comes_back_whoever_sentenced_it_since() {
    let other = VaultRow { run: RunId::parse("200-01"), ..cooling(Trigger::Unreferenced, at(990)) };
    for row in [
        by_the_run(cooling(Trigger::Unreferenced, at(990))),
        leaving(other, at(1001)),
        cooling(Trigger::Unreferenced, WINDOW_END),
        // Sentenced by it, cooled by an earlier run or by idleness.
        leaving(by_the_run(cooling(Trigger::Unreferenced, at(980))), at(1001)),
        leaving(by_the_run(cooling(Trigger::Idle, at(980))), at(1001)),
        // Sentenced by it, and its date was lifted since.
        by_the_run(cooling(Trigger::Idle, at(980))),
    ] {
        let back = after(undone_row(&row), &row);
        assert_eq!((back.phase(), back.reason, back.released_at), (Phase::Active, None, Some(NOW)));
        assert_eq!((back.last_read_at, back.by.clone()), (row.last_read_at, Some(by())));
        assert_eq!(undone_row(&back), Verdict::Keep(Why::Undone), "a second look finds it done");
    }
}

#[test]
fn what_others_took_out_stays_out() {
    for (row, why) in [
        (active(), Why::AlreadyDone),
        (by_the_run(cooling(Trigger::Revoked, at(990))), Why::OtherReason),
        (cooling(Trigger::Unreferenced, EpochSeconds(at(990).0 - 1)), Why::AnotherRun),
        (cooling(Trigger::Unreferenced, EpochSeconds(WINDOW_END.0 + 1)), Why::AnotherRun),
        (cooling(Trigger::Idle, at(990)), Why::AnotherRun),
        // The run brought it back, and idleness took it out later: the run's name still stands on it.
        (by_the_run(cooling(Trigger::Idle, at(995))), Why::AnotherRun),
    ] {
        assert_eq!(undone_row(&row), Verdict::Keep(why), "{row:?}");
    }
}

#[test]
fn what_was_given_back_is_missed_anew_after_a_whole_grace() {
    let row = by_the_run(cooling(Trigger::Unreferenced, at(990)));
    let back = after(undone_row(&row), &row);
    let look = |scan_started_at, prior: Option<Candidate>| {
        let facts = RunFacts { scan_started_at, ..facts(Purpose::Confirm) };
        decide_scanned(&back, 0, prior.as_ref(), &kind(), &facts)
    };
    assert_eq!(look(at(1001), Some(struck_once())), Scanned::Keep(Why::InGrace));
    let first = Candidate { strikes: 1, first_scan_at: EpochSeconds(at(1001).0 + 1) };
    assert_eq!(
        look(first.first_scan_at, Some(struck_once())),
        Scanned::Strike(first),
        "old strikes are gone"
    );
    assert!(matches!(look(at(1002), Some(first)), Scanned::Cool { .. }));
}
