//! Tells a story to a world: calmly, each message once and at once, or as a bad day does, with messages late, doubled
//! and out of order, and workers that die between any two calls and whose messages come again.

use std::collections::VecDeque;
use std::time::Duration;

use futures::executor::block_on;
use lethe_domain::config::Config;
use lethe_domain::fan_out::FanOut;
use lethe_domain::issue::{NewToken, issued_item};
use lethe_domain::policy::Trigger;
use lethe_domain::row::{Owner, RowVersion, State, VaultRow};
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_stages::error::StageError;
use lethe_stages::intake::{Caller, Sender};
use lethe_stages::ports::Control;
use lethe_testkit::item::item_of;
use lethe_testkit::{DUE_SHARDS, FaultKind, Sample, row, tenant};
use serde_json::{Value, json};

use super::look::{Picture, key_of, look, name_of, subject_name};
use super::order::{Arrival, arrivals, keeps_order};
use super::plan::{Event, Kind, Part, Plan, Saying, Setting, Spec, Story, TENANTS, Was, What, Whom};
use super::reference::{IDLE_AFTER, IDLE_COOL_OFF};
use crate::driver::World;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// When in a day the schedules come: first after all of its commands were taken, those too that waited for what died.
const TICKS: [i64; 2] = [3 * HOUR, 14 * HOUR];
/// Until when they are. A token that comes back then is idle again before the same tick as on a calm day.
const TAKEN: i64 = 2 * HOUR;
/// Days after the last commands until every date has come that any of them can have set.
const QUIET_AFTER: i64 = 9;
/// A moment at which the tokens were looked at.
#[derive(Clone, Debug)]
pub enum Moment {
    Taken(usize),
    Looked { at: EpochSeconds, picture: Picture },
}

/// How it went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub n_deliveries: u64,
    pub n_faults: u64,
}

pub struct Teller<'s> {
    pub world: World,
    pub tally: Tally,
    pub moments: Vec<Moment>,
    story: &'s Story,
    config: Config,
    /// The deaths to come: at which event, or tick day, from there on at which call, and how.
    deaths: VecDeque<(Turn, u16, FaultKind)>,
    armed: Option<(u64, FaultKind)>,
    /// Messages whose worker died: they come again.
    pending: Vec<usize>,
}

/// When a death is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Step(usize, usize),
    Ticks(usize),
}

fn sample(setting: Setting) -> Sample {
    let mut sample = Sample::new();
    for name in TENANTS {
        let role = format!("arn:aws:iam::000000000000:role/{name}-auth");
        let class =
            format!("auth = {{ principals = [\"{role}\"], may = {:?} }}\n", lethe_domain::caller::COMMANDS);
        sample = sample.tenant(name).callers(&class).table("orders", &format!("{name}-orders"), 1);
    }
    let days = |seconds: i64| seconds / DAY;
    for name in TENANTS {
        sample = sample.with(&format!(
            "[tenants.{name}.override.session]\nidle_after = \"{}d\"\n\
             [tenants.{name}.override.session.on.idle]\ncool_off = \"{}d\"\n",
            days(IDLE_AFTER),
            days(IDLE_COOL_OFF)
        ));
    }
    let cleanup = match setting {
        Setting::CleanUp => "enable = true",
        Setting::CleanUpWithoutCopy => "retain_for_audit = false",
        Setting::Lagging | Setting::NoBudget => "enable = false",
    };
    let sample = sample.idle_after(&format!("{}d", days(IDLE_AFTER)));
    sample.with(&format!("[cleanup]\n{cleanup}\n"))
}

/// The sample with its command budget.
fn config_of(setting: Setting) -> String {
    let floor = if setting == Setting::NoBudget { 0 } else { 10_000 };
    let rails = format!("[rails]\ncommand_percent = 0\ncommand_floor = {floor}\n");
    sample(setting).text().replace("[rails]\n", &rails)
}

