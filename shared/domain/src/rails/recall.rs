//! Recall: what the share of tokens that are known to be alive, and that the scan found, says about the scan.
//!
//! Of each kind alone, because a wrong format makes one kind vanish while all others are found.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::Finding;
use crate::config::RecallRails;
use crate::run::{Run, RunId, Stage};
use crate::witness::{Measured, Share, Witnesses};

/// Over how many of the earlier values the median is taken.
const TRAIL: usize = 15;

/// With fewer witnesses than this a low recall asks a person and voids nothing: one user of one odd program makes the share.
const FEWEST_TO_VOID: u64 = 30;

/// A run before this one whose recall counts.
#[derive(Clone, Copy, Debug)]
struct Earlier<'a> {
    run: &'a Run,
    /// A person accepted it though a rail had stopped it: what was measured before it counts no more.
    is_new_start: bool,
}

/// The kinds whose way of being measured a person has accepted: by a recall of some value, or not at all, which is
/// something else. It goes from run to run with the run's row.
pub fn accepted_kinds(measured: &Measured, earlier: &[Run], accepted: &BTreeSet<RunId>) -> BTreeSet<String> {
    let earlier = good(earlier, accepted);
    let is_accepted = |kind: &str, now: Witnesses| {
        let alike = earlier.iter().find(|one| {
            let then = one.run.measured.witnesses.get(kind);
            then.is_some_and(|then| then.is_none() == now.is_none())
        });
        alike.is_some_and(|one| one.is_new_start || one.run.recall_accepted.contains(kind))
    };
    let kinds = measured.witnesses.iter().filter(|(kind, now)| is_accepted(kind, **now));
    kinds.map(|(kind, _)| kind.clone()).collect()
}

/// Judges a run's recall by the runs before it, of which a person accepted some though they were void.
pub(super) fn judge(
    run: &Run,
    earlier: &[Run],
    accepted: &BTreeSet<RunId>,
    rails: &RecallRails,
) -> Vec<Finding> {
    let kinds = accepted_kinds(&run.measured, earlier, accepted);
    let earlier = good(earlier, accepted);
    let takes_tokens = run.tally.n_cool > 0 || run.tally.n_sentence > 0;
    let mut findings = Vec::new();
    for (kind, now) in &run.measured.witnesses {
        let mut of_kind = judge_kind((kind, *now), &trail_of(kind, &earlier), kinds.contains(kind), rails);
        // What a person would be asked about concerns tokens; a plan that takes none may go on.
        of_kind.retain(|finding| takes_tokens || !matches!(finding, Finding::Approval { .. }));
        findings.extend(of_kind);
    }
    if findings.iter().any(|finding| matches!(finding, Finding::Void(_))) {
        let way_out = format!("if a person knows it to be right: lethe accept {} {}", run.tenant, run.id);
        findings.push(Finding::Void(way_out));
    }
    findings
}

/// The runs whose recall counts, latest first.
fn good<'a>(earlier: &'a [Run], accepted: &BTreeSet<RunId>) -> Vec<Earlier<'a>> {
    let of = |run: &'a Run| match run.stage {
        Stage::Applied | Stage::Reported => Some(Earlier { run, is_new_start: false }),
        Stage::Void => accepted.contains(&run.id).then_some(Earlier { run, is_new_start: true }),
        Stage::Booked
        | Stage::Surveying
        | Stage::Scanning
        | Stage::Draining
        | Stage::Planning
        | Stage::Gated
        | Stage::Applying => None,
    };
    let mut good: Vec<Earlier<'_>> = earlier.iter().filter_map(of).collect();
    good.sort_by_key(|one| Reverse(one.run.scan_started_at));
    good
}

