//! Runs the nine stages over the fakes the way the deployment would: ticks, queues, the stream, notices. A message
//! whose worker fails goes back to its queue; a stream batch comes again until it is taken.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Display;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use lethe_domain::audit::Event;
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::limits::Limits;
use lethe_domain::message::Wake;
use lethe_domain::row::Phase;
use lethe_domain::run::{Run, Stage};
use lethe_domain::source::UnitLimits;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TokenId;
use lethe_sources::Connectors;
use lethe_stages::announce::Announced;
use lethe_stages::archive::Archiver;
use lethe_stages::confirm::Confirm;
use lethe_stages::error::StageError;
use lethe_stages::expire::Expire;
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::{Acceptance, Approval, Control, RunRef};
use lethe_stages::react::React;
use lethe_stages::reconcile::Reconcile;
use lethe_stages::scan::Scan;
use lethe_stages::settings::{Mode, Settings};
use lethe_stages::stream::{RecordKind, StreamRecord};
use lethe_stages::survey::Survey;
use lethe_stages::sweep::{ApplyReport, Sweep};
use lethe_testkit::sources::{FakeObjects, FakeTables};
use lethe_testkit::{FakeAudit, FakeBus, FakeCloud, tenant};

/// The record that announces, as the deployment's is.
pub type Record = Announced<FakeAudit, FakeBus>;

/// Who stands by when a plan waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Approves everything, so that a test is about something else.
    Approves,
    /// Accepts that recall is not measured where nobody tells of reads; every other question waits.
    AcceptsRecall,
    /// Nobody; a test approves for itself.
    Away,
}

/// One deployment over the fakes.
pub struct World {
    pub cloud: FakeCloud,
    pub stores: Connectors<FakeTables, FakeObjects>,
    pub settings: Settings,
    pub audit: Record,
    /// Stream records that react and archive have not taken yet.
    to_react: RefCell<VecDeque<StreamRecord>>,
    to_archive: RefCell<VecDeque<StreamRecord>>,
    attempts: RefCell<BTreeMap<String, u32>>,
    /// Failures that the run has seen; a calm run has none.
    pub failures: RefCell<Vec<String>>,
    /// Who stands by when a plan waits for an approval.
    pub operator: Cell<Operator>,
}

fn never_pause() -> bool {
    false
}

/// An invocation of a moment, which no edge of a window meets.
fn never_comes(_: EpochSeconds) -> bool {
    false
}

impl World {
    pub fn new(config: &str) -> Self {
        let cloud = FakeCloud::new();
        let now = cloud.clock.now();
        cloud.control.put_config(config, now);
        for name in ["acme", "globex"] {
            let keys = TenantKeys { mark_key: 7, fingerprint_key: [7; 32], key_version: 1 };
            block_on(cloud.control.create_keys(&tenant(name), &keys)).unwrap();
        }
        let stores = Connectors {
            tables: FakeTables::new(cloud.faults.clone()),
            objects: FakeObjects::new(cloud.faults.clone()),
        };
        let mut limits = Limits::production();
        // As in the local profile: no service removes by itself here, reconcile does it at once.
        limits.patience = Duration::ZERO;
        limits.walk_period = Duration::ZERO;
        let settings =
            Settings { limits, units: UnitLimits::LOCAL, mode: Mode::Act, scan: true, plan_rows: 3 };
        let audit = Announced { audit: cloud.audit.clone(), bus: cloud.bus.clone() };
        Self {
            cloud,
            stores,
            settings,
            audit,
            to_react: RefCell::default(),
            to_archive: RefCell::default(),
            attempts: RefCell::default(),
            failures: RefCell::default(),
            operator: Cell::new(Operator::Approves),
        }
    }