impl<'s> Teller<'s> {
    pub fn new(story: &'s Story) -> Self {
        let text = config_of(story.setting);
        let mut world = World::new(&text);
        world.settings.scan = false;
        // Second looks come with the day's schedules, also where somebody has to wait for what died.
        world.settings.limits.index_lag = Duration::from_hours(2);
        // Every page ends early, so that each subject takes several. Clean-up looks at one page of a bucket alone.
        if matches!(story.setting, Setting::Lagging | Setting::NoBudget) {
            world.cloud.set_page_size(3);
        }
        let teller = Self {
            world,
            tally: Tally::default(),
            moments: Vec::new(),
            story,
            config: Config::parse(&text).unwrap(),
            deaths: VecDeque::new(),
            armed: None,
            pending: Vec::new(),
        };
        for spec in &story.tokens {
            teller.set_the_stage(spec);
        }
        teller.world.drain();
        teller.world.cloud.faults.calm();
        teller
    }

    fn set_the_stage(&self, spec: &Spec) {
        match spec.was {
            Was::Nothing => {}
            Was::InService { created_at, life } => self.issue(spec, created_at.to_millis(), life),
            Was::Unused { created_at, since, reason } => {
                self.issue(spec, created_at.to_millis(), None);
                let built = row(TENANTS[spec.tenant], &spec.id)
                    .kind(spec.kind.word())
                    .created_at(created_at)
                    .cooling(reason, since)
                    .build();
                let purge_at = (spec.kind != Kind::Vault).then_some(EpochSeconds(since.0 + IDLE_COOL_OFF));
                let unused = VaultRow { owner: owner_of(spec), purge_at, ..built };
                self.world.cloud.vault.insert(item_of(&unused, DUE_SHARDS));
            }
        }
    }

    /// What the issuer writes.
    fn issue(&self, spec: &Spec, created_at: EpochMillis, life: Option<i64>) {
        self.world.cloud.vault.insert(item_of(&self.issued(spec, created_at, life), DUE_SHARDS));
    }

    fn issued(&self, spec: &Spec, created_at: EpochMillis, life: Option<i64>) -> VaultRow {
        let new = NewToken {
            key: key_of(spec),
            kind: spec.kind.word().to_owned(),
            created_at,
            expires_at: life.map(|life| EpochSeconds(created_at.to_seconds().0 + life)),
            owner: owner_of(spec),
        };
        let kind = self.config.known_kind(&new.key.tenant, &new.kind).unwrap();
        VaultRow::try_from(issued_item(&new, kind, DUE_SHARDS).row).unwrap()
    }

    /// Handed out again: the row anew, one version on, and what others wrote on it (a hold) as it was. What ended for
    /// good is not handed out again.
    fn reissue(&self, spec: &Spec, created_at: EpochMillis, life: Option<i64>) {
        let Some(old) = self.world.cloud.vault.row(&key_of(spec)) else { return };
        if old.state == State::Cooling && !old.reason.is_some_and(Trigger::is_revivable) {
            return;
        }
        let new = self.issued(spec, created_at, life);
        let version = RowVersion(new.version.0.max(old.version.next().0));
        let again = VaultRow { version, hold: old.hold, ..new };
        self.world.cloud.vault.insert(item_of(&again, DUE_SHARDS));
    }

    /// Each message once, at once.
    pub fn tell_calmly(&mut self) {
        for day in 0..self.story.mornings.len() {
            for (nth, event) in self.story.events.iter().enumerate().filter(|(_, event)| event.day == day) {
                self.wait_until(event.at);
                self.happen(nth).unwrap();
                self.world.drain();
                self.moments.push(Moment::Taken(nth));
            }
            self.nights(day, &[]);
        }
        assert!(self.world.failures.borrow().is_empty(), "{:?}", self.world.failures.borrow());
    }

