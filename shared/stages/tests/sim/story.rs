//! A seed's story: a storm, in which everything happens at once and much of it goes wrong, then a long calm.
//!
//! In the storm one thing happens at a time, and the dice say which: somebody does something, the clock moves on, an
//! invocation begins, or one that is under way comes one call further. That call may fail before or after its effect,
//! and its worker may be killed before or after it. In the calm nothing fails, whatever is due is done at once, and the
//! world must come to rest.

use std::collections::BTreeMap;
use std::time::Duration;

use lethe_domain::config::Config;
use lethe_domain::row::{Phase, VaultRow};
use lethe_domain::run::{RunId, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::error::{StageError, chain};
use lethe_stages::stream::{Image, StreamRecord};
use lethe_testkit::FaultKind;

use crate::deployment::{Deployment, End, Work};
use crate::dice::Dice;
use crate::people::People;
use crate::post::{Parcel, Post};
use crate::promises::Judge;
use crate::setting::Setting;
use crate::settled::Settled;
use crate::tally::Tally;
use crate::truth::{Change, Hand, Truth};
use crate::worker::Worker;

/// Invocations under way at once.
const MAX_WORKERS: usize = 5;

/// A storm that takes more turns is cut short.
const MAX_TURNS: u64 = 40_000;

/// A story as it is told.
pub struct Story<'d> {
    pub deployment: &'d Deployment,
    pub setting: Setting,
    pub config: Config,
    pub dice: Dice,
    pub truth: Truth,
    pub post: Post,
    pub people: People,
    pub tally: Tally,
    workers: Vec<Worker<'d>>,
    pub n_workers: u64,
    pub last_reconciled_at: EpochSeconds,
    /// Where the story is written down, if it is.
    pub script: Option<Vec<String>>,
    /// The stage of each run that was written down last.
    stages_told: BTreeMap<(TenantId, RunId), Stage>,
}

impl<'d> Story<'d> {
    pub fn new(deployment: &'d Deployment, setting: Setting, dice: Dice, is_written: bool) -> Self {
        Self {
            config: Config::parse(&setting.config()).unwrap(),
            deployment,
            setting,
            dice,
            truth: Truth::default(),
            post: Post::default(),
            people: People::default(),
            tally: Tally::default(),
            workers: Vec::new(),
            n_workers: 0,
            last_reconciled_at: EpochSeconds(0),
            script: is_written.then(Vec::new),
            stages_told: BTreeMap::new(),
        }
    }

    /// Tells it to its end; what promise was broken, if one was.
    pub fn tell(&mut self) -> Result<(), String> {
        self.set_the_stage();
        self.watch(Hand::Others)?;
        self.storm()?;
        self.calm()?;
        Settled { truth: &self.truth, deployment: self.deployment }.check()
    }

    pub fn now(&self) -> EpochSeconds {
        self.deployment.now()
    }

