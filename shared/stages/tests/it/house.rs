//! An auth service's tokens by name, with neighbours that differ in one thing each: what the tests of commands start
//! from, and what they look at.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use lethe_domain::audit::{AuditItem, Event, ObjectVersion};
use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::policy::Trigger;
use lethe_domain::reader::{Found, ReaderAnswer, answer};
use lethe_domain::row::{Phase, RowRead, VaultRow};
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, ShardCount, TokenId};
use lethe_stages::intake::{Answer, Caller, Sender};
use lethe_testkit::{APP, RowBuilder, SHARDS, START, Sample, row, tenant, token, token_named};
use serde_json::Value;

use crate::driver::World;
use crate::world::DAY;

/// Name, tenant, kind, subject, session, device, family. Bob's sign-in and the one at globex have the same names as
/// Alice's first: only the subject and the tenant tell them apart.
const CAST: [(&str, &str, &str, [&str; 4]); 19] = [
    ("acc-1", "acme", "access", ["alice", "s1", "laptop", ""]),
    ("ref-1", "acme", "refresh", ["alice", "s1", "laptop", "f1"]),
    ("ses-1", "acme", "session", ["alice", "s1", "laptop", ""]),
    ("code-1", "acme", "auth_code", ["alice", "s1", "laptop", ""]),
    ("card-1", "acme", "vault", ["alice", "s1", "laptop", ""]),
    ("acc-2", "acme", "access", ["alice", "s2", "laptop", ""]),
    ("ref-2", "acme", "refresh", ["alice", "s2", "laptop", "f2"]),
    ("ses-2", "acme", "session", ["alice", "s2", "laptop", ""]),
    ("acc-3", "acme", "access", ["alice", "s3", "phone", ""]),
    ("ref-3", "acme", "refresh", ["alice", "s3", "phone", "f3"]),
    ("ses-3", "acme", "session", ["alice", "s3", "phone", ""]),
    ("acc-9", "acme", "access", ["bob", "s1", "laptop", ""]),
    ("ref-9", "acme", "refresh", ["bob", "s1", "laptop", "f1"]),
    ("ses-9", "acme", "session", ["bob", "s1", "laptop", ""]),
    ("card-9", "acme", "vault", ["bob", "s1", "laptop", ""]),
    ("acc-x", "globex", "access", ["alice", "s1", "laptop", ""]),
    ("ref-x", "globex", "refresh", ["alice", "s1", "laptop", "f1"]),
    ("ses-x", "globex", "session", ["alice", "s1", "laptop", ""]),
    ("card-x", "globex", "vault", ["alice", "s1", "laptop", ""]),
];

pub const SECOND: Duration = Duration::from_secs(1);

/// What every command of these tests says about itself.
pub const WHY: &str = "ticket 7";

/// A world with the cast in it.
pub struct House {
    pub world: World,
    keys: BTreeMap<String, RowKey>,
    before: BTreeMap<String, VaultRow>,
    n_sent: Cell<u32>,
}

/// The token with this name; those of the vault have their format.
pub fn id(name: &str) -> TokenId {
    match name.strip_prefix("card-") {
        Some(rest) => token(rest.bytes().map(u64::from).sum()),
        None => token_named(&format!("{name}-of-the-auth-service")),
    }
}

/// Two tenants that the app may command.
pub fn two_tenants() -> Sample {
    let acme = Sample::new().tenant("acme").table("orders", "acme-orders", 1);
    acme.tenant("globex").table("orders", "globex-orders", 1).cadence("30d")
}

/// A token like the named one, which nobody has yet.
pub fn like(name: &str, new: &str) -> RowBuilder {
    let (_, tenant, kind, owner) = CAST.iter().find(|(of, ..)| *of == name).unwrap();
    owned(row(tenant, &id(new)).kind(kind), *owner)
}

fn owned(row: RowBuilder, [subject, session, device, family]: [&str; 4]) -> RowBuilder {
    let row = row.subject(subject).session(session).device(device);
    if family.is_empty() { row } else { row.family(family) }
}