    fn invocation(&self) -> Invocation<'static> {
        Invocation { now: self.now(), should_pause: &never_pause, has_come: &never_comes }
    }

    pub fn now(&self) -> EpochSeconds {
        self.cloud.clock.now()
    }

    /// The survey's tick; how many of its parts failed.
    pub fn survey(&self) -> Result<u64, StageError> {
        let survey = Survey {
            control: &self.cloud.control,
            audit: &self.audit,
            work: &self.cloud.work,
            scan_queue: &self.cloud.scan_queue,
            sweep_queue: &self.cloud.sweep_queue,
            stores: &self.stores,
            settings: &self.settings,
        };
        block_on(survey.tick(self.invocation())).map(|report| report.n_failed)
    }

    /// One message, as the scan or the sweep function would take it.
    pub fn take(&self, wake: &Wake) -> Result<(), StageError> {
        self.take_at(wake, self.invocation())
    }

    /// One message in this invocation.
    pub fn take_at(&self, wake: &Wake, at: Invocation<'_>) -> Result<(), StageError> {
        match wake {
            Wake::Scan { tenant, run, unit } => {
                let scan = Scan {
                    control: &self.cloud.control,
                    audit: &self.audit,
                    work: &self.cloud.work,
                    scan_queue: &self.cloud.scan_queue,
                    stores: &self.stores,
                    settings: &self.settings,
                };
                let run = RunRef { tenant: tenant.clone(), id: run.clone() };
                let attempt = self.attempt(wake);
                block_on(scan.unit(&run, *unit, attempt, at)).map(drop)
            }
            Wake::Plan { tenant, run, shard } => {
                let run = RunRef { tenant: tenant.clone(), id: run.clone() };
                block_on(self.sweep().plan(&run, *shard, at)).map(drop)
            }
            Wake::Apply { tenant, run, shard, hash } => {
                let run = RunRef { tenant: tenant.clone(), id: run.clone() };
                block_on(self.sweep().apply(&run, *shard, hash, at)).map(drop)
            }
        }
    }

    /// A shard of a plan, by a worker that asks now and then whether to hand on. What it is asked by may be another worker,
    /// since none of the fakes waits.
    pub fn apply(&self, wake: &Wake, should_pause: &dyn Fn() -> bool) -> ApplyReport {
        let Wake::Apply { tenant, run, shard, hash } = wake else { panic!("{wake:?} applies nothing") };
        let run = RunRef { tenant: tenant.clone(), id: run.clone() };
        let invocation = Invocation { now: self.now(), should_pause, has_come: &never_comes };
        self.sweep().apply(&run, *shard, hash, invocation).now_or_never().unwrap().unwrap()
    }

    fn attempt(&self, wake: &Wake) -> u32 {
        let mut attempts = self.attempts.borrow_mut();
        let attempt = attempts.entry(wake.to_json()).or_default();
        *attempt += 1;
        *attempt
    }

    fn sweep(
        &self,
    ) -> Sweep<
        '_,
        lethe_testkit::FakeControl,
        Record,
        lethe_testkit::FakeWork,
        lethe_testkit::FakeVault,
        lethe_testkit::FakeQueue,
    > {
        Sweep {
            control: &self.cloud.control,
            audit: &self.audit,
            work: &self.cloud.work,
            vault: &self.cloud.vault,
            sweep_queue: &self.cloud.sweep_queue,
            settings: &self.settings,
        }
    }

    pub fn expire(&self) -> Result<u64, StageError> {
        let expire =
            Expire { control: &self.cloud.control, vault: &self.cloud.vault, settings: &self.settings };
        block_on(expire.tick(self.invocation())).map(|_| 0)
    }

    pub fn reconcile(&self) -> Result<u64, StageError> {
        self.reconcile_until(&never_pause)
    }

    /// A tick that hands on when the deadline is near.
    pub fn reconcile_until(&self, should_pause: &dyn Fn() -> bool) -> Result<u64, StageError> {
        let reconcile = Reconcile {
            control: &self.cloud.control,
            audit: &self.audit,
            work: &self.cloud.work,
            vault: &self.cloud.vault,
            archive: &self.cloud.archive,
            scan_queue: &self.cloud.scan_queue,
            sweep_queue: &self.cloud.sweep_queue,
            settings: &self.settings,
        };
        let invocation = Invocation { now: self.now(), should_pause, has_come: &never_comes };
        block_on(reconcile.tick(invocation)).map(|report| report.n_failed)
    }

    /// Everything that waits in queues and the stream, until nothing waits any more or a whole round fails.
    pub fn drain(&self) {
        for _ in 0..50 {
            let mut moved = false;
            for queue in [&self.cloud.scan_queue, &self.cloud.sweep_queue] {
                for wake in queue.drain() {
                    moved = true;
                    if let Err(error) = self.take(&wake) {
                        self.note(&error);
                        queue.put_back(wake);
                    }
                }
            }
            moved |= self.drain_stream();
            for object in self.cloud.archive.drain_removed() {
                moved = true;
                let confirm = Confirm { audit: &self.audit, archive: &self.cloud.archive };
                // Notices come at least once; a failed one comes again.
                while let Err(error) = block_on(confirm.version_gone(&object, self.now())) {
                    self.note(&error);
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn drain_stream(&self) -> bool {
        for record in self.cloud.vault.drain_stream() {
            match record.kind {
                RecordKind::Remove => self.to_archive.borrow_mut().push_back(record),
                RecordKind::Insert | RecordKind::Modify => self.to_react.borrow_mut().push_back(record),
            }
        }
        let mut moved = false;
        let batch: Vec<_> = self.to_react.borrow().iter().cloned().collect();
        if !batch.is_empty() {
            let react = React {
                control: &self.cloud.control,
                audit: &self.audit,
                vault: &self.cloud.vault,
                settings: &self.settings,
            };
            match block_on(react.batch(&batch, self.now())) {
                Ok(_) => self.to_react.borrow_mut().clear(),
                Err(error) => self.note(&error),
            }
            moved = true;
        }
        let batch: Vec<_> = self.to_archive.borrow().iter().cloned().collect();
        if !batch.is_empty() {
            let archiver = Archiver {
                control: &self.cloud.control,
                audit: &self.audit,
                vault: &self.cloud.vault,
                archive: &self.cloud.archive,
                settings: &self.settings,
            };
            match block_on(archiver.batch(&batch, self.now())) {
                Ok(_) => self.to_archive.borrow_mut().clear(),
                Err(error) => self.note(&error),
            }
            moved = true;
        }
        moved
    }

    fn note(&self, error: &dyn Display) {
        self.failures.borrow_mut().push(error.to_string());
        // A killed worker is replaced by a new one, which works.
        if self.cloud.faults.fired().is_some() {
            self.cloud.faults.calm();
        }
    }

    /// One message to intake, which comes again until it is taken.
    pub fn until_taken<T>(&self, attempt: impl Fn(&Self) -> Result<T, StageError>) {
        while let Err(error) = attempt(self) {
            self.note(&error);
        }
        self.drain();
    }

    /// Every schedule once, and what follows from it. Survey, whose ticks come the most often, goes on with what was
    /// sealed meanwhile.
    pub fn round(&self) {
        self.tick(Self::survey);
        let is_sealed = |run: &Run| run.stage == Stage::Planning && !run.dispatched;
        if self.cloud.control.all_runs().iter().any(is_sealed) {
            self.tick(Self::survey);
        }
        if self.approve_as_usual() {
            self.tick(Self::survey);
        }
        self.tick(Self::expire);
        self.tick(Self::reconcile);
    }

    fn tick(&self, tick: impl Fn(&Self) -> Result<u64, StageError>) {
        match tick(self) {
            Ok(0) => {}
            Ok(n_failed) => self.note(&format!("{n_failed} parts of a tick failed")),
            Err(error) => self.note(&error),
        }
        self.drain();
    }

    /// Approves what the operator who stands by approves; whether there was anything.
    fn approve_as_usual(&self) -> bool {
        let recall_alone =
            |run: &Run| run.note.as_ref().is_some_and(|note| note.starts_with("recall of kind"));
        let approves = |run: &Run| match self.operator.get() {
            Operator::Approves => true,
            Operator::AcceptsRecall => recall_alone(run),
            Operator::Away => false,
        };
        let waits = self.cloud.control.all_runs().into_iter().filter(|run| run.stage == Stage::Gated);
        let tenants: BTreeSet<_> = waits.filter(approves).map(|run| run.tenant).collect();
        for tenant in &tenants {
            self.approve_waiting(tenant.as_str());
        }
        !tenants.is_empty()
    }

    /// Rounds with this step between them.
    pub fn rounds(&self, n: usize, step: Duration) {
        for _ in 0..n {
            self.round();
            self.cloud.clock.advance(step);
        }
    }

    /// Approves the plan that waits, as the operators would: so many of them as it needs.
    pub fn approve_waiting(&self, name: &str) {
        for run in self.waiting(name) {
            for at in 0..run.n_persons {
                self.approve_as(&run, &format!("arn:aws:iam::000000000000:user/operator-{at}"));
            }
        }
    }

    /// One person's word that what a void run saw is right.
    pub fn accept(&self, run: &Run) {
        let actor = "arn:aws:iam::000000000000:user/operator".to_owned();
        let acceptance = Acceptance { run: RunRef::from(run), actor, accepted_at: self.now() };
        assert!(block_on(self.cloud.control.accept(&acceptance)).unwrap());
    }

    /// The tenant's runs that wait for an approval.
    pub fn waiting(&self, name: &str) -> Vec<Run> {
        let waits = |run: &Run| run.tenant == tenant(name) && run.stage == Stage::Gated;
        self.cloud.control.all_runs().into_iter().filter(waits).collect()
    }

    /// One person's yes to the plan of a run.
    pub fn approve_as(&self, run: &Run, actor: &str) {
        let approval = Approval {
            run: RunRef::from(run),
            hash: run.plan_hash.clone().unwrap(),
            actor: actor.to_owned(),
            approved_at: self.now(),
        };
        // A person whose command failed types it again.
        while let Err(error) = block_on(self.cloud.control.approve(&approval)) {
            self.note(&error);
        }
    }

    /// Where each token of the vault stands.
    pub fn phases(&self) -> BTreeMap<TokenId, Phase> {
        self.cloud.vault.rows().into_iter().map(|(token, row)| (token, row.phase())).collect()
    }

    /// What the audit says of a token, each event once, in order.
    pub fn events_of(&self, name: &str, token: &TokenId) -> Vec<Event> {
        let keys = self.cloud.control.keys_now(&tenant(name)).unwrap();
        let mut seen = BTreeSet::new();
        let history = self.cloud.audit.history(&keys.fingerprint(token));
        history.into_iter().map(|(event, _)| event).filter(|event| seen.insert(*event)).collect()
    }
}