/// The recalls of a kind since a person last accepted a void run, latest first.
fn trail_of(kind: &str, earlier: &[Earlier<'_>]) -> Vec<Share> {
    // A new start that did not come to measuring, because it was stopped before, says nothing about recall.
    let is_new_start = |one: &Earlier<'_>| one.is_new_start && one.run.measured.witnesses.contains_key(kind);
    let since = earlier.iter().position(is_new_start).map_or(earlier.len(), |at| at.saturating_add(1));
    let recalls = earlier.iter().take(since).filter_map(|one| one.run.measured.witnesses.get(kind)?.recall());
    recalls.take(TRAIL).collect()
}

fn judge_kind(
    (kind, now): (&str, Witnesses),
    trail: &[Share],
    is_accepted: bool,
    rails: &RecallRails,
) -> Vec<Finding> {
    let Some((recall, least)) = now.recall().zip(now.lower_bound()) else {
        return unmeasured(kind, is_accepted);
    };
    let Witnesses { n_witnesses, .. } = now;
    let mut findings = Vec::new();
    if now.n_elsewhere() > 0 {
        findings.push(Finding::Note(format!(
            "recall of kind {kind} is {recall} (at least {least}): {} of {n_witnesses} tokens that were read a short time \
             ago are in no source, so a store that is not registered, or not understood, holds them",
            now.n_elsewhere()
        )));
    }
    if let Some(median) = Share::median(trail.iter().copied())
        && recall < median
        && recall <= median.minus_points(rails.fall_points)
    {
        // Of a few one token more or less is many points: then the whole interval has to lie below.
        let floor = median.minus_points(rails.fall_points);
        let is_sure = rails.witnesses_min <= n_witnesses || is_surely_below(now, floor);
        let why = fallen((kind, now), recall, (median, trail.len()));
        findings.push(if is_sure { Finding::Void(why) } else { Finding::approval(why) });
        return findings;
    }
    if n_witnesses < rails.witnesses_min {
        findings.push(Finding::approval(format!(
            "recall of kind {kind} is {recall}, but of {n_witnesses} tokens only, with {} to rely on it: the true share may \
             be as low as {least}",
            rails.witnesses_min
        )));
    }
    if !is_accepted {
        findings.push(first((kind, now), (recall, least), rails));
    }
    findings
}

/// The first value that a person is to accept. So low a one that stores must be missing is nothing to be waved through.
fn first((kind, now): (&str, Witnesses), (recall, least): (Share, Share), rails: &RecallRails) -> Finding {
    let Witnesses { n_witnesses, n_found } = now;
    let floor = Share::of(u64::from(rails.first_percent), 100);
    if floor.is_some_and(|floor| is_surely_below(now, floor)) {
        return Finding::Void(format!(
            "only {n_found} of {n_witnesses} tokens of kind {kind} that are known to be alive were found ({recall}, and no \
             person has accepted less than {} %). The others are in a store that is not registered, or that the scan does \
             not understand. Nothing was changed. Ask the tenant where it keeps them and add that store to its sources in \
             lethe.toml",
            rails.first_percent
        ));
    }
    Finding::approval(format!(
        "recall of kind {kind} is measured for the first time: {recall} (at least {least}), {n_found} of {n_witnesses} \
         tokens. Later runs are compared with it, so a person says whether it is right: what is missing from it are \
         stores that Lethe does not know"
    ))
}

/// Whether chance alone does not explain that so few were found.
fn is_surely_below(now: Witnesses, floor: Share) -> bool {
    FEWEST_TO_VOID <= now.n_witnesses && now.upper_bound().is_some_and(|most| most < floor)
}

fn fallen((kind, now): (&str, Witnesses), recall: Share, (median, n_runs): (Share, usize)) -> String {
    let Witnesses { n_witnesses, n_found } = now;
    format!(
        "recall of kind {kind} fell to {recall} ({n_found} of {n_witnesses} tokens that are known to be alive were found), \
         from {median}, the median of {n_runs} runs before. The tokens live and the scan does not see them: usually a store \
         writes its tokens in another format or encoding now, has moved, or a new one is not registered. Nothing was \
         changed. Look what changed in the tenant's stores and correct its sources in lethe.toml"
    )
}

fn unmeasured(kind: &str, is_accepted: bool) -> Vec<Finding> {
    let note = Finding::Note(format!(
        "recall of kind {kind} is not measured: no token of it was read lately, or nobody tells Lethe of reads, so nothing \
         would show that a store was not understood"
    ));
    if is_accepted {
        return vec![note];
    }
    let why = format!(
        "recall of kind {kind} is not measured, and no person has said yet that its tokens may go without it: check that \
         every store with such tokens is among the tenant's sources, or have reads reported"
    );
    vec![note, Finding::approval(why)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{PlanTally, Purpose};
    use crate::time::EpochSeconds;
    use crate::token::TenantId;

    const NOW: EpochSeconds = EpochSeconds(1_800_000_000);

    fn measured(kinds: &[(&str, u64, u64)]) -> Measured {
        let witnesses = kinds
            .iter()
            .map(|(kind, n_found, n_witnesses)| {
                ((*kind).to_owned(), Witnesses { n_found: *n_found, n_witnesses: *n_witnesses })
            })
            .collect();
        Measured { witnesses, ..Measured::default() }
    }

    /// A run with a plan that cools so many tokens.
    fn run(n_cool: u64, kinds: &[(&str, u64, u64)]) -> Run {
        let id = RunId { slot: NOW, ordinal: 2 };
        let booked = Run::booked(TenantId::new("acme").unwrap(), id, Purpose::Confirm, NOW, NOW);
        Run { tally: PlanTally { n_cool, ..PlanTally::default() }, measured: measured(kinds), ..booked }
    }

    /// An earlier run, so many runs ago, and the kinds whose recall a person had accepted then.
    fn past(ago: u8, accepted: &[&str], kinds: &[(&str, u64, u64)]) -> Run {
        let id = RunId { slot: EpochSeconds(NOW.0 - 1000), ordinal: 200 - ago };
        Run {
            id,
            stage: Stage::Applied,
            scan_started_at: EpochSeconds(NOW.0 - i64::from(ago)),
            recall_accepted: accepted.iter().map(|kind| (*kind).to_owned()).collect(),
            ..run(0, kinds)
        }
    }

    /// Earlier runs, latest first, by what they found of 1000 witnesses; a person accepted it once.
    fn approved(found: &[u64]) -> Vec<Run> {
        let runs = (1..).zip(found).map(|(ago, n_found)| past(ago, &["vault"], &[("vault", *n_found, 1000)]));
        runs.collect()
    }

    /// How a run is judged, each finding by its first letter: (V)oid, (A)pproval, (N)ote.
    #[track_caller]
    fn check(run: &Run, earlier: &[Run], expected: &str) -> Vec<Finding> {
        let accepted =
            earlier.iter().filter(|run| run.stage == Stage::Void).map(|run| run.id.clone()).collect();
        let findings = judge(run, earlier, &accepted, &RecallRails::DEFAULT);
        let letters = findings.iter().map(|finding| match finding {
            Finding::Void(_) => 'V',
            Finding::Approval { .. } => 'A',
            Finding::Note(_) => 'N',
        });
        assert_eq!(letters.collect::<String>(), expected, "{findings:?}");
        findings
    }

    #[test]
    fn a_tenant_without_tokens_has_no_findings() {
        check(&run(0, &[]), &[], "");
        check(&run(5, &[]), &approved(&[1000]), "");
    }

    #[test]
    fn a_recall_as_before_passes() {
        check(&run(5, &[("vault", 1000, 1000)]), &approved(&[1000, 1000]), "");
    }

    #[test]
    fn a_fall_of_two_points_voids_and_less_does_not() {
        let before = approved(&[1000, 1000, 1000]);
        check(&run(5, &[("vault", 981, 1000)]), &before, "N");
        check(&run(5, &[("vault", 980, 1000)]), &before, "NVV");
        check(&run(5, &[("vault", 0, 1000)]), &before, "NVV");
    }

    #[test]
    fn a_fall_voids_also_a_plan_that_takes_no_token() {
        check(&run(0, &[("vault", 980, 1000)]), &approved(&[1000]), "NVV");
    }

    #[test]
    fn a_fall_is_measured_from_the_median_and_not_from_one_odd_run() {
        check(&run(5, &[("vault", 970, 1000)]), &approved(&[980, 1000, 980]), "N");
        check(&run(5, &[("vault", 970, 1000)]), &approved(&[970, 1000, 1000]), "NVV");
    }

    #[test]
    fn only_the_last_runs_make_the_median() {
        let mut found = vec![900; TRAIL];
        found.extend([1000; TRAIL]);
        check(&run(5, &[("vault", 890, 1000)]), &approved(&found), "N");
    }

    #[test]
    fn a_kind_is_judged_alone_whatever_others_do() {
        let all = [("vault", 1000, 1000), ("card", 9_000_000, 9_000_000)];
        let before = [past(1, &["vault", "card"], &all)];
        check(&run(5, &[("vault", 0, 1000), ("card", 9_000_000, 9_000_000)]), &before, "NVV");
    }

    #[test]
    fn fewer_witnesses_than_the_least_ask_a_person() {
        let before = approved(&[1000]);
        check(&run(5, &[("vault", 299, 299)]), &before, "A");
        check(&run(5, &[("vault", 300, 300)]), &before, "");
        check(&run(0, &[("vault", 299, 299)]), &before, "");
    }

    #[test]
    fn a_person_accepts_the_first_value_and_a_plan_that_takes_nothing_may_go_on() {
        let now = [("vault", 1000, 1000)];
        check(&run(5, &now), &[], "A");
        check(&run(0, &now), &[], "");
        // A run that went on without a person accepts nothing.
        check(&run(5, &now), &[past(1, &[], &now)], "A");
        check(&run(5, &now), &approved(&[1000]), "");
    }

    #[test]
    fn a_first_value_that_low_voids_until_a_person_accepts_it() {
        // The interval of 885 of 1000 reaches 90 %, that of 884 does not.
        check(&run(5, &[("vault", 885, 1000)]), &[], "NA");
        check(&run(5, &[("vault", 884, 1000)]), &[], "NVV");
        check(&run(0, &[("vault", 884, 1000)]), &[], "NVV");
        // Fewer than would do without a person are enough, but not a handful.
        check(&run(5, &[("vault", 20, 30)]), &[], "NAVV");
        check(&run(5, &[("vault", 0, 29)]), &[], "NAA");
        // A run that only reported has set no value.
        check(&run(5, &[("vault", 884, 1000)]), &[past(1, &[], &[("vault", 884, 1000)])], "NVV");
        let accepted = Run { stage: Stage::Void, ..past(1, &[], &[("vault", 884, 1000)]) };
        check(&run(5, &[("vault", 884, 1000)]), &[accepted], "N");
    }

    #[test]
    fn of_a_handful_one_token_less_asks_a_person_and_a_store_less_voids() {
        let before = [past(1, &["vault"], &[("vault", 40, 40)])];
        check(&run(5, &[("vault", 39, 40)]), &before, "NA");
        check(&run(0, &[("vault", 39, 40)]), &before, "N");
        check(&run(5, &[("vault", 20, 40)]), &before, "NVV");
    }

    #[test]
    fn an_acceptance_goes_from_run_to_run_for_what_it_was_given() {
        let (some, none) = ([("vault", 1000, 1000)], [("vault", 0, 0)]);
        let kinds_after = |now: &[_], before| accepted_kinds(&measured(now), &[before], &BTreeSet::new());
        assert_eq!(kinds_after(&some, past(1, &["vault"], &some)), ["vault".to_owned()].into());
        assert_eq!(kinds_after(&none, past(1, &["vault"], &some)), BTreeSet::new());
        // That there is no recall any more is another matter than its value, and the other way round.
        check(&run(5, &none), &[past(1, &["vault"], &some)], "NA");
        check(&run(5, &some), &[past(1, &["vault"], &none)], "A");
        check(&run(5, &none), &[past(1, &["vault"], &none)], "N");
        // A night without reads does not undo what was accepted before it.
        check(&run(5, &some), &[past(1, &[], &none), past(2, &["vault"], &some)], "");
    }

    #[test]
    fn without_witnesses_every_plan_says_so_and_the_first_purge_waits() {
        let none = [("vault", 0, 0)];
        check(&run(0, &none), &[], "N");
        check(&run(5, &none), &[], "NA");
        check(&run(5, &none), &[past(1, &["vault"], &none)], "N");
        let sentences = Run { tally: PlanTally { n_sentence: 1, ..PlanTally::default() }, ..run(0, &none) };
        check(&sentences, &[], "NA");
    }

    #[test]
    fn what_a_person_accepted_though_it_was_void_is_the_new_start() {
        let mut before = approved(&[900, 1000, 1000, 1000]);
        check(&run(5, &[("vault", 900, 1000)]), &before, "NVV");
        before[0] = Run { stage: Stage::Void, recall_accepted: BTreeSet::new(), ..before[0].clone() };
        check(&run(5, &[("vault", 900, 1000)]), &before, "N");
        check(&run(5, &[("vault", 880, 1000)]), &before, "NVV");
        let findings =
            judge(&run(5, &[("vault", 900, 1000)]), &before, &BTreeSet::new(), &RecallRails::DEFAULT);
        assert!(findings.iter().any(|finding| matches!(finding, Finding::Void(_))), "nobody accepted it");
    }

    #[test]
    fn the_texts_say_what_was_seen_and_what_to_run() {
        let findings = check(&run(5, &[("vault", 250, 1000)]), &approved(&[1000, 1000]), "NVV");
        let [Finding::Note(note), Finding::Void(why), Finding::Void(way_out)] = &findings[..] else {
            panic!()
        };
        assert!(note.contains("750 of 1000 tokens"), "{note}");
        for part in ["25.00 %", "250 of 1000", "100.00 %", "2 runs"] {
            assert!(why.contains(part), "{part}: {why}");
        }
        assert!(way_out.contains("lethe accept acme 1800000000-02"), "{way_out}");
    }
}