impl House {
    pub fn new() -> Self {
        Self::with("", |_, row| row)
    }

    /// Under further sections of the config, and with what each row is to have beside its owner.
    pub fn with(sections: &str, more: impl Fn(&str, RowBuilder) -> RowBuilder) -> Self {
        Self::under(&two_tenants().with(sections), more)
    }

    /// Under a config of its own.
    pub fn under(config: &Sample, more: impl Fn(&str, RowBuilder) -> RowBuilder) -> Self {
        let house = Self::empty(config);
        for (name, ..) in CAST {
            let row = more(name, like(name, name));
            if name.starts_with("card-") {
                house.world.store(&format!("{}-orders", row.key().tenant), &id(name));
            }
            house.world.cloud.vault.insert(row);
        }
        house.world.round_quietly();
        house.moved_in(CAST.map(|(name, tenant, ..)| (name, tenant)))
    }

    /// Nobody lives here yet.
    pub fn empty(config: &Sample) -> Self {
        let world = World::new(&config.text());
        world.stores.tables.create("acme-orders");
        world.stores.tables.create("globex-orders");
        Self { world, keys: BTreeMap::new(), before: BTreeMap::new(), n_sent: Cell::new(0) }
    }

    /// From here on these tokens are looked at, and what they are now is what they were before.
    pub fn moved_in<'n>(mut self, names: impl IntoIterator<Item = (&'n str, &'n str)>) -> Self {
        for (name, tenant) in names {
            let key = lethe_testkit::key(tenant, &id(name), SHARDS);
            let row = self.world.cloud.vault.row(&key).unwrap();
            self.keys.insert(name.to_owned(), key);
            self.before.insert(name.to_owned(), row);
        }
        self
    }

    /// Issues a token while the house stands, and looks at it from here on.
    pub fn issue(self, name: &str, row: RowBuilder) -> Self {
        let tenant = row.key().tenant.to_string();
        self.world.cloud.vault.insert(row);
        self.world.drain();
        self.moved_in([(name, tenant.as_str())])
    }

    /// A command of the app about acme, with these fields.
    pub fn say(&self, command: &str, fields: &str) -> Answer {
        let answer = self.send(command, fields);
        self.world.drain();
        answer
    }

    /// The same, before anything follows from it.
    pub fn send(&self, command: &str, fields: &str) -> Answer {
        self.send_as(&self.caller(Sender::Principal(APP.to_owned())), "acme", command, fields)
    }

    pub fn send_as(&self, caller: &Caller, tenant: &str, command: &str, fields: &str) -> Answer {
        let body =
            format!(r#"{{"v":1,"tenant":"{tenant}","command":"{command}","reason_text":"{WHY}",{fields}}}"#);
        self.world.command_as(&body, caller).unwrap()
    }

    /// A sender with a message that nobody sent before.
    pub fn caller(&self, sender: Sender) -> Caller {
        self.n_sent.set(self.n_sent.get() + 1);
        Caller { id: format!("m-{}", self.n_sent.get()), sender, sent_at: self.world.cloud.clock.millis() }
    }

    /// The app with a message of its own id and time, as a redelivery brings it.
    pub fn app_at(id: &str, sent_at: EpochSeconds) -> Caller {
        let sender = Sender::Principal(APP.to_owned());
        Caller { id: id.to_owned(), sender, sent_at: sent_at.to_millis() }
    }

    /// Lets so much time pass, and then every schedule have its turn.
    pub fn after(&self, time: Duration) {
        self.world.cloud.clock.advance(time);
        self.world.round();
        assert_eq!(*self.world.failures.borrow(), [""; 0], "a stage failed");
    }

    /// A named token's row.
    pub fn row(&self, name: &str) -> Option<VaultRow> {
        self.world.cloud.vault.row(&self.keys[name])
    }

    pub fn key(&self, name: &str) -> &RowKey {
        &self.keys[name]
    }

    /// Where a token stands and when it leaves, with times from the start of the clock.
    pub fn line(&self, name: &str) -> String {
        let Some(row) = self.row(name) else { return "gone".to_owned() };
        let phase = match row.phase() {
            Phase::Active => "active",
            Phase::Cooling => "cooling",
            Phase::Sentenced => "sentenced",
        };
        let mut line = phase.to_owned();
        let mut add = |text: String| {
            line.push(' ');
            line.push_str(&text);
        };
        row.reason.into_iter().for_each(|reason| add(reason.as_str().to_owned()));
        row.purge_at.into_iter().for_each(|at| add(format!("leaves {}", since_start(at))));
        row.due_at.into_iter().for_each(|at| add(format!("due {}", since_start(at))));
        row.waits_for.into_iter().for_each(|_| add("waits".to_owned()));
        row.hold.into_iter().for_each(|hold| add(format!("held {hold}")));
        line
    }

    /// The same for several, one line each.
    pub fn lines(&self, names: &[&str]) -> Vec<String> {
        names.iter().map(|name| format!("{name} {}", self.line(name))).collect()
    }

    /// Asserts that each of them stands like this.
    #[track_caller]
    pub fn all(&self, names: &[&str], line: &str) {
        let expected: Vec<String> = names.iter().map(|name| format!("{name} {line}")).collect();
        assert_eq!(self.lines(names), expected);
    }

    /// What a reader of the vault answers about a token that it knows to have been issued.
    pub fn answer(&self, name: &str) -> ReaderAnswer {
        let found = self.row(name).map(|row| RowRead::Token(Box::new(row)));
        let subject = self.before[name].owner.subject.as_ref();
        let key = &self.keys[name];
        let subject = subject.and_then(|subject| self.subject_of(key.tenant.as_str(), subject));
        let found = found.as_ref().map_or(Found::NothingAnyMore, Found::Row);
        answer(found, subject.as_ref(), self.world.now())
    }

    /// The names of those that a reader still lets through, of these.
    pub fn valid<'n>(&self, names: &[&'n str]) -> Vec<&'n str> {
        names.iter().copied().filter(|name| self.answer(name).valid).collect()
    }

    pub fn subject(&self, subject: &str) -> Option<SubjectRow> {
        self.subject_of("acme", subject)
    }

    fn subject_of(&self, name: &str, subject: &str) -> Option<SubjectRow> {
        let shards = ShardCount::new(SHARDS).unwrap();
        self.world.cloud.vault.subject_row(&SubjectKey::new(&tenant(name), subject, shards))
    }

    /// Who is not as before: changed, gone, or refused by readers. Everybody else is untouched.
    pub fn touched(&self) -> Vec<&str> {
        let is_as_before = |name: &str| self.row(name).as_ref() == self.before.get(name);
        let touched = |name: &&str| !is_as_before(name) || !self.answer(name).valid;
        self.keys.keys().map(String::as_str).filter(touched).collect()
    }

    /// What is on record about a token, in order: the event, the reason, who acted and what they said.
    pub fn record(&self, name: &str) -> Vec<String> {
        let fingerprint = self.fingerprint(name);
        let mut found = Vec::new();
        for item in self.world.cloud.audit.items() {
            for entry in item.entries.iter().filter(|entry| entry.fingerprint == fingerprint) {
                let is_removal = matches!(item.event, Event::Archived | Event::Erased);
                found.push((
                    entry.version,
                    is_removal,
                    item.event,
                    told(&item, entry.reason.map(Trigger::as_str)),
                ));
            }
        }
        found.sort();
        found.into_iter().map(|(.., told)| told).collect()
    }

    pub fn fingerprint(&self, name: &str) -> Fingerprint {
        let key = &self.keys[name];
        self.world.cloud.control.keys_now(&key.tenant).unwrap().fingerprint(&key.token)
    }

    /// Under which prefix the archive has a token.
    pub fn kept(&self, name: &str) -> Option<String> {
        let key = &self.keys[name];
        let versions = self.world.cloud.archive.all_versions().into_iter();
        let holds = |body: &Vec<u8>| {
            let records = lethe_testkit::records_in(body);
            records.iter().any(|record| record.token == key.token.expose() && record.tenant == key.tenant)
        };
        let version = versions.into_iter().find(|version| version.body.as_ref().is_some_and(holds))?;
        version.object.key.split('/').next().map(str::to_owned)
    }

    /// The archived version of a token, as the record names it.
    pub fn object_of(&self, name: &str) -> Option<ObjectVersion> {
        let fingerprint = self.fingerprint(name);
        let items = self.world.cloud.audit.items_of(Event::Archived);
        let of_token = |item: &AuditItem| item.entries.iter().any(|entry| entry.fingerprint == fingerprint);
        items.into_iter().find(of_token)?.object
    }

    pub fn is_purged(&self, name: &str) -> bool {
        let object = self.object_of(name);
        let purged = self.world.cloud.audit.items_of(Event::Purged);
        object.is_some() && purged.iter().any(|item| item.object == object)
    }

    /// Follows tokens to their end: they leave in so much time and not before, into a locked object of this class or
    /// without any, and that object goes when its time is over.
    #[track_caller]
    pub fn follow(&self, names: &[&str], leave_in: Duration, class: Option<(&str, u32)>) {
        if let Some(shortly_before) = leave_in.checked_sub(SECOND) {
            self.after(shortly_before);
            for name in names {
                assert!(self.row(name).is_some(), "{name} left before its time");
            }
        }
        self.after(leave_in.min(SECOND));
        self.all(names, "gone");
        for name in names {
            assert_eq!(self.kept(name).as_deref(), class.map(|(prefix, _)| prefix), "{name}");
            assert_eq!(self.answer(name).status, 410, "{name}");
        }
        let Some((_, days)) = class else {
            let is_erased = |name: &&str| self.record(name).iter().any(|event| event.starts_with("erased "));
            assert!(names.iter().all(is_erased), "{names:?}");
            return;
        };
        self.after(DAY * days);
        assert!(names.iter().all(|name| self.kept(name).is_some()), "unlocked before its time: {names:?}");
        self.after(DAY * 4);
        for name in names {
            assert!(self.kept(name).is_none() && self.is_purged(name), "{name}");
        }
    }
}

