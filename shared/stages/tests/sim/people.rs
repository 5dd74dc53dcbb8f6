//! What people and their programs do meanwhile: issue tokens, store and drop references, move them, read, end, hold
//! and release tokens, run into sources that do not answer, approve what waits, pause and resume, and take back runs.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::executor::block_on;
use lethe_domain::issue::{NewToken, issued_item};
use lethe_domain::pause::{Pause, Reach};
use lethe_domain::policy::Trigger;
use lethe_domain::row::{By, Owner, State, VaultRow};
use lethe_domain::run::{Run, RunId, Stage};
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_domain::token::TenantId;
use lethe_domain::undo::Undo;
use lethe_sources::{Attribute, SourceError};
use lethe_stages::ports::{Acceptance, Approval, Control as _, KillSwitch as _, RunRef, Undos as _};
use lethe_testkit::item::item_of;
use lethe_testkit::{CHANGED_AT, DUE_SHARDS, SHARDS, key, token};
use serde_json::{Value, json};

use crate::commands::Said;
use crate::setting::{DAY, MAX_TOKENS};
use crate::settled::SECRETS;
use crate::story::Story;
use crate::truth::{Ending, Known, Place, Reference};

/// A reference that was copied can be relied on once it is older than any scan that is under way.
const DWELL: Duration = Duration::from_hours(26);

/// Objects of a tenant's bucket.
const OBJECTS: u64 = 3;

/// Something that will be done.
#[derive(Clone, Debug)]
pub enum Later {
    Store(usize, Place),
    Drop(usize, Place),
    SourcesAnswer,
    Resume(Reach, EpochSeconds),
}

/// What people have in mind.
#[derive(Default)]
pub struct People {
    pub later: Vec<(EpochSeconds, Later)>,
    pub said: Vec<Said>,
    /// Holds that were asked for, with what they are on; released ones are taken out.
    pub holds: Vec<(TenantId, Value, String)>,
    pub n_made: u64,
    /// When each logout was sent, by its sender's clock: it means whatever was issued up to then.
    pub logouts: Vec<(TenantId, EpochMillis)>,
    /// Void runs whose note was read and heeded.
    heeded: BTreeSet<(TenantId, RunId)>,
}

impl People {
    fn is_heeded(&self, run: &Run) -> bool {
        self.heeded.contains(&(run.tenant.clone(), run.id.clone()))
    }
}