    /// As the plan's bad day has it.
    pub fn tell_badly(&mut self, plan: &Plan) {
        for (day, of_day) in plan.days.iter().enumerate() {
            for (step, of_step) in of_day.steps.iter().enumerate() {
                self.deaths.extend(of_step.crash.map(|(call, kind)| (Turn::Step(day, step), call, kind)));
            }
            self.deaths.extend(of_day.crash.map(|(call, kind)| (Turn::Ticks(day), call, kind)));
        }
        let arrivals = arrivals(plan, self.story);
        let n_days = self.story.mornings.len();
        for day in 0..n_days {
            let (from, to) = self.span(day);
            let mut of_day: Vec<Arrival> =
                arrivals.iter().copied().filter(|arrival| from <= arrival.at && arrival.at < to).collect();
            of_day.sort();
            let (in_window, later): (Vec<_>, Vec<_>) =
                of_day.into_iter().partition(|arrival| arrival.at < EpochMillis(from.0 + HOUR * 1000));
            for arrival in in_window {
                let event = &self.story.events[arrival.event];
                let lags = plan.days[event.day].steps[event.step].stream_lags;
                self.arrive(arrival, lags && self.story.setting == Setting::Lagging);
            }
            self.redeliver(|_| true);
            let taken = self.world.now().0 - self.story.mornings[day].0;
            assert!(taken < TAKEN, "the commands took too long");
            self.nights(day, &later);
        }
    }

    fn span(&self, day: usize) -> (EpochMillis, EpochMillis) {
        let end = self.story.mornings.get(day + 1).copied();
        (self.story.mornings[day].to_millis(), end.map_or(EpochMillis(i64::MAX), EpochSeconds::to_millis))
    }

    fn arrive(&mut self, Arrival { at, event, is_copy }: Arrival, lags: bool) {
        self.wait_until(at);
        // Whatever must come before this has come, though its worker died the first time.
        let story = self.story;
        self.redeliver(|waiting| keeps_order(story, waiting, event));
        self.resume_before(event);
        let told = &story.events[event];
        if !is_copy {
            self.prepare(Turn::Step(told.day, told.step));
        }
        self.attempt(event);
        if !lags {
            self.drain();
        }
    }

    /// One delivery; a message whose worker dies comes again.
    fn attempt(&mut self, event: usize) {
        self.tally.n_deliveries += 1;
        let outcome = self.happen(event);
        // A death that nobody noticed is one all the same: the message was not acknowledged.
        let has_died = self.has_died();
        assert!(has_died || outcome.is_ok(), "{outcome:?}");
        if has_died && !self.pending.contains(&event) {
            self.pending.push(event);
        }
    }

    fn redeliver(&mut self, is_due: impl Fn(usize) -> bool) {
        while let Some(place) = self.pending.iter().position(|event| is_due(*event)) {
            let event = self.pending.remove(place);
            self.attempt(event);
            self.drain();
        }
    }

    fn prepare(&mut self, turn: Turn) {
        while self.deaths.front().is_some_and(|(of, ..)| *of < turn) {
            self.deaths.pop_front();
        }
        if let Some((_, call, kind)) = self.deaths.pop_front_if(|(of, ..)| *of == turn) {
            self.world.cloud.faults.fail_call(call.into(), kind);
            self.armed = Some((call.into(), kind));
        }
    }

    /// Whether a worker died since the last time this was asked; the next one works.
    fn has_died(&mut self) -> bool {
        let n_noted = self.world.failures.borrow_mut().drain(..).count();
        let has_fired = self.world.cloud.faults.fired().is_some();
        if n_noted == 0 && !has_fired {
            return false;
        }
        self.world.cloud.faults.calm();
        self.tally.n_faults += u64::from(self.armed.take().is_some());
        true
    }

    fn drain(&mut self) {
        self.world.drain();
        self.has_died();
    }

    fn wait_until(&self, at: EpochMillis) {
        let late = at.0 - self.world.cloud.clock.millis().0;
        self.world.cloud.clock.advance(Duration::from_millis(u64::try_from(late).unwrap_or(0)));
    }