/// The `tokens` field of a command.
pub fn tokens(names: &[&str]) -> String {
    let ids: Vec<String> = names.iter().map(|name| format!("\"{}\"", id(name).expose())).collect();
    format!(r#""tokens":[{}]"#, ids.join(","))
}

/// What an answer says of each token: its result and why.
pub fn results(answer: &Answer) -> Vec<String> {
    let results = answer.body["results"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    let told = |result: &Value| {
        let words = ["result", "why"].map(|word| result[word].as_str());
        words.into_iter().flatten().collect::<Vec<_>>().join(": ")
    };
    results.iter().map(told).collect()
}

/// What an answer says of a group: whether it is complete, how many ended, how many were kept.
pub fn reached(answer: &Answer) -> (u16, bool, u64, u64) {
    let number = |name: &str| answer.body[name].as_u64().unwrap_or_else(|| panic!("{answer:?}"));
    (answer.status, answer.body["complete"] == true, number("ended"), number("kept"))
}

fn told(item: &AuditItem, reason: Option<&str>) -> String {
    let reason = reason.map(|reason| format!(" {reason}"));
    let actor = item.actor.as_ref().map(|actor| format!(" by {}", actor.rsplit('/').next().unwrap_or(actor)));
    let text = item.reason_text.as_ref().map(|text| format!(": {text}"));
    let parts = [Some(item.event.as_str().to_owned()), reason, actor, text];
    parts.into_iter().flatten().collect()
}

fn since_start(at: EpochSeconds) -> String {
    let seconds = at.0 - START.0;
    if seconds % 3600 == 0 { format!("{}h", seconds / 3600) } else { format!("{seconds}s") }
}

/// The second before so much time is over.
pub fn shortly_before(time: Duration) -> Duration {
    time.saturating_sub(SECOND)
}

/// A moment so much after the start.
pub fn start_plus(time: Duration) -> EpochSeconds {
    START.plus(time)
}
