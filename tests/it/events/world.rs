//! A small world of fakes with one handler call a function, and the recorded events that go into it.

use std::path::Path;

use futures::FutureExt;
use lethe_domain::audit::Event;
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::limits::Limits;
use lethe_domain::row::VaultRow;
use lethe_domain::run::Stage;
use lethe_domain::source::UnitLimits;
use lethe_domain::token::TokenId;
use lethe_lambda::failure::InvocationError;
use lethe_lambda::handlers;
use lethe_sources::Connectors;
use lethe_stages::archive::Archiver;
use lethe_stages::confirm::Confirm;
use lethe_stages::expire::Expire;
use lethe_stages::intake::Intake;
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::{Approval, AuditLog, Control, RunRef};
use lethe_stages::react::React;
use lethe_stages::reconcile::Reconcile;
use lethe_stages::scan::Scan;
use lethe_stages::settings::{Mode, PLAN_ROWS, Settings};
use lethe_stages::survey::Survey;
use lethe_stages::sweep::Sweep;
use lethe_testkit::sources::{FakeObjects, FakeTables};
use lethe_testkit::{FakeCloud, Sample, tenant, token};
use serde_json::{Value, json};

/// What a handler answers.
pub(super) type Answer = Result<Value, InvocationError>;

/// The fakes and the settings that the stages run with.
pub(super) struct World {
    pub(super) cloud: FakeCloud,
    pub(super) stores: Connectors<FakeTables, FakeObjects>,
    pub(super) settings: Settings,
}

/// Whom the recorded events come from: a role over the URL, and whoever may write to the issuers' queue.
const CALLERS: &str = r#"
[tenants.acme.callers.shop]
principals = ["arn:aws:iam::123456789012:role/shop-checkout"]
may = ["revoked", "logout"]
[tenants.acme.callers.issuer]
queue = "issuer"
may = ["revoked", "read"]
"#;