    fn happen(&self, nth: usize) -> Result<(), StageError> {
        let event = &self.story.events[nth];
        match &event.what {
            What::Issue { slot, life } => self.issue(&self.story.tokens[*slot], event.at, *life),
            What::Reissue { slot, life } => self.reissue(&self.story.tokens[*slot], event.at, *life),
            What::Say { saying, by_stranger, is_keyed } => {
                let caller = caller(nth, event, *by_stranger);
                let body = body(nth, event, saying, *is_keyed, self.story);
                let answer = self.world.command_as(&body.to_string(), &caller)?;
                assert_eq!(answer.status == 403, *by_stranger, "{body} is answered {answer:?}");
                assert!(answer.status < 400 || [403, 404, 409, 410].contains(&answer.status), "{answer:?}");
            }
        }
        Ok(())
    }

    /// What was accepted and died half-way is reconcile's; a message that hangs on its end comes after that. A reconcile
    /// in between only goes on with it: what leaves, leaves with the day's schedules.
    fn resume_before(&mut self, event: usize) {
        let hangs = |fan_out: &FanOut| {
            let of = name_of(&fan_out.by.actor).strip_prefix("c-").map(|nth| nth.parse().unwrap());
            !fan_out.is_second_look() && of.is_some_and(|of| keeps_order(self.story, of, event))
        };
        let waiting = self.world.cloud.control.all_fan_outs();
        let resume_at =
            waiting.iter().filter(|fan_out| hangs(fan_out)).map(|fan_out| fan_out.resume_at).max();
        let Some(resume_at) = resume_at else { return };
        self.wait_until(resume_at.to_millis());
        self.resume();
    }

    fn resume(&mut self) {
        let patience = std::mem::replace(&mut self.world.settings.limits.patience, Duration::from_hours(48));
        self.run(World::reconcile);
        self.world.settings.limits.patience = patience;
    }

    /// The ticks of a day and of those after it until the next commands.
    fn nights(&mut self, day: usize, late: &[Arrival]) {
        let morning = self.story.mornings[day];
        let next = self.story.mornings.get(day + 1).copied();
        let until = next.unwrap_or(EpochSeconds(morning.0 + QUIET_AFTER * DAY));
        self.prepare(Turn::Ticks(day));
        let mut late: VecDeque<Arrival> = late.iter().copied().collect();
        let mut at = morning;
        while at < until {
            for tick in TICKS.map(|tick| EpochSeconds(at.0 + tick)) {
                // Copies of days ago.
                while let Some(copy) = late.pop_front_if(|copy| copy.at < tick.to_millis()) {
                    self.arrive(copy, false);
                }
                self.redeliver(|_| true);
                self.wait_until(tick.to_millis());
                self.tick();
                self.picture();
            }
            at = EpochSeconds(at.0 + DAY);
        }
    }

    /// Every schedule that has to do with commands, until nothing fails and nothing moves.
    fn tick(&mut self) {
        if self.story.setting == Setting::NoBudget {
            self.approve();
        }
        // Reconcile comes more often than the others, and has taken up what died by the time they come.
        self.resume();
        for schedule in [World::expire, World::reconcile] {
            self.run(schedule);
        }
    }

    /// One schedule; one that dies comes again.
    fn run(&mut self, schedule: fn(&World) -> Result<u64, StageError>) {
        loop {
            let outcome = schedule(&self.world);
            let has_died = self.has_died();
            assert!(has_died || matches!(outcome, Ok(0)), "{outcome:?}");
            self.drain();
            if !has_died {
                return;
            }
        }
    }

    /// Somebody approves what the day's commands ended.
    fn approve(&mut self) {
        let now = self.world.now();
        let day = self.world.settings.limits.budget_day_of(now);
        for name in TENANTS {
            let control = &self.world.cloud.control;
            while block_on(control.approve_budget(&tenant(name), day, "arn:operator", now)).is_err() {
                self.world.cloud.faults.calm();
                self.tally.n_faults += u64::from(self.armed.take().is_some());
            }
        }
    }

