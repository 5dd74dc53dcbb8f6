//! What each stage's report measures. A new field of a report is decided here: measured, or only logged.

use lethe_stages::archive::ArchiveReport;
use lethe_stages::confirm::ConfirmReport;
use lethe_stages::expire::ExpireReport;
use lethe_stages::intake::IntakeReport;
use lethe_stages::react::ReactReport;
use lethe_stages::reconcile::ReconcileReport;
use lethe_stages::scan::ScanReport;
use lethe_stages::survey::TickReport;
use lethe_stages::sweep::{ApplyReport, PlanReport};

use super::{Measured, Metric};

impl Measured for TickReport {
    fn metrics(&self) -> Vec<Metric> {
        nonzero([Metric::count("RunsSealed", self.n_sealed), Metric::count("RunsVoid", self.n_void)])
    }
}

impl Measured for ScanReport {
    fn metrics(&self) -> Vec<Metric> {
        nonzero([Metric::count("RunsSealed", self.n_sealed)])
    }
}

/// Recall is `WitnessesFound / Witnesses`, over all tenants and kinds; of each it stands in the plan.
impl Measured for PlanReport {
    fn metrics(&self) -> Vec<Metric> {
        let (mut n_witnesses, mut n_found) = (0_u64, 0_u64);
        for kind in self.measured.witnesses.values() {
            n_witnesses = n_witnesses.saturating_add(kind.n_witnesses);
            n_found = n_found.saturating_add(kind.n_found);
        }
        nonzero([
            Metric::count("Witnesses", n_witnesses),
            Metric::count("WitnessesFound", n_found),
            Metric::count("ReferencesDangling", self.measured.dangling.n_tokens),
        ])
    }
}

/// What a run wrote is measured where the stream shows it, with everything else that changes tokens.
impl Measured for ApplyReport {
    fn metrics(&self) -> Vec<Metric> {
        Vec::new()
    }
}

/// As with [`ApplyReport`]; in report mode the counts are of what would have been.
impl Measured for ExpireReport {
    fn metrics(&self) -> Vec<Metric> {
        nonzero([Metric::count("IdlePutOff", self.n_put_off)])
    }
}

impl Measured for ReactReport {
    fn metrics(&self) -> Vec<Metric> {
        nonzero([
            Metric::count("TokensCooled", self.n_cooled),
            Metric::count("TokensSentenced", self.n_sentenced),
            Metric::count("TokensReinstated", self.n_reinstated),
            Metric::count("OutOfBand", self.n_out_of_band),
            Metric::count("TokensHeld", self.n_held),
            Metric::count("TokensReleased", self.n_released),
            Metric::count("TokensCleaned", self.n_cleaned),
        ])
    }
}

impl Measured for ArchiveReport {
    fn metrics(&self) -> Vec<Metric> {
        nonzero([
            Metric::count("TokensArchived", self.n_archived),
            Metric::count("TokensErased", self.n_erased),
            Metric::seconds("TtlLagSeconds", u64::try_from(self.max_lag_seconds).unwrap_or(0)),
        ])
    }
}

impl Measured for ConfirmReport {
    fn metrics(&self) -> Vec<Metric> {
        match self {
            Self::Purged => vec![Metric::count("VersionsPurged", 1)],
            Self::AlreadyPurged | Self::StillThere | Self::NeverArchived => Vec::new(),
        }
    }
}

impl Measured for IntakeReport {
    fn metrics(&self) -> Vec<Metric> {
        nonzero([
            Metric::count("LateReads", self.n_late),
            Metric::count("Reuse", self.n_reused),
            Metric::count("CommandsWaiting", self.n_waiting),
            Metric::count("LateUsePauses", self.n_paused),
            Metric::count("AskedAfterRemoval", self.n_gone),
            Metric::count("CommandsRefused", u64::from(self.is_refused)),
        ])
    }
}

/// Alarms wait for these, so a zero is said.
impl Measured for ReconcileReport {
    fn metrics(&self) -> Vec<Metric> {
        let mut metrics = vec![
            Metric::count("OverdueRows", self.n_overdue_rows),
            Metric::count("OverdueVersions", self.n_overdue_versions),
            Metric::count("FanOutsStuck", self.n_stuck_fan_outs),
        ];
        metrics.extend(nonzero([
            Metric::count("CommandsWaiting", self.n_waiting),
            Metric::count("DatesLifted", self.n_lifted_rows),
        ]));
        metrics
    }
}

fn nonzero<const N: usize>(metrics: [Metric; N]) -> Vec<Metric> {
    metrics.into_iter().filter(|metric| metric.value > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_run_measures_nothing_but_what_alarms_wait_for() {
        assert!(TickReport::default().metrics().is_empty());
        assert!(ReactReport::default().metrics().is_empty());
        let names: Vec<_> = ReconcileReport::default().metrics().iter().map(|metric| metric.name).collect();
        assert_eq!(names, ["OverdueRows", "OverdueVersions", "FanOutsStuck"]);
    }

    #[test]
    fn a_removal_before_its_time_is_no_lag() {
        assert!(ArchiveReport { max_lag_seconds: -5, ..ArchiveReport::default() }.metrics().is_empty());
    }
}
