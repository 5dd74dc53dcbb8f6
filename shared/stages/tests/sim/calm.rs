//! The calm after the storm: nothing fails, whatever is due is done at once, and the world must come to rest.

use std::time::Duration;

use lethe_domain::row::VaultRow;
use lethe_domain::run::{Run, Stage};
use lethe_domain::time::EpochSeconds;

use crate::deployment::{End, Work};
use crate::post::Parcel;
use crate::setting::{DAY, HOUR};
use crate::story::{Story, about, name_of, told};
use crate::truth::Hand;
use crate::worker::Worker;

/// How long archived versions may take to be purged after that: their class, the margin, and the patience.
const TO_PURGE: Duration = Duration::from_hours(24 * 20);

impl Story<'_> {
    pub fn calm(&mut self) -> Result<(), String> {
        self.everybody_is_killed();
        self.note(|| "== it is calm".to_owned());
        self.deployment.cloud.faults.calm();
        self.sources_answer();
        if self.dice.chance(700) {
            self.release_everything();
        }
        let control = self.deployment.cloud.control.clone();
        control.put_config(&self.setting.calm_config(), self.now());
        let last = self.people.later.iter().map(|(at, _)| *at).max();
        let begins_at = last.map_or(self.now(), |last| last.max(self.now()));
        self.rest_until(begins_at.plus(self.setting.to_leave()))?;
        control.put_config(&self.setting.quiet_config(), self.now());
        self.rest_until(self.now().plus(TO_PURGE))
    }

    fn rest_until(&mut self, end: EpochSeconds) -> Result<(), String> {
        while self.now() < end {
            self.approve_what_waits();
            self.end_what_no_scan_may();
            self.release_again();
            self.work_off()?;
            for tick in [Work::Survey, Work::Expire, Work::Reconcile] {
                if self.is_due(&tick) {
                    self.post.add(Parcel::tick(tick, self.now()));
                    self.work_off()?;
                }
            }
            let next = self.next_moment();
            let by = u64::try_from(next.0 - self.now().0).unwrap();
            self.time_passes(Duration::from_secs(by))?;
        }
        self.work_off()
    }

    /// Everything that waits, one after the other.
    fn work_off(&mut self) -> Result<(), String> {
        let now = self.now();
        self.post.hurry(now);
        while let Some(parcel) = self.post.next(now, &mut self.dice, None) {
            self.n_workers += 1;
            let mut worker = Worker::start(self.deployment, self.n_workers, parcel, u64::MAX);
            self.note(|| format!("{} does {}", name_of(&worker), about(&worker.parcel.work)));
            let end = worker.finish();
            self.truth.note_seals(self.deployment);
            self.note_runs();
            if matches!(worker.parcel.work, Work::Archive(_)) {
                self.truth.note_archive(self.deployment);
            }
            if matches!(end, Err(_) | Ok(End::InPart(1..))) {
                return Err(format!("{} fails on a calm day: {}", name_of(&worker), told(&end)));
            }
            self.is_over(worker, end);
            self.post.collect(self.deployment, None);
            self.watch(Hand::Lethe)?;
        }
        Ok(())
    }

    /// Whether a tick has anything to do. Those that have nothing are left out, since they are most of them; the storm
    /// has plenty.
    fn is_due(&self, tick: &Work) -> bool {
        let now = self.now();
        match tick {
            Work::Expire => self.rows().iter().any(|row| row.due_at.is_some_and(|at| at <= now)),
            Work::Reconcile => {
                let is_new_day = now.0 / 86_400 != self.last_reconciled_at.0 / 86_400;
                is_new_day || self.moments_of_reconcile().iter().any(|at| *at <= now)
            }
            Work::Survey
            | Work::Wake(_)
            | Work::React(_)
            | Work::Archive(_)
            | Work::Confirm(_)
            | Work::Command(..) => true,
        }
    }

    fn rows(&self) -> Vec<VaultRow> {
        self.deployment.cloud.vault.rows().into_values().collect()
    }

    /// When reconcile will have something to do.
    fn moments_of_reconcile(&self) -> Vec<EpochSeconds> {
        let limits = &self.deployment.settings.limits;
        let cloud = &self.deployment.cloud;
        let rows = self.rows();
        let leave = rows.iter().filter_map(|row| row.purge_at).map(|at| at.plus(limits.patience));
        let fan_outs = cloud.control.all_fan_outs();
        let resume = fan_outs.iter().map(|fan_out| fan_out.resume_at);
        let open = cloud.control.runs_where(|run| run.stage.is_open() && run.stage != Stage::Draining);
        let stuck = open.iter().map(|run| run.progressed_at.plus(limits.stuck_after));
        leave.chain(resume).chain(stuck).collect()
    }

    /// When something will be due next.
    fn next_moment(&self) -> EpochSeconds {
        let now = self.now();
        let runs = self.deployment.cloud.control.runs_where(|run| !run.stage.is_final());
        // A booked run waits for one of its tenant that is open.
        let waits = |run: &Run| runs.iter().any(|other| other.tenant == run.tenant && other.stage.is_open());
        let of_run = |run: &Run| match run.stage {
            Stage::Booked if waits(run) => None,
            Stage::Booked | Stage::Draining => run.resume_at,
            Stage::Gated => Some(now.plus(HOUR)),
            Stage::Surveying | Stage::Planning | Stage::Applying => Some(now),
            Stage::Scanning | Stage::Applied | Stage::Reported | Stage::Void => None,
        };
        let soonest = now.plus(Duration::from_mins(1));
        let runs = runs.iter().filter_map(of_run).map(|at| at.max(soonest));
        let expire = self.rows().into_iter().filter_map(|row| row.due_at);
        let later = self.people.later.iter().map(|(at, _)| *at);
        let all = runs.chain(expire).chain(later).chain(self.moments_of_reconcile());
        let next = all.chain(self.post.next_at()).filter(|at| now < *at).min();
        next.unwrap_or(now.plus(DAY)).min(now.plus(DAY))
    }
}
