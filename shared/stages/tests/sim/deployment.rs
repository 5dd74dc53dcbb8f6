//! The nine functions over the fakes: what one invocation of each of them is.

use lethe_domain::audit::ObjectVersion;
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::message::Wake;
use lethe_domain::time::EpochSeconds;
use lethe_sources::Connectors;
use lethe_stages::announce::Announced;
use lethe_stages::archive::Archiver;
use lethe_stages::confirm::Confirm;
use lethe_stages::error::StageError;
use lethe_stages::expire::Expire;
use lethe_stages::intake::{Answer, Caller, Intake};
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::{Control as _, RunRef};
use lethe_stages::react::React;
use lethe_stages::reconcile::Reconcile;
use lethe_stages::scan::Scan;
use lethe_stages::settings::Settings;
use lethe_stages::stream::StreamRecord;
use lethe_stages::survey::Survey;
use lethe_stages::sweep::Sweep;
use lethe_testkit::sources::{FakeObjects, FakeTables};
use lethe_testkit::{FakeAudit, FakeBus, FakeCloud, FakeControl, FakeQueue, FakeVault, FakeWork};

use futures::executor::block_on;

use crate::setting::Setting;

type Record = Announced<FakeAudit, FakeBus>;

/// Every port of a deployment.
pub struct Deployment {
    pub cloud: FakeCloud,
    pub stores: Connectors<FakeTables, FakeObjects>,
    pub settings: Settings,
    record: Record,
}

/// What one invocation is about.
#[derive(Clone, Debug)]
pub enum Work {
    Survey,
    Expire,
    Reconcile,
    Wake(Wake),
    React(Vec<StreamRecord>),
    Archive(Vec<StreamRecord>),
    Confirm(ObjectVersion),
    /// A command: its place in the truth, its text and its sender.
    Command(usize, String, Caller),
}

/// How an invocation ended that did not fail.
#[derive(Debug)]
pub enum End {
    Done,
    /// So many parts of a tick failed, and the next tick goes on.
    InPart(u64),
    Answered(Answer),
}

impl Deployment {
    pub fn new(setting: &Setting) -> Self {
        let cloud = FakeCloud::new();
        cloud.control.put_config(&setting.config(), cloud.clock.now());
        for tenant in &setting.tenants {
            let keys = TenantKeys { mark_key: 7, fingerprint_key: [7; 32], key_version: 1 };
            block_on(cloud.control.create_keys(tenant, &keys)).unwrap();
        }
        let stores = Connectors {
            tables: FakeTables::new(cloud.faults.clone()),
            objects: FakeObjects::new(cloud.faults.clone()),
        };
        if let Some(size) = setting.page_size {
            cloud.set_page_size(size);
            stores.objects.set_page_size(usize::from(size));
        }
        stores.tables.set_page_size(2);
        stores.tables.create("acme-orders");
        for tenant in &setting.tenants {
            stores.objects.create(&format!("{tenant}-lake"));
        }
        let record = Announced { audit: cloud.audit.clone(), bus: cloud.bus.clone() };
        Self { cloud, stores, settings: setting.settings(), record }
    }

    pub fn now(&self) -> EpochSeconds {
        self.cloud.clock.now()
    }

    /// One invocation from its beginning to its end. `attempt` counts the deliveries of its message.
    pub async fn invoke(
        &self,
        work: &Work,
        attempt: u32,
        now: EpochSeconds,
        should_pause: &dyn Fn() -> bool,
    ) -> Result<End, StageError> {
        let FakeCloud { control, vault, archive, scan_queue, sweep_queue, work: store, .. } = &self.cloud;
        let (audit, settings, stores) = (&self.record, &self.settings, &self.stores);
        let invocation = Invocation { now, should_pause, has_come: &|_| false };
        match work {
            Work::Survey => {
                let survey =
                    Survey { control, audit, work: store, scan_queue, sweep_queue, stores, settings };
                survey.tick(invocation).await.map(|report| End::InPart(report.n_failed))
            }
            Work::Expire => Expire { control, vault, settings }.tick(invocation).await.map(|_| End::Done),
            Work::Reconcile => {
                let work = store;
                let reconcile =
                    Reconcile { control, audit, work, vault, archive, scan_queue, sweep_queue, settings };
                reconcile.tick(invocation).await.map(|report| End::InPart(report.n_failed))
            }
            Work::Wake(wake) => self.wake(wake, attempt, invocation).await,
            Work::React(records) => {
                React { control, audit, vault, settings }.batch(records, now).await.map(|_| End::Done)
            }
            Work::Archive(records) => {
                let archiver = Archiver { control, audit, vault, archive, settings };
                archiver.batch(records, now).await.map(|_| End::Done)
            }
            Work::Confirm(object) => {
                Confirm { audit, archive }.version_gone(object, now).await.map(|_| End::Done)
            }
            Work::Command(_, body, caller) => {
                let intake = Intake { control, audit, vault, settings };
                intake.command(body, caller, invocation).await.map(End::Answered)
            }
        }
    }

    async fn wake(&self, wake: &Wake, attempt: u32, invocation: Invocation<'_>) -> Result<End, StageError> {
        let run_ref = |tenant: &_, run: &_| RunRef { tenant: Clone::clone(tenant), id: Clone::clone(run) };
        match wake {
            Wake::Scan { tenant, run, unit } => {
                let scan = Scan {
                    control: &self.cloud.control,
                    audit: &self.record,
                    work: &self.cloud.work,
                    scan_queue: &self.cloud.scan_queue,
                    stores: &self.stores,
                    settings: &self.settings,
                };
                scan.unit(&run_ref(tenant, run), *unit, attempt, invocation).await?;
            }
            Wake::Plan { tenant, run, shard } => {
                self.sweep().plan(&run_ref(tenant, run), *shard, invocation).await?;
            }
            Wake::Apply { tenant, run, shard, hash } => {
                self.sweep().apply(&run_ref(tenant, run), *shard, hash, invocation).await?;
            }
        }
        Ok(End::Done)
    }

    fn sweep(&self) -> Sweep<'_, FakeControl, Record, FakeWork, FakeVault, FakeQueue> {
        Sweep {
            control: &self.cloud.control,
            audit: &self.record,
            work: &self.cloud.work,
            vault: &self.cloud.vault,
            sweep_queue: &self.cloud.sweep_queue,
            settings: &self.settings,
        }
    }
}

impl Work {
    /// The function that does it.
    pub fn function(&self) -> &'static str {
        match self {
            Self::Survey => "survey",
            Self::Expire => "expire",
            Self::Reconcile => "reconcile",
            Self::Wake(Wake::Scan { .. }) => "scan",
            Self::Wake(Wake::Plan { .. } | Wake::Apply { .. }) => "sweep",
            Self::React(_) => "react",
            Self::Archive(_) => "archive",
            Self::Confirm(_) => "confirm",
            Self::Command(..) => "intake",
        }
    }
}
