//! The empty guard and the shrink breaker: a source that holds nothing or much less than it did is more often a wiped
//! store, a lost right or a changed format than a clean-up.

use super::Finding;
use crate::run::{Baseline, Run};
use crate::source::SourceTotals;

/// Judges what each source of a run holds beside what it held in the last good run. A source that is new has nothing to
/// be compared with.
pub(super) fn judge(run: &Run, before: &Baseline, shrink_percent: u8) -> Vec<Finding> {
    let known = run.sources.iter().filter_map(|(name, now)| Some((name, now, before.sources.get(name)?)));
    let found = known.filter_map(|(name, now, held)| {
        let seen = is_emptied(now, held).then(|| "no references".to_owned());
        let seen = seen.or_else(|| shrunk(now, held, shrink_percent))?;
        Some(Finding::Void(told(name, &seen, (now, held), (run, before))))
    });
    found.collect()
}

/// Guard: what held references and holds none is not empty until a person says so.
fn is_emptied(now: &SourceTotals, held: &SourceTotals) -> bool {
    now.n_references == 0 && 0 < held.n_references
}

/// Which of the numbers fell below the share that is let pass.
fn shrunk(now: &SourceTotals, held: &SourceTotals, percent: u8) -> Option<String> {
    let below = |now: u64, held: u64| {
        u128::from(now).saturating_mul(100) < u128::from(held).saturating_mul(u128::from(percent))
    };
    let numbers = now.counted().into_iter().zip(held.counted());
    let words: Vec<&str> =
        numbers.filter(|((_, now), (_, held))| below(*now, *held)).map(|((word, _), _)| word).collect();
    (!words.is_empty()).then(|| format!("under {percent} % of its {}", words.join(" and ")))
}

fn told(
    name: &str,
    seen: &str,
    (now, held): (&SourceTotals, &SourceTotals),
    (run, before): (&Run, &Baseline),
) -> String {
    let (tenant, id) = (&run.tenant, &run.id);
    format!(
        "source {name} holds {seen}: {} now, {} in run {}. As a rule that is a store that was wiped, moved or renamed, a \
         prefix or format that fits no longer, or a lost right to read. Mend it, and the run is tried again by itself. \
         If the store is right as it is: lethe accept {tenant} {id}",
        shown(now),
        shown(held),
        before.run
    )
}

fn shown(totals: &SourceTotals) -> String {
    let counted = totals.counted().map(|(word, n)| format!("{n} {word}"));
    counted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Purpose, RunId};
    use crate::time::EpochSeconds;
    use crate::token::TenantId;

    const HELD: SourceTotals =
        SourceTotals { n_references: 1000, n_objects: 100, n_rows: 0, n_bytes: 5_000_000 };

    fn run(ordinal: u8, sources: &[(&str, SourceTotals)]) -> Run {
        let id = RunId { slot: EpochSeconds(1_700_000_000), ordinal };
        let tenant = TenantId::new("acme").unwrap();
        let booked = Run::booked(tenant, id, Purpose::Discovery, EpochSeconds(0), EpochSeconds(0));
        let sources = sources.iter().map(|(name, totals)| ((*name).to_owned(), *totals)).collect();
        Run { sources, ..booked }
    }

    fn findings(now: &[(&str, SourceTotals)], held: &[(&str, SourceTotals)]) -> Vec<String> {
        let Run { id, scan_started_at, sources, .. } = run(1, held);
        let findings = judge(&run(2, now), &Baseline { run: id, scan_started_at, sources }, 85);
        let text = |finding| match finding {
            Finding::Void(why) => why,
            other @ (Finding::Approval { .. } | Finding::Note(_)) => panic!("{other:?}"),
        };
        findings.into_iter().map(text).collect()
    }

    fn lake(totals: SourceTotals) -> usize {
        findings(&[("lake", totals)], &[("lake", HELD)]).len()
    }

    #[test]
    fn what_holds_what_it_held_passes() {
        assert_eq!(findings(&[], &[]), Vec::<String>::new());
        assert_eq!(lake(HELD), 0);
        assert_eq!(
            lake(SourceTotals { n_references: u64::MAX, n_objects: 101, n_rows: 7, n_bytes: u64::MAX }),
            0
        );
    }

    #[test]
    fn each_number_passes_at_the_share_and_not_just_below() {
        let at = SourceTotals { n_references: 850, n_objects: 85, n_rows: 0, n_bytes: 4_250_000 };
        assert_eq!(lake(at), 0);
        assert_eq!(lake(SourceTotals { n_references: 849, ..at }), 1);
        assert_eq!(lake(SourceTotals { n_objects: 84, ..at }), 1);
        assert_eq!(lake(SourceTotals { n_bytes: 4_249_999, ..at }), 1);
        let rows = |n_rows| SourceTotals { n_rows, ..HELD };
        assert_eq!(findings(&[("orders", rows(85))], &[("orders", rows(100))]), Vec::<String>::new());
        assert_eq!(findings(&[("orders", rows(84))], &[("orders", rows(100))]).len(), 1);
    }

    #[test]
    fn a_source_that_held_no_reference_may_stay_empty_and_a_new_one_is_not_judged() {
        let nothing = SourceTotals::default();
        assert_eq!(findings(&[("lake", nothing)], &[("lake", nothing)]), Vec::<String>::new());
        assert_eq!(findings(&[("lake", nothing)], &[("orders", HELD)]), Vec::<String>::new());
    }

    #[test]
    fn the_text_says_what_was_seen_what_was_expected_and_what_to_do() {
        let nothing = SourceTotals { n_bytes: 10, n_objects: 1, ..SourceTotals::default() };
        let less = SourceTotals { n_objects: 7, n_references: 70, ..HELD };
        let texts = findings(&[("attic", less), ("lake", nothing)], &[("attic", HELD), ("lake", HELD)]);
        insta::assert_snapshot!(texts.join("\n"), @"
        source attic holds under 85 % of its references and objects: 70 references, 7 objects, 0 rows, 5000000 bytes now, 1000 references, 100 objects, 0 rows, 5000000 bytes in run 1700000000-01. As a rule that is a store that was wiped, moved or renamed, a prefix or format that fits no longer, or a lost right to read. Mend it, and the run is tried again by itself. If the store is right as it is: lethe accept acme 1700000000-02
        source lake holds no references: 0 references, 1 objects, 0 rows, 10 bytes now, 1000 references, 100 objects, 0 rows, 5000000 bytes in run 1700000000-01. As a rule that is a store that was wiped, moved or renamed, a prefix or format that fits no longer, or a lost right to read. Mend it, and the run is tried again by itself. If the store is right as it is: lethe accept acme 1700000000-02
        ");
    }
}