    /// Looking costs no call: a death that was prepared stays as far off as it was.
    fn picture(&mut self) {
        let faults = &self.world.cloud.faults;
        let n_calls = faults.n_calls();
        faults.calm();
        let picture = look(&self.world, self.story);
        faults.calm();
        if let Some((call, kind)) = self.armed {
            self.armed = Some((call - n_calls, kind));
            faults.fail_call(call - n_calls, kind);
        }
        self.moments.push(Moment::Looked { at: self.world.now(), picture });
    }
}

fn owner_of(spec: &Spec) -> Owner {
    Owner {
        subject: Some(subject_name(spec.subject)),
        session: Some(session_name(spec.session)),
        device: Some(device_name(spec.device())),
        family: spec.family.map(|family| family_name(spec.session, family)),
        client: Some(format!("client-{}", spec.client)),
    }
}

fn session_name(session: usize) -> String {
    format!("session-{session}")
}

fn device_name(device: usize) -> String {
    format!("device-{device}")
}

fn family_name(session: usize, family: usize) -> String {
    format!("family-{session}-{family}")
}

/// Every command has a sender of its own, so that the record can be asked whose a change was.
fn caller(nth: usize, event: &Event, by_stranger: bool) -> Caller {
    let of = if by_stranger { 1 - event.tenant } else { event.tenant };
    let arn = format!("arn:aws:sts::000000000000:assumed-role/{}-auth/c-{nth}", TENANTS[of]);
    Caller { id: format!("m-{nth}"), sender: Sender::Principal(arn), sent_at: event.at }
}

fn body(nth: usize, event: &Event, saying: &Saying, is_keyed: bool, story: &Story) -> Value {
    let ids =
        |slots: &[usize]| -> Vec<&str> { slots.iter().map(|slot| story.tokens[*slot].id.expose()).collect() };
    let whom_of = |whom: &Whom| match whom {
        Whom::Tokens(slots) => json!({ "tokens": ids(slots) }),
        Whom::Of(subject, part) => {
            let subject = subject_name(*subject);
            match part {
                Part::Everything => json!({ "subject": subject }),
                Part::Session(session) => json!({ "subject": subject, "session": session_name(*session) }),
                Part::Device(device) => json!({ "subject": subject, "device": device_name(*device) }),
                Part::Family(session, family) => {
                    json!({ "subject": subject, "family": family_name(*session, *family) })
                }
            }
        }
    };
    let (command, fields) = match saying {
        Saying::End { trigger, whom, erase_now } => {
            let mut fields = whom_of(whom);
            let has_all = matches!(whom, Whom::Of(_, Part::Everything));
            if has_all && *trigger == Trigger::AccountDeleted {
                fields["erase_now"] = json!(erase_now);
            } else if has_all {
                fields["everywhere"] = json!(true);
            }
            (trigger.as_str(), fields)
        }
        Saying::Read(slots) => ("read", json!({ "tokens": ids(slots) })),
        Saying::Reinstate(slots) => ("reinstate", json!({ "tokens": ids(slots) })),
        Saying::Hold { id, whom } => ("hold", with_hold(whom_of(whom), *id)),
        Saying::Release { id, whom } => ("release", with_hold(whom_of(whom), *id)),
        Saying::Count { slot, notice, delta } => {
            let fields = json!({ "tokens": ids(&[*slot]), "event_id": format!("n-{notice}") });
            (if *delta > 0 { "created" } else { "deleted" }, fields)
        }
    };
    let mut body = fields;
    body["v"] = json!(1);
    body["tenant"] = json!(TENANTS[event.tenant]);
    body["command"] = json!(command);
    body["reason_text"] = json!(why_of(nth));
    if is_keyed {
        body["idempotency_key"] = json!(format!("k-{nth}"));
    }
    body
}

fn with_hold(mut fields: Value, id: usize) -> Value {
    fields["hold_id"] = json!(format!("h{id}"));
    fields
}

/// What a command says about itself.
pub fn why_of(nth: usize) -> String {
    format!("because of c-{nth}")
}
