//! A small world of fakes in which a whole event is worked off, as one function would.

use futures::FutureExt;
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::limits::Limits;
use lethe_domain::policy::Trigger;
use lethe_domain::source::UnitLimits;
use lethe_domain::time::EpochSeconds;
use lethe_lambda::failure::InvocationError;
use lethe_lambda::handlers;
use lethe_stages::archive::Archiver;
use lethe_stages::intake::Intake;
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::Control;
use lethe_stages::react::React;
use lethe_stages::settings::{Mode, PLAN_ROWS, Settings};
use lethe_testkit::{FakeCloud, START, Sample, row, tenant, token};
use serde_json::Value;

/// What a handler answers.
pub(crate) type Answer = Result<Value, InvocationError>;

/// The fakes and the settings that the stages run with.
pub(crate) struct World {
    cloud: FakeCloud,
    settings: Settings,
}

impl World {
    /// Tenant `acme` with a config in force and tokens in every state; each call is the same world.
    pub(crate) fn new() -> Self {
        let sample = Sample::new().tenant("acme").bucket("lake", "acme-lake", "", "jsonl");
        let cloud = FakeCloud::new();
        cloud.control.put_config(&sample.text(), cloud.clock.now());
        let keys = TenantKeys { mark_key: 7, fingerprint_key: [7; 32], key_version: 1 };
        at_once(cloud.control.create_keys(&tenant("acme"), &keys)).unwrap();
        let of = |seed: u64, kind: &str| {
            let row = row("acme", &token(seed)).kind(kind).subject("subject-1").session("session-1");
            row.device("device-1").family("family-1").client("web")
        };
        let hour = |hours: i64| EpochSeconds(START.0 + 3600 * hours);
        let cooling = of(5, "vault").cooling(Trigger::Unreferenced, hour(-2));
        let sentenced = of(6, "session").cooling(Trigger::Logout, hour(-2)).purge_at(hour(24));
        let active =
            [of(1, "vault"), of(2, "session").expires_at(hour(9)), of(3, "refresh"), of(4, "access")];
        for row in active.into_iter().chain([cooling, sentenced, of(7, "vault").hold("case-1")]) {
            cloud.vault.insert(row);
        }
        let settings = Settings {
            limits: Limits::production(),
            units: UnitLimits::PRODUCTION,
            mode: Mode::Act,
            scan: true,
            plan_rows: PLAN_ROWS,
        };
        Self { cloud, settings }
    }

    pub(crate) fn intake(&self, event: &Value) -> Answer {
        let FakeCloud { control, audit, vault, .. } = &self.cloud;
        at_once(handlers::intake(event, &Intake { control, audit, vault, settings: &self.settings }, at()))
    }

    pub(crate) fn react(&self, event: Value) -> Answer {
        let FakeCloud { control, audit, vault, .. } = &self.cloud;
        at_once(handlers::react(event, &React { control, audit, vault, settings: &self.settings }, at()))
    }

    pub(crate) fn archive(&self, event: Value) -> Answer {
        let FakeCloud { control, audit, vault, archive, .. } = &self.cloud;
        let stage = Archiver { control, audit, vault, archive, settings: &self.settings };
        at_once(handlers::archive(event, &stage, at()))
    }
}

/// An invocation that has all the time in the world.
fn at() -> Invocation<'static> {
    Invocation { now: START, should_pause: &|| false, has_come: &|_| false }
}

/// The fakes never wait.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("the fakes never wait")
}
