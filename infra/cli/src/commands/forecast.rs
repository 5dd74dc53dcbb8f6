//! When the first token may leave the vault, told from the runs alone: so that an operator learns it before it
//! happens, on the first day too.

use lethe_domain::cadence::Cadence;
use lethe_domain::campaign::Pace;
use lethe_domain::limits::Limits;
use lethe_domain::run::{Purpose, Run, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::window::{Opening, Window};
use serde::Serialize;

/// After everything: a cron that has no firing to come.
const NEVER: EpochSeconds = EpochSeconds(u32::MAX as i64);

/// A deletion to come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Deletion {
    /// When, at the earliest.
    pub(crate) at: EpochSeconds,
    /// What it follows from.
    pub(crate) because: String,
}

/// What a forecast depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// The tenant's latest runs, latest first.
    pub(crate) runs: &'a [Run],
    /// How its runs follow each other.
    pub(crate) pace: Pace,
    /// How often a campaign starts.
    pub(crate) cadence: &'a Cadence,
    /// When its runs may work.
    pub(crate) window: Option<&'a Window>,
    /// The stages' limits.
    pub(crate) limits: &'a Limits,
    /// The time of the command.
    pub(crate) now: EpochSeconds,
}

impl Facts<'_> {
    /// The first deletion that a scan leads to.
    pub(crate) fn first_deletion(&self) -> Deletion {
        let of_runs = self.runs.iter().filter_map(|run| self.deletion_after(run)).min();
        of_runs.unwrap_or_else(|| self.after_next_campaign())
    }

    /// When the next campaign falls due; now, where one is due.
    pub(crate) fn next_slot(&self) -> EpochSeconds {
        let is_begun = |slot| self.runs.iter().any(|run| slot <= run.id.slot);
        if self.cadence.slot(self.now).is_some_and(|slot| !is_begun(slot)) {
            return self.now;
        }
        self.cadence.next_slot(self.now).unwrap_or(NEVER)
    }

    /// When a run that is due then may begin to work.
    pub(crate) fn opens(&self, due: EpochSeconds) -> EpochSeconds {
        match self.window.map_or(Opening::ALWAYS, |window| window.at(due)) {
            Opening::Open { .. } => due,
            Opening::Closed { until } => until,
        }
    }

    fn deletion_after(&self, run: &Run) -> Option<Deletion> {
        let notice = self.limits.removal_notice;
        let starts = self.opens(run.resume_at.unwrap_or(self.now).max(self.now));
        if run.stage.is_final() {
            let at = run.progressed_at.plus(notice);
            let is_to_come = run.stage == Stage::Applied && 0 < run.applied.n_sentenced && self.now < at;
            let because = format!("run {} sentenced {} tokens", run.id, run.applied.n_sentenced);
            return is_to_come.then_some(Deletion { at, because });
        }
        if run.plan_only {
            return None;
        }
        let (at, because) = match run.purpose {
            Purpose::Verdict => (starts.plus(notice), format!("verdict run {} may sentence tokens", run.id)),
            Purpose::Discovery | Purpose::Confirm => {
                let strikes_left = u32::from(self.pace.strikes.saturating_sub(run.look));
                let cools = self.opens(starts.plus(self.pace.run_spacing.saturating_mul(strikes_left)));
                let at = self.opens(cools.plus(self.pace.cool_off)).plus(notice);
                (at, format!("what the campaign of run {} finds unused cools off first", run.id))
            }
        };
        Some(Deletion { at, because })
    }

    fn after_next_campaign(&self) -> Deletion {
        let strikes_left = u32::from(self.pace.strikes.saturating_sub(1));
        let starts = self.opens(self.next_slot());
        let cools = self.opens(starts.plus(self.pace.run_spacing.saturating_mul(strikes_left)));
        let at = self.opens(cools.plus(self.pace.cool_off)).plus(self.limits.removal_notice);
        Deletion { at, because: "what the next campaign finds unused cools off first".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lethe_domain::run::{ApplyTally, RunId};
    use lethe_domain::token::TenantId;

    use super::*;

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    const NOW: EpochSeconds = EpochSeconds(1000 * DAY + 10 * HOUR);

    fn booked(ordinal: u8, purpose: Purpose, at: EpochSeconds) -> Run {
        let id = RunId { slot: EpochSeconds(1000 * DAY), ordinal };
        Run { look: ordinal, ..Run::booked(TenantId::new("acme").unwrap(), id, purpose, at, NOW) }
    }

    #[track_caller]
    fn check(runs: &[Run], hours_from_now: i64, because: &str) {
        check_in(None, runs, hours_from_now, because);
    }

    #[track_caller]
    fn check_in(window: Option<&str>, runs: &[Run], hours_from_now: i64, because: &str) {
        let limits = Limits::production();
        let pace = Pace {
            run_spacing: limits.run_spacing,
            cool_off: Duration::from_hours(7 * 24),
            strikes: 2,
            slice_day: limits.budget_day,
        };
        let cadence = &Cadence::Every(Duration::from_hours(24));
        let window = window.map(|window| Window::parse(window).unwrap());
        let window = window.as_ref();
        let first = Facts { runs, pace, cadence, window, limits: &limits, now: NOW }.first_deletion();
        assert_eq!(first.at, EpochSeconds(NOW.0 + hours_from_now * HOUR), "{first:?}");
        assert!(first.because.contains(because), "{first:?}");
    }

    #[test]
    fn without_a_run_the_next_campaign_decides() {
        check(&[], 4 + 7 * 24 + 24, "the next campaign");
    }

    #[test]
    fn a_finished_campaign_waits_for_the_next_slot() {
        let done = Run { stage: Stage::Applied, ..booked(1, Purpose::Discovery, NOW) };
        check(&[done], 14 + 4 + 7 * 24 + 24, "the next campaign");
    }

    #[test]
    fn each_run_of_a_campaign_is_one_step_nearer() {
        check(&[booked(1, Purpose::Discovery, NOW)], 4 + 7 * 24 + 24, "cools off first");
        check(&[booked(2, Purpose::Confirm, EpochSeconds(NOW.0 + HOUR))], 1 + 7 * 24 + 24, "cools off first");
        check(&[booked(3, Purpose::Verdict, EpochSeconds(NOW.0 + HOUR))], 1 + 24, "may sentence");
    }

    #[test]
    fn what_was_sentenced_leaves_after_its_notice() {
        let applied = ApplyTally { n_sentenced: 5, ..ApplyTally::default() };
        let verdict = Run { applied, stage: Stage::Applied, ..booked(3, Purpose::Verdict, NOW) };
        check(
            &[booked(4, Purpose::Verdict, EpochSeconds(NOW.0 + 2 * HOUR)), verdict],
            24,
            "sentenced 5 tokens",
        );
    }

    #[test]
    fn runs_wait_for_their_window() {
        // Now is 10:00. It opens at 12:00 for three hours: the second look waits until the next day's, and the verdict is
        // due as it opens.
        check_in(Some("12:00-15:00 UTC"), &[], 2 + 24 + 7 * 24 + 24, "the next campaign");
        check_in(Some("09:00-15:00 UTC"), &[], 4 + 7 * 24 + 24, "the next campaign");
        let verdict = booked(3, Purpose::Verdict, EpochSeconds(NOW.0 + HOUR));
        check_in(Some("12:00-15:00 UTC"), &[verdict], 2 + 24, "may sentence");
    }

    #[test]
    fn a_run_that_only_plans_deletes_nothing() {
        let plan_only = Run { plan_only: true, ..booked(1, Purpose::Discovery, NOW) };
        check(&[plan_only], 14 + 4 + 7 * 24 + 24, "the next campaign");
    }
}