/// A recorded event.
pub(super) fn event(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// The recorded event with another body in its first message.
pub(super) fn event_with_body(name: &str, body: &str) -> Value {
    let mut event = event(name);
    event["Records"][0]["body"] = json!(body);
    event
}

/// The ids of the messages or records that an answer sends back.
pub(super) fn sent_back(answer: Answer) -> Vec<String> {
    let answer = answer.unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
}

impl World {
    /// Tenant `acme` with one bucket to scan and a config in force, in the middle of a calm day.
    pub(super) fn new() -> Self {
        let sample = Sample::new().tenant("acme").bucket("lake", "acme-lake", "", "jsonl").callers(CALLERS);
        let cloud = FakeCloud::new();
        cloud.control.put_config(&sample.text(), cloud.clock.now());
        let keys = TenantKeys { mark_key: 7, fingerprint_key: [7; 32], key_version: 1 };
        // The fakes never wait.
        assert!(cloud.control.create_keys(&tenant("acme"), &keys).now_or_never().unwrap().unwrap());
        let stores = Connectors {
            tables: FakeTables::new(cloud.faults.clone()),
            objects: FakeObjects::new(cloud.faults.clone()),
        };
        let settings = Settings {
            limits: Limits::production(),
            units: UnitLimits::PRODUCTION,
            mode: Mode::Act,
            scan: true,
            plan_rows: PLAN_ROWS,
        };
        Self { cloud, stores, settings }
    }

    /// An invocation that begins now and has all the time in the world.
    pub(super) fn at(&self) -> Invocation<'static> {
        Invocation { now: self.cloud.clock.now(), should_pause: &|| false, has_come: &|_| false }
    }

    pub(super) async fn survey(&self) -> Answer {
        let FakeCloud { control, audit, work, scan_queue, sweep_queue, .. } = &self.cloud;
        let (stores, settings) = (&self.stores, &self.settings);
        let stage = Survey { control, audit, work, scan_queue, sweep_queue, stores, settings };
        handlers::survey(&stage, self.at()).await
    }

    pub(super) async fn scan(&self, event: &Value) -> Answer {
        let FakeCloud { control, audit, work, scan_queue, .. } = &self.cloud;
        let stage = Scan { control, audit, work, scan_queue, stores: &self.stores, settings: &self.settings };
        handlers::scan(event, &stage, self.at()).await
    }

    /// One person's yes to every plan that waits for it.
    pub(super) async fn approve_waiting(&self) {
        let waits = self.cloud.control.all_runs().into_iter().filter(|run| run.stage == Stage::Gated);
        for run in waits {
            let approval = Approval {
                run: RunRef::from(&run),
                hash: run.plan_hash.clone().unwrap(),
                actor: "arn:aws:iam::123456789012:user/ada".to_owned(),
                approved_at: self.cloud.clock.now(),
            };
            self.cloud.control.approve(&approval).await.unwrap();
        }
    }

    pub(super) async fn sweep(&self, event: &Value) -> Answer {
        let FakeCloud { control, audit, work, vault, sweep_queue, .. } = &self.cloud;
        let stage = Sweep { control, audit, work, vault, sweep_queue, settings: &self.settings };
        handlers::sweep(event, &stage, self.at()).await
    }

    pub(super) async fn expire(&self) -> Answer {
        let FakeCloud { control, vault, .. } = &self.cloud;
        handlers::expire(&Expire { control, vault, settings: &self.settings }, self.at()).await
    }

    pub(super) async fn reconcile(&self) -> Answer {
        let FakeCloud { control, audit, work, vault, archive, scan_queue, sweep_queue, .. } = &self.cloud;
        let settings = &self.settings;
        let stage = Reconcile { control, audit, work, vault, archive, scan_queue, sweep_queue, settings };
        handlers::reconcile(&stage, self.at()).await
    }

    pub(super) async fn intake(&self, event: &Value) -> Answer {
        self.intake_with(event, &self.cloud.audit).await
    }

    pub(super) async fn intake_with(&self, event: &Value, audit: &impl AuditLog) -> Answer {
        let FakeCloud { control, vault, .. } = &self.cloud;
        let stage = Intake { control, audit, vault, settings: &self.settings };
        handlers::intake(event, &stage, self.at()).await
    }

    pub(super) async fn react(&self, event: Value) -> Answer {
        self.react_with(event, &self.cloud.audit).await
    }

    pub(super) async fn react_with(&self, event: Value, audit: &impl AuditLog) -> Answer {
        let FakeCloud { control, vault, .. } = &self.cloud;
        handlers::react(event, &React { control, audit, vault, settings: &self.settings }, self.at()).await
    }

    pub(super) async fn archive(&self, event: Value) -> Answer {
        let FakeCloud { control, audit, vault, archive, .. } = &self.cloud;
        let stage = Archiver { control, audit, vault, archive, settings: &self.settings };
        handlers::archive(event, &stage, self.at()).await
    }

    pub(super) async fn confirm(&self, event: &Value) -> Answer {
        let FakeCloud { audit, archive, .. } = &self.cloud;
        handlers::confirm(event, &Confirm { audit, archive }, self.at()).await
    }

    /// The row of one of `acme`'s sample tokens.
    pub(super) fn row(&self, seed: u64) -> VaultRow {
        self.cloud.vault.rows().remove(&token(seed)).unwrap()
    }

    /// What is on record about one of `acme`'s tokens.
    pub(super) fn history(&self, token: &TokenId) -> Vec<Event> {
        let keys = self.cloud.control.keys_now(&tenant("acme")).unwrap();
        let history = self.cloud.audit.history(&keys.fingerprint(token));
        history.into_iter().map(|(event, _)| event).collect()
    }

    /// The ids of what was refused on record, with the reason.
    pub(super) fn refused(&self) -> Vec<(String, String)> {
        let items = self.cloud.audit.items_of(Event::Refused);
        let id_of = |sk: &str| sk.strip_prefix("refused#").unwrap_or(sk).to_owned();
        items.into_iter().map(|item| (id_of(&item.sk), item.reason_text.unwrap_or_default())).collect()
    }
}