impl Story<'_> {
    /// The tokens that are there when the story begins.
    pub fn set_the_stage(&mut self) {
        let now = self.now();
        for n in 0..self.setting.n_tokens {
            let age = if self.dice.chance(150) { self.dice.minutes(10, 600) } else { DAY * 90 };
            let kind = if n % 4 == 3 { "session" } else { "vault" };
            let slot = self.issue(kind, now.minus(age).to_millis());
            if self.dice.chance(650) {
                let place = self.some_place(slot);
                self.store(slot, &place);
                let last = self.truth.tokens[slot].references.last_mut().unwrap();
                last.since = now.minus(age);
            }
        }
    }

    /// One thing that somebody does.
    pub fn somebody_acts(&mut self) {
        let slot = self.dice.place(self.truth.tokens.len());
        match self.dice.below(100) {
            0..20 => self.read(slot),
            20..33 => self.forget(slot),
            33..47 => self.move_reference(slot),
            47..55 => self.copy(slot),
            55..65 => self.issue_again(slot),
            65..71 => self.issue_new(),
            71..77 => self.end(slot),
            77..83 => self.hold(slot),
            83..89 => self.release(),
            89..92 => self.command(slot, "reinstate", &json!({}), Said::Other),
            92..94 => self.fail_sources(),
            94 => self.pause(),
            95 => self.undo(),
            _ => self.approve_what_waits(),
        }
    }

    /// Everything that was put off until now.
    pub fn keep_appointments(&mut self) {
        let now = self.now();
        let all = std::mem::take(&mut self.people.later).into_iter();
        let (due, later): (Vec<_>, Vec<_>) = all.partition(|(at, _)| *at <= now);
        self.people.later = later;
        for (_, what) in due {
            match what {
                Later::Store(slot, place) => self.store(slot, &place),
                Later::Drop(slot, place) => self.drop_reference(slot, &place),
                Later::SourcesAnswer => self.sources_answer(),
                Later::Resume(reach, since) => self.resume(&reach, since),
            }
        }
    }

    fn issue(&mut self, kind: &'static str, created_at: EpochMillis) -> usize {
        let slot = self.truth.tokens.len();
        let tenant = self.setting.tenants[slot % self.setting.tenants.len()].clone();
        let id = token(slot as u64);
        let key = key(tenant.as_str(), &id, SHARDS);
        let has_subject = kind == "session" || self.dice.chance(300);
        let subject = has_subject.then(|| SECRETS[0].to_owned());
        self.truth.tokens.push(Known::new(key, kind, subject));
        let life = self.dice.minutes(60, 60 * 72);
        self.write_issue(slot, created_at, life);
        slot
    }

    fn write_issue(&mut self, slot: usize, created_at: EpochMillis, life: Duration) {
        let known = &mut self.truth.tokens[slot];
        let is_session = known.kind == "session";
        let session = is_session.then(|| format!("session-{}", slot % 2));
        let client = is_session.then(|| "app".to_owned());
        let new = NewToken {
            key: known.key.clone(),
            kind: known.kind.to_owned(),
            created_at,
            expires_at: is_session.then(|| self.deployment.now().plus(life)),
            owner: Owner { subject: known.subject.clone(), session, client, ..Owner::default() },
        };
        known.issued.push(created_at);
        let logged_out = |(tenant, sent_at): &(TenantId, EpochMillis)| {
            is_session && *tenant == known.key.tenant && created_at <= *sent_at
        };
        if self.people.logouts.iter().any(logged_out) {
            known.endings.push(Ending { trigger: Trigger::Logout, is_taken: false });
        }
        let kind = self.config.known_kind(&new.key.tenant, &new.kind).unwrap();
        let row = VaultRow::try_from(issued_item(&new, kind, DUE_SHARDS).row).unwrap();
        let mut item = item_of(&row, DUE_SHARDS);
        item.insert("payload".to_owned(), json!({ "S": SECRETS[1] }));
        self.deployment.cloud.vault.insert(item);
        self.note(|| format!("issue token {slot}"));
    }

    fn issue_new(&mut self) {
        if (self.truth.tokens.len() as u64) < MAX_TOKENS {
            let kind = if self.dice.chance(300) { "session" } else { "vault" };
            let created_at = self.deployment.cloud.clock.millis();
            let slot = self.issue(kind, created_at);
            self.store_soon(slot);
        }
    }

    /// Hands a token out again, as an issuer does that still has it in service or may take it back.
    fn issue_again(&mut self, slot: usize) {
        let known = &self.truth.tokens[slot];
        let Some(row) = self.deployment.cloud.vault.row(&known.key) else { return };
        let may_return = row.state == State::Active || row.reason.is_some_and(Trigger::is_revivable);
        if !known.is_scanned_for() || !may_return {
            return;
        }
        self.tally.count("issued again");
        self.deployment.cloud.vault.reissue(&known.key.clone());
        let created_at = self.deployment.cloud.clock.millis();
        self.truth.tokens[slot].issued.push(created_at);
        self.note(|| format!("issue token {slot} again"));
        self.store_soon(slot);
    }

    /// The reference of what was just handed out lands a little later.
    fn store_soon(&mut self, slot: usize) {
        let at = self.now().plus(self.dice.minutes(0, 10));
        let place = self.some_place(slot);
        self.people.later.push((at, Later::Store(slot, place)));
    }

    fn some_place(&mut self, slot: usize) -> Place {
        let has_table = self.truth.tokens[slot].key.tenant.as_str() == "acme";
        if has_table && self.dice.chance(500) {
            self.people.n_made += 1;
            return Place::Item(self.people.n_made);
        }
        Place::Object(self.dice.below(OBJECTS))
    }

    fn store(&mut self, slot: usize, place: &Place) {
        let now = self.now();
        let stands = self.truth.tokens[slot].references.iter();
        if stands.filter(|reference| reference.until.is_none()).any(|reference| reference.place == *place) {
            return;
        }
        self.note(|| format!("store token {slot} in {place:?}"));
        if let Place::Item(number) = place {
            let text = |text: &str| Attribute::S(text.to_owned());
            let token = text(self.truth.tokens[slot].key.token.expose());
            let changed_at = Attribute::N(self.deployment.cloud.clock.millis().0.to_string());
            let item = [
                ("id".to_owned(), text(&format!("order-{number}"))),
                ("note".to_owned(), token),
                (CHANGED_AT.to_owned(), changed_at),
            ];
            self.deployment.stores.tables.put("acme-orders", item.into_iter().collect());
        }
        self.truth.tokens[slot].references.push(Reference { place: place.clone(), since: now, until: None });
        self.write_object(slot, place);
    }

    fn drop_reference(&mut self, slot: usize, place: &Place) {
        let now = self.now();
        let references = self.truth.tokens[slot].references.iter_mut();
        for reference in references.filter(|reference| reference.place == *place) {
            reference.until.get_or_insert(now);
        }
        self.note(|| format!("drop token {slot} from {place:?}"));
        if let Place::Item(number) = place {
            let id = Attribute::S(format!("order-{number}"));
            self.deployment.stores.tables.remove("acme-orders", |item| item.get("id") == Some(&id));
        }
        self.write_object(slot, place);
    }

    /// Puts the object anew with what is in it now.
    fn write_object(&self, slot: usize, place: &Place) {
        let Place::Object(number) = place else { return };
        let tenant = &self.truth.tokens[slot].key.tenant;
        let is_in = |known: &&Known| {
            let mut standing = known.references.iter().filter(|reference| reference.until.is_none());
            known.key.tenant == *tenant && standing.any(|reference| reference.place == *place)
        };
        let tokens = self.truth.tokens.iter().filter(is_in).map(|known| known.key.token.expose());
        let lines: String =
            tokens.fold(String::new(), |text, token| text + &format!("{{\"note\":\"{token}\"}}\n"));
        let (bucket, name) = (format!("{tenant}-lake"), format!("exports/{number}.jsonl"));
        if lines.is_empty() {
            self.deployment.stores.objects.remove(&bucket, &name);
        } else {
            self.deployment.stores.objects.put(&bucket, &name, lines);
        }
    }

    /// The last references go: from now on the token is kept for nothing.
    fn forget(&mut self, slot: usize) {
        let standing = self.truth.tokens[slot].standing();
        for at in standing {
            let place = self.truth.tokens[slot].references[at].place.clone();
            self.drop_reference(slot, &place);
        }
        self.people.later.retain(|(_, later)| !matches!(later, Later::Store(of, _) if *of == slot));
    }

    fn copy(&mut self, slot: usize) {
        if self.truth.tokens[slot].is_referenced() {
            let place = self.some_place(slot);
            self.store(slot, &place);
        }
    }

    /// Takes a reference from one place to another: at once where no scan can be under way, else the old one stays
    /// until every scan of now is over.
    fn move_reference(&mut self, slot: usize) {
        let Some(at) = self.truth.tokens[slot].standing().first().copied() else { return };
        let from = self.truth.tokens[slot].references[at].place.clone();
        let to = self.some_place(slot);
        if to == from {
            return;
        }
        self.tally.count("moved");
        self.store(slot, &to);
        if self.is_scanning(slot) {
            let at = self.now().plus(DWELL);
            self.people.later.push((at, Later::Drop(slot, from)));
        } else {
            self.drop_reference(slot, &from);
        }
    }

    fn is_scanning(&self, slot: usize) -> bool {
        let tenant = &self.truth.tokens[slot].key.tenant;
        let is_scanning = |stage| matches!(stage, Stage::Surveying | Stage::Scanning | Stage::Draining);
        let of_tenant = |run: &Run| run.tenant == *tenant && is_scanning(run.stage);
        !self.deployment.cloud.control.runs_where(of_tenant).is_empty()
    }

    fn fail_sources(&mut self) {
        let code = "ServiceUnavailable".to_owned();
        let error = self.dice.pick(&[0, 1, 2]);
        let error = match error {
            0 => SourceError::Missing,
            1 => SourceError::Denied { code },
            _ => SourceError::Unreachable { code },
        };
        self.note(|| format!("sources fail: {error}"));
        self.tally.count("source failed");
        if self.dice.chance(500) {
            self.deployment.stores.tables.refuse(Some(error));
        } else {
            self.deployment.stores.objects.refuse(Some(error));
        }
        let until = self.now().plus(self.dice.minutes(1, 300));
        self.people.later.push((until, Later::SourcesAnswer));
    }

    pub fn sources_answer(&self) {
        self.deployment.stores.tables.refuse(None);
        self.deployment.stores.objects.refuse(None);
    }

    /// Somebody stops what is decided for a while, and now and then freezes what has a date as well.
    fn pause(&mut self) {
        let (control, now) = (self.deployment.cloud.control.clone(), self.now());
        let tenant = self.setting.tenants[self.dice.place(self.setting.tenants.len())].clone();
        let reach = if self.dice.chance(300) { Reach::Everybody } else { Reach::Tenant(tenant) };
        let freezes = self.dice.chance(300);
        let pause = Pause { by: operator(), since: now, freezes };
        // One that gives way to a freeze is over with it.
        if self.by_hand(control.pause(&reach, &pause)).unwrap() {
            self.tally.count(if freezes { "frozen" } else { "paused" });
            self.note(|| format!("pause {reach}, {freezes}"));
            let until = now.plus(self.dice.minutes(1, 600));
            self.people.later.push((until, Later::Resume(reach, now)));
        }
    }

    fn resume(&mut self, reach: &Reach, since: EpochSeconds) {
        let (control, now) = (self.deployment.cloud.control.clone(), self.now());
        self.by_hand(control.resume(reach, since, now)).unwrap();
        self.note(|| format!("resume {reach}"));
    }

    /// Somebody takes back what a run did, also one that is under way.
    fn undo(&mut self) {
        let (control, now) = (self.deployment.cloud.control.clone(), self.now());
        let runs = control.runs_where(|run| run.plan_hash.is_some());
        if runs.is_empty() {
            return;
        }
        let run = &runs[self.dice.place(runs.len())];
        let By { actor, .. } = operator();
        let order = Undo::new(run.tenant.clone(), run.id.clone(), (&actor, None), now);
        if self.by_hand(control.create_undo(&order)).unwrap() {
            self.tally.count("run undone");
            self.note(|| format!("undo run {} {}", run.tenant, run.id));
        }
    }

    /// The operators look at what waits, and say yes: two of them, as the largest plans ask for. What a void run saw is
    /// right, where it asks for that.
    pub fn approve_what_waits(&mut self) {
        let (control, now) = (self.deployment.cloud.control.clone(), self.now());
        let operators =
            ["operator", "second-operator"].map(|name| format!("arn:aws:iam::000000000000:user/{name}"));
        for run in control.runs_where(asks_a_person) {
            let of = RunRef::from(&run);
            if run.stage == Stage::Void {
                let actor = operators[0].clone();
                let acceptance = Acceptance { run: of.clone(), actor, accepted_at: now };
                if self.by_hand(control.accept(&acceptance)).unwrap() {
                    self.tally.count("void run accepted");
                }
            }
            let Some(hash) = run.plan_hash.clone().filter(|_| run.stage == Stage::Gated) else { continue };
            self.tally.count("plan approved");
            for actor in operators.clone() {
                let approval = Approval { run: of.clone(), hash: hash.clone(), actor, approved_at: now };
                self.by_hand(control.approve(&approval)).unwrap();
            }
        }
        for row in self.deployment.cloud.vault.rows().into_values() {
            if let Some(day) = row.waits_for {
                self.tally.count("budget approved");
                let actor = &operators[0];
                self.by_hand(control.approve_budget(&row.key.tenant, day, actor, now)).unwrap();
            }
        }
    }

    /// A scan never empties a tenant: where nothing would remain its runs are void, and their note tells a person to end
    /// by commands what is truly at its end. So they do, once they have looked.
    pub fn end_what_no_scan_may(&mut self) {
        let is_unread = |run: &Run| is_void(run, "nothing would remain") && !self.people.is_heeded(run);
        for run in self.deployment.cloud.control.runs_where(is_unread) {
            let in_service = self.scanned_tokens_in_service(&run.tenant);
            let is_used = |slot: &usize| self.truth.tokens[*slot].is_referenced();
            if self.people.later.is_empty() && !in_service.iter().any(is_used) {
                self.tally.count("tenant emptied by commands");
                self.people.heeded.insert((run.tenant, run.id));
                for slot in in_service {
                    self.revoke(slot);
                }
            }
        }
    }

    fn scanned_tokens_in_service(&self, tenant: &TenantId) -> Vec<usize> {
        let is_in_service = |known: &Known| {
            let row = self.deployment.cloud.vault.row(&known.key);
            row.is_some_and(|row| row.state == State::Active && row.hold.is_none())
        };
        let tokens = self.truth.tokens.iter().enumerate();
        let of_tenant = tokens.filter(|(_, known)| known.key.tenant == *tenant && known.is_scanned_for());
        of_tenant.filter(|(_, known)| is_in_service(known)).map(|(slot, _)| slot).collect()
    }

    /// A call that a person makes: it takes no turn of a worker's.
    fn by_hand<T>(&self, call: impl Future<Output = T>) -> T {
        self.deployment.cloud.faults.calm();
        block_on(call)
    }
}

fn operator() -> By {
    By { actor: "arn:aws:iam::000000000000:user/operator".to_owned(), reason_text: None }
}

/// Whether a plan waits for a yes, or a void run for a word that what it saw is right.
fn asks_a_person(run: &Run) -> bool {
    run.stage == Stage::Gated || is_void(run, "lethe accept")
}

/// Whether a run is void, and says this.
fn is_void(run: &Run, word: &str) -> bool {
    run.stage == Stage::Void && run.note.as_ref().is_some_and(|note| note.contains(word))
}