    /// Writes a line of the story.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(script) = &mut self.script {
            script.push(format!("{now} {}", line()));
        }
    }

    /// Writes down which runs have come to another stage, and why they wait or are void.
    pub fn note_runs(&mut self) {
        if self.script.is_none() {
            return;
        }
        for run in self.deployment.cloud.control.all_runs() {
            let of = (run.tenant.clone(), run.id.clone());
            if self.stages_told.insert(of, run.stage) != Some(run.stage) {
                let (purpose, stage) = (run.purpose, run.stage.as_str());
                let why = run.note.as_deref().unwrap_or_default();
                self.note(|| format!("     run {} {} ({purpose:?}): {stage} {why}", run.tenant, run.id));
            }
        }
    }

    fn storm(&mut self) -> Result<(), String> {
        let end = self.now().plus(self.setting.storm);
        for n_turns in 0..MAX_TURNS {
            if end <= self.now() {
                break;
            }
            self.tally.n_turns = n_turns;
            let roll = self.dice.below(1000);
            let bustle = self.setting.bustle;
            if roll < bustle {
                self.somebody_acts();
                self.watch(Hand::Others)?;
            } else if roll < bustle + 12 {
                let by = Duration::from_secs(self.dice.between(1, 60));
                self.time_passes(by)?;
            } else if roll < bustle + 14 {
                let by = self.dice.minutes(2, 30);
                self.time_passes(by)?;
            } else if roll < bustle + 18 {
                let tick = some_tick(&mut self.dice);
                self.post.add(Parcel::tick(tick, self.now()));
            } else if self.workers.is_empty() || (roll < 150 && self.workers.len() < MAX_WORKERS) {
                self.somebody_begins()?;
            } else {
                self.somebody_comes_further()?;
            }
        }
        Ok(())
    }

    /// The clock moves on. Whoever is at it for too long is killed.
    pub fn time_passes(&mut self, by: Duration) -> Result<(), String> {
        self.deployment.cloud.clock.advance(by);
        self.note(|| format!("-- {} min later", by.as_secs() / 60));
        let now = self.now();
        while let Some(at) = self.workers.iter().position(|worker| worker.is_overdue(now)) {
            self.tally.count("timed out");
            let worker = self.workers.swap_remove(at);
            self.is_killed(worker);
        }
        if self.setting.has_ttl && self.dice.chance(300) {
            self.deployment.cloud.vault.expire_by_ttl();
            self.watch(Hand::Lethe)?;
        }
        self.keep_appointments();
        self.watch(Hand::Others)
    }

    /// An invocation begins with something that waits. Where nothing does, time passes until something is due.
    fn somebody_begins(&mut self) -> Result<(), String> {
        let now = self.now();
        let Some(parcel) = self.post.next(now, &mut self.dice, Some(&mut self.tally)) else {
            if self.workers.is_empty() {
                let by = self.dice.minutes(5, 240);
                self.time_passes(by)?;
                for tick in [Work::Survey, Work::Expire, Work::Reconcile] {
                    if self.dice.chance(800) {
                        let late = Duration::from_secs(self.dice.below(90));
                        self.post.add(Parcel::tick(tick, self.now().plus(late)));
                    }
                }
            }
            return Ok(());
        };
        self.begin(parcel);
        Ok(())
    }

    fn begin(&mut self, parcel: Parcel) {
        let patience = if self.dice.chance(150) { self.dice.between(1, 12) } else { u64::MAX };
        self.n_workers += 1;
        let worker = Worker::start(self.deployment, self.n_workers, parcel, patience);
        self.note(|| format!("{} begins: {}", name_of(&worker), about(&worker.parcel.work)));
        self.workers.push(worker);
    }

    /// One call of one worker happens, or its worker is killed.
    fn somebody_comes_further(&mut self) -> Result<(), String> {
        let at = self.dice.place(self.workers.len());
        let is_bad = self.dice.chance(self.setting.faults);
        let is_deadly = is_bad && self.dice.chance(400);
        let fate = is_bad.then(|| self.dice.pick(&[FaultKind::BeforeEffect, FaultKind::AfterEffect]));
        if is_deadly && fate == Some(FaultKind::BeforeEffect) {
            let worker = self.workers.swap_remove(at);
            self.is_killed(worker);
            return Ok(());
        }
        let turn = self.workers[at].turn(&self.deployment.cloud.faults, fate);
        if let Some(call) = turn.call {
            let name = name_of(&self.workers[at]);
            let fate = fate.map_or("", |fate| match fate {
                FaultKind::BeforeEffect | FaultKind::Killed => ", which failed",
                FaultKind::AfterEffect => ", whose answer was lost",
            });
            self.note(|| format!("  {name} {call}{fate}"));
            self.happened(call)?;
        }
        // A worker that is killed after a call has no say in what follows from it.
        if is_deadly {
            let worker = self.workers.swap_remove(at);
            self.is_killed(worker);
        } else if let Some(end) = turn.end {
            let worker = self.workers.swap_remove(at);
            self.is_over(worker, end);
        }
        Ok(())
    }

    pub fn everybody_is_killed(&mut self) {
        while let Some(worker) = self.workers.pop() {
            self.is_killed(worker);
        }
    }

    fn is_killed(&mut self, worker: Worker<'d>) {
        self.tally.count("killed");
        self.note(|| format!("{} is killed", name_of(&worker)));
        let after = self.dice.minutes(0, 90);
        self.post.failed(worker.parcel, after, self.deployment.now());
    }

    pub fn is_over(&mut self, worker: Worker<'d>, end: Result<End, StageError>) {
        self.note(|| format!("{} ends: {}", name_of(&worker), told(&end)));
        if matches!(worker.parcel.work, Work::Reconcile) {
            self.last_reconciled_at = self.now();
        }
        let Ok(end) = end else {
            self.tally.count("failed");
            let after = self.dice.minutes(0, 30);
            self.post.failed(worker.parcel, after, self.deployment.now());
            return;
        };
        if let (End::Answered(answer), Work::Command(number, ..)) = (&end, &worker.parcel.work) {
            self.answered(*number, answer);
        }
        let comes_again = self.dice.chance(40);
        self.post.taken(&worker.parcel, comes_again);
    }

    /// Sees to what a call has changed.
    fn happened(&mut self, call: &'static str) -> Result<(), String> {
        match call {
            "control.update_run" => {
                self.truth.note_seals(self.deployment);
                self.note_runs();
            }
            "archive.put" => self.truth.note_archive(self.deployment),
            _ => {}
        }
        self.post.collect(self.deployment, Some((&mut self.dice, &mut self.tally)));
        self.watch(Hand::Lethe)
    }

    /// Notes what has changed in the vault, and judges it.
    pub fn watch(&mut self, by: Hand) -> Result<(), String> {
        for record in self.deployment.cloud.vault.drain_stream() {
            if let Some(change) = self.change_of(&record, by) {
                self.tell_change(&change);
                let judge = Judge { truth: &self.truth, deployment: self.deployment };
                let slot = change.slot;
                judge.check(&change).map_err(|why| format!("token {slot}: {why}"))?;
                self.truth.changes.push(change);
            }
            self.post.stream(record, &self.deployment.cloud.faults);
        }
        Ok(())
    }

    fn change_of(&self, record: &StreamRecord, by: Hand) -> Option<Change> {
        let row = |image: &Option<Image>| image.as_ref().and_then(Image::token).cloned();
        let (old, new) = (row(&record.old), row(&record.new));
        let slot = self.truth.slot_of(&new.as_ref().or(old.as_ref())?.key)?;
        let raw = record.old.as_ref().map(|image| image.raw.clone());
        let subject_holds = self.truth.holds_on_subject_of(&self.truth.tokens[slot]);
        Some(Change { at: self.now(), by, slot, old, new, raw, subject_holds })
    }

    fn tell_change(&mut self, change: &Change) {
        let phase = |row: &Option<VaultRow>| row.as_ref().map(VaultRow::phase);
        let (from, to) = (phase(&change.old), phase(&change.new));
        let (slot, reason) = (change.slot, change.new.as_ref().and_then(|row| row.reason));
        self.note(|| format!("     token {slot}: {from:?} -> {to:?} {reason:?}"));
        if change.by == Hand::Others {
            return;
        }
        let what = match (from, to) {
            (Some(_), None) => "removed",
            (Some(Phase::Active), Some(Phase::Cooling)) => "cooled",
            (Some(Phase::Active | Phase::Cooling), Some(Phase::Sentenced)) => "sentenced",
            (Some(Phase::Cooling | Phase::Sentenced), Some(Phase::Active)) => "revived",
            _ => return,
        };
        self.tally.count(what);
    }
}

fn some_tick(dice: &mut Dice) -> Work {
    match dice.below(4) {
        0 => Work::Expire,
        1 => Work::Reconcile,
        _ => Work::Survey,
    }
}

pub fn name_of(worker: &Worker<'_>) -> String {
    format!("{}-{}", worker.parcel.work.function(), worker.number)
}

pub fn about(work: &Work) -> String {
    match work {
        Work::Survey | Work::Expire | Work::Reconcile => "a tick".to_owned(),
        Work::Wake(wake) => wake.to_json(),
        Work::React(records) | Work::Archive(records) => format!("{} records", records.len()),
        Work::Confirm(object) => format!("{object:?}"),
        Work::Command(number, ..) => format!("command {number}"),
    }
}

pub fn told(end: &Result<End, StageError>) -> String {
    match end {
        Ok(End::Done) => "done".to_owned(),
        Ok(End::InPart(n_failed)) => format!("done, {n_failed} parts failed"),
        Ok(End::Answered(answer)) => format!("answered {}", answer.status),
        Err(error) => chain(error),
    }
}
