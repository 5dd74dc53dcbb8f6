//! What happens in one case: some days of issues and commands about a handful of tokens of two tenants, how each
//! message is delivered, and where workers die. Proptest makes and shrinks the [`Plan`]; [`Story::of`] says in full what
//! it means, so that everybody who tells the story tells the same one.

use std::collections::BTreeSet;
use std::time::Duration;

use lethe_domain::policy::Trigger;
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_domain::token::TokenId;
use lethe_testkit::{FaultKind, START, token, token_named};
use proptest::collection::vec;
use proptest::prelude::*;

use super::order::reach;

/// Both have the same subjects, sessions and token ids: only the tenant tells them apart.
pub const TENANTS: [&str; 2] = ["acme", "globex"];
const SUBJECTS: usize = 2;
/// The sign-ins that are there from the beginning; every further one is new.
const SESSIONS: usize = 2;
/// A sign-in's chains of refresh tokens.
const FAMILIES: usize = 2;
const CLIENTS: usize = 2;
const HOLDS: usize = 2;

/// What is wanted to happen. Numbers that name tokens are taken modulo what there is.
#[derive(Clone, Debug)]
pub struct Plan {
    pub setting: Setting,
    pub days: Vec<Day>,
}

/// What the config says in this case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Inline clean-up, with a copy.
    CleanUp,
    /// Inline clean-up, without one.
    CleanUpWithoutCopy,
    /// None; a stream whose batches come late.
    Lagging,
    /// None; a command budget of nothing, which somebody approves every day.
    NoBudget,
}

/// One day's commands, all of them in its first hour.
#[derive(Clone, Debug)]
pub struct Day {
    /// Days until the next commands.
    pub gap: u8,
    pub steps: Vec<Step>,
    /// The calls of the following ticks after which a worker dies, and how.
    pub crash: Option<(u16, FaultKind)>,
}

#[derive(Clone, Debug)]
pub struct Step {
    /// Since the step before.
    pub wait: Duration,
    pub wish: Wish,
    pub tenant: usize,
    /// Sent by somebody who may command the other tenant only.
    pub by_stranger: bool,
    /// With an idempotency key.
    pub is_keyed: bool,
    /// How much later it is delivered, if nothing forbids it.
    pub delay: Duration,
    /// Further deliveries: days later, and when in the hour.
    pub copies: Vec<(u8, Duration)>,
    /// The call from its delivery on at which a worker dies, and how.
    pub crash: Option<(u16, FaultKind)>,
    /// Whether the stream waits for the next step.
    pub stream_lags: bool,
}

#[derive(Clone, Debug)]
pub enum Wish {
    Issue { kind: Kind, subject: usize, session: usize, family: usize, client: usize, days: i64 },
    Reissue(u8),
    Refresh(u8),
    End(Trigger, Vec<u8>),
    EndPart(Trigger, usize, Part, bool),
    Read(Vec<u8>),
    Hold(usize, Meant),
    Release(usize, Meant),
    Reinstate(Vec<u8>),
    Count(u8, u8, i64),
}

#[derive(Clone, Debug)]
pub enum Meant {
    Tokens(Vec<u8>),
    Subject(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Access,
    Refresh,
    Session,
    AuthCode,
    Vault,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
            Self::Session => "session",
            Self::AuthCode => "auth_code",
            Self::Vault => "vault",
        }
    }

    /// Issued in a day's first hour, a token ends between its ticks.
    fn life(self, days: i64) -> Option<i64> {
        let from_days = |days: i64| Some(days * 86_400 + 6 * 3_600);
        match self {
            Self::AuthCode => from_days(0),
            Self::Access => from_days(days.min(1)),
            Self::Refresh => from_days(days + 1),
            Self::Session | Self::Vault => None,
        }
    }
}

/// Which of a subject's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Everything,
    Session(usize),
    Device(usize),
    Family(usize, usize),
}

/// A token of the story, issued in it or before.
#[derive(Clone, Debug)]
pub struct Spec {
    pub id: TokenId,
    pub tenant: usize,
    pub kind: Kind,
    pub subject: usize,
    pub session: usize,
    pub family: Option<usize>,
    pub client: usize,
    pub was: Was,
}

/// What it is when the story begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Was {
    /// Not issued yet, or never.
    Nothing,
    InService {
        created_at: EpochSeconds,
        life: Option<i64>,
    },
    /// Found unused.
    Unused {
        created_at: EpochSeconds,
        since: EpochSeconds,
        reason: Trigger,
    },
}

impl Spec {
    pub fn belongs_to(&self, tenant: usize, subject: usize, part: Part) -> bool {
        let is_part = match part {
            Part::Everything => true,
            Part::Session(session) => self.session == session,
            Part::Device(device) => self.device() == device,
            Part::Family(session, family) => self.session == session && self.family == Some(family),
        };
        self.tenant == tenant && self.subject == subject && is_part
    }

    /// The first subject's sign-ins are from two devices, the second's from one.
    pub fn device(&self) -> usize {
        if self.subject == 0 { self.session % SESSIONS } else { 0 }
    }
}

/// Something that happens at a moment.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: EpochMillis,
    /// Which day of the plan.
    pub day: usize,
    /// Which step of it.
    pub step: usize,
    pub tenant: usize,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    /// The issuer writes; nothing is sent.
    Issue {
        slot: usize,
        life: Option<i64>,
    },
    Reissue {
        slot: usize,
        life: Option<i64>,
    },
    Say {
        saying: Saying,
        by_stranger: bool,
        is_keyed: bool,
    },
}

#[derive(Clone, Debug)]
pub enum Saying {
    End { trigger: Trigger, whom: Whom, erase_now: bool },
    Read(Vec<usize>),
    Hold { id: usize, whom: Whom },
    Release { id: usize, whom: Whom },
    Reinstate(Vec<usize>),
    Count { slot: usize, notice: u8, delta: i64 },
}

#[derive(Clone, Debug)]
pub enum Whom {
    Tokens(Vec<usize>),
    Of(usize, Part),
}

/// The whole story.
#[derive(Clone, Debug)]
pub struct Story {
    pub setting: Setting,
    pub tokens: Vec<Spec>,
    /// In the order of their moments.
    pub events: Vec<Event>,
    /// When each day of the plan begins.
    pub mornings: Vec<EpochSeconds>,
}

impl Story {
    pub fn of(plan: &Plan) -> Self {
        let mut story =
            Self { setting: plan.setting, tokens: cast(), events: Vec::new(), mornings: Vec::new() };
        let mut morning = START;
        for (day, Day { gap, steps, .. }) in plan.days.iter().enumerate() {
            story.mornings.push(morning);
            let mut at = morning.to_millis();
            for (step, wanted) in steps.iter().enumerate() {
                at = EpochMillis(at.0 + i64::try_from(wanted.wait.as_millis()).unwrap());
                for what in story.whats(wanted) {
                    story.events.push(Event { at, day, step, tenant: wanted.tenant, what });
                    // Who refreshes has the successor before it says so.
                    at.0 += 1;
                }
            }
            morning = EpochSeconds(morning.0 + i64::from(*gap) * 86_400);
        }
        story
    }

    /// What a wish comes to; a refresh is two things.
    fn whats(&mut self, step: &Step) -> Vec<What> {
        let tenant = step.tenant;
        let say = |saying| What::Say { saying, by_stranger: step.by_stranger, is_keyed: step.is_keyed };
        let end = |trigger, whom| say(Saying::End { trigger, whom, erase_now: false });
        match &step.wish {
            Wish::Issue { kind, subject, session, family, client, days } => {
                let family = (*kind == Kind::Refresh).then_some(*family);
                let (subject, client) = (*subject, *client);
                let session = self.unstolen((tenant, subject), self.session(*session, true));
                let life = kind.life(*days);
                vec![What::Issue {
                    slot: self.add((tenant, *kind), (subject, session, family, client), Was::Nothing),
                    life,
                }]
            }
            Wish::Reissue(nth) => {
                let slot = self.slot(tenant, *nth);
                vec![What::Reissue { slot, life: self.tokens[slot].kind.life(1) }]
            }
            Wish::Refresh(nth) => {
                let refresh: Vec<usize> =
                    self.slots(tenant).filter(|slot| self.tokens[*slot].kind == Kind::Refresh).collect();
                let old = refresh[usize::from(*nth) % refresh.len()];
                let Spec { subject, session, family, client, .. } = self.tokens[old].clone();
                let session = self.unstolen((tenant, subject), session);
                let rotated = end(Trigger::Rotated, Whom::Tokens(vec![old]));
                let slot =
                    self.add((tenant, Kind::Refresh), (subject, session, family, client), Was::Nothing);
                vec![What::Issue { slot, life: Kind::Refresh.life(2) }, rotated]
            }
            Wish::End(trigger, nths) => vec![end(*trigger, Whom::Tokens(self.each(tenant, nths)))],
            Wish::EndPart(trigger, subject, part, erase_now) => {
                // A budget of nothing does not know that it was to go at once; see the reference.
                let erase_now = *erase_now && self.setting != Setting::NoBudget;
                let part = match *part {
                    Part::Session(session) => Part::Session(self.session(session, false)),
                    Part::Family(session, family) => Part::Family(self.session(session, false), family),
                    Part::Everything | Part::Device(_) => *part,
                };
                // A refresh that is under way while a whole subject is compromised may fall on either side of the cut-off,
                // by the order in which the two arrive; no reference can say which. The groups' own tests have it.
                let is_wide = matches!(part, Part::Everything | Part::Device(_));
                let trigger =
                    if *trigger == Trigger::Compromised && is_wide { Trigger::Logout } else { *trigger };
                vec![say(Saying::End { trigger, whom: Whom::Of(*subject, part), erase_now })]
            }
            Wish::Read(nths) => vec![say(Saying::Read(self.each(tenant, nths)))],
            Wish::Hold(id, meant) => vec![say(Saying::Hold { id: *id, whom: self.whom(tenant, meant) })],
            Wish::Release(id, meant) => {
                vec![say(Saying::Release { id: *id, whom: self.whom(tenant, meant) })]
            }
            Wish::Reinstate(nths) => vec![say(Saying::Reinstate(self.each(tenant, nths)))],
            Wish::Count(nth, notice, delta) => {
                let slot = self.slot(tenant, *nth);
                vec![say(Saying::Count { slot, notice: *notice, delta: *delta })]
            }
        }
    }

    /// One of the first sign-ins, or else a new one, or the newest.
    fn session(&self, wish: usize, is_new: bool) -> usize {
        if wish < SESSIONS {
            return wish;
        }
        let newest = self.tokens.iter().map(|spec| spec.session).max().unwrap_or_default();
        newest + usize::from(is_new)
    }

    /// A stolen sign-in is not signed in to again: what would come into one is the first of another. (What was on its way
    /// into it ends as well; tests of their own look at that.)
    fn unstolen(&self, (tenant, subject): (usize, usize), session: usize) -> usize {
        let is_part = |slot: &usize| {
            let spec = &self.tokens[*slot];
            (spec.tenant, spec.subject, spec.session) == (tenant, subject, session)
        };
        let was_rotated = |slot: &usize, before: usize| {
            self.events[..before].iter().any(|event| rotated_by(event).contains(slot))
        };
        let is_theft = |(nth, event): (usize, &Event)| match &event.what {
            What::Say {
                saying: Saying::End { trigger: Trigger::Compromised, whom: Whom::Of(of, part), .. },
                ..
            } => {
                let of_sign_in = match part {
                    Part::Everything => true,
                    Part::Session(stolen) | Part::Family(stolen, _) => *stolen == session,
                    Part::Device(_) => false,
                };
                (event.tenant, *of) == (tenant, subject) && of_sign_in
            }
            What::Say { saying: Saying::End { trigger: Trigger::Compromised, .. }, .. } => {
                reach(self, event).iter().any(is_part)
            }
            What::Say { saying: Saying::Read(slots), .. } => {
                slots.iter().any(|slot| is_part(slot) && was_rotated(slot, nth))
            }
            What::Say { .. } => rotated_by(event).iter().any(|slot| is_part(slot) && was_rotated(slot, nth)),
            What::Issue { .. } | What::Reissue { .. } => false,
        };
        if self.events.iter().enumerate().any(is_theft) { self.session(SESSIONS, true) } else { session }
    }

    fn whom(&self, tenant: usize, meant: &Meant) -> Whom {
        match meant {
            Meant::Tokens(nths) => Whom::Tokens(self.each(tenant, nths)),
            Meant::Subject(subject) => Whom::Of(*subject, Part::Everything),
        }
    }

    fn slots(&self, tenant: usize) -> impl Iterator<Item = usize> {
        (0..self.tokens.len()).filter(move |slot| self.tokens[*slot].tenant == tenant)
    }

    fn slot(&self, tenant: usize, nth: u8) -> usize {
        let slots: Vec<usize> = self.slots(tenant).collect();
        slots[usize::from(nth) % slots.len()]
    }

    fn each(&self, tenant: usize, nths: &[u8]) -> Vec<usize> {
        let slots: BTreeSet<usize> = nths.iter().map(|nth| self.slot(tenant, *nth)).collect();
        slots.into_iter().collect()
    }

    fn add(
        &mut self,
        (tenant, kind): (usize, Kind),
        (subject, session, family, client): (usize, usize, Option<usize>, usize),
        was: Was,
    ) -> usize {
        let nth = self.slots(tenant).count();
        let id = match kind {
            Kind::Vault => token(nth as u64),
            Kind::Access | Kind::Refresh | Kind::Session | Kind::AuthCode => {
                token_named(&format!("bearer-{nth:03}"))
            }
        };
        self.tokens.push(Spec { id, tenant, kind, subject, session, family, client, was });
        self.tokens.len() - 1
    }
}

/// The refresh tokens that were replaced by others.
fn rotated_by(event: &Event) -> &[usize] {
    match &event.what {
        What::Say {
            saying: Saying::End { trigger: Trigger::Rotated, whom: Whom::Tokens(slots), .. },
            ..
        } => slots,
        What::Say { .. } | What::Issue { .. } | What::Reissue { .. } => &[],
    }
}

/// What is there when a story begins, the same at both tenants.
fn cast() -> Vec<Spec> {
    let mut story =
        Story { setting: Setting::CleanUp, tokens: Vec::new(), events: Vec::new(), mornings: Vec::new() };
    let created_at = EpochSeconds(START.0 - 3_600);
    let long_ago = EpochSeconds(START.0 - 20 * 86_400);
    // Its date, if it has one, is a tick's.
    let since = EpochSeconds(START.0 - 21 * 3_600);
    for tenant in 0..TENANTS.len() {
        for subject in 0..SUBJECTS {
            for kind in [Kind::Access, Kind::Refresh, Kind::Session, Kind::Vault] {
                let family = (kind == Kind::Refresh).then_some(0);
                let was = Was::InService { created_at, life: kind.life(1) };
                story.add((tenant, kind), (subject, 0, family, 0), was);
            }
        }
        let was = Was::InService { created_at, life: Kind::Refresh.life(2) };
        story.add((tenant, Kind::Refresh), (0, 1, Some(0), 1), was);
        let unused = |reason| Was::Unused { created_at: long_ago, since, reason };
        story.add((tenant, Kind::Vault), (0, 0, None, 0), unused(Trigger::Unreferenced));
        story.add((tenant, Kind::Session), (0, 1, None, 1), unused(Trigger::Idle));
        // Never issued: nobody knows it.
        story.add((tenant, Kind::Access), (0, 0, None, 0), Was::Nothing);
    }
    story.tokens
}

/// Any plan.
pub fn any_plan() -> impl Strategy<Value = Plan> {
    let setting = prop_oneof![
        Just(Setting::CleanUp),
        Just(Setting::CleanUpWithoutCopy),
        Just(Setting::Lagging),
        Just(Setting::NoBudget),
    ];
    let day = (1..=3_u8, vec(any_step(), 1..8), proptest::option::weighted(0.4, any_crash(400)))
        .prop_map(|(gap, steps, crash)| Day { gap, steps, crash });
    (setting, vec(day, 1..4)).prop_map(|(setting, days)| Plan { setting, days })
}

fn any_crash(calls: u16) -> impl Strategy<Value = (u16, FaultKind)> {
    (1..=calls, proptest::sample::select(FaultKind::ALL.to_vec()))
}

fn any_step() -> impl Strategy<Value = Step> {
    // Within the same second, within the leeway of a spent refresh token, and past it.
    let wait =
        prop_oneof![1..900_u64, 1_000..25_000_u64, 31_000..360_000_u64].prop_map(Duration::from_millis);
    let seconds = |most: u64| (0..most).prop_map(Duration::from_secs);
    let delay = prop_oneof![2 => Just(Duration::ZERO), 1 => seconds(60), 1 => seconds(3_000)];
    let copy = (prop_oneof![2 => Just(0_u8), 1 => 1..=5_u8], seconds(3_500));
    (
        (wait, any_wish(), prop_oneof![4 => Just(0_usize), 1 => Just(1_usize)]),
        (proptest::bool::weighted(0.05), proptest::bool::weighted(0.5)),
        (delay, vec(copy, 0..=2), proptest::option::weighted(0.3, any_crash(40))),
        proptest::bool::weighted(0.3),
    )
        .prop_map(
            |((wait, wish, tenant), (by_stranger, is_keyed), (delay, copies, crash), stream_lags)| Step {
                wait,
                wish,
                tenant,
                by_stranger,
                is_keyed,
                delay,
                copies,
                crash,
                stream_lags,
            },
        )
}

fn any_wish() -> impl Strategy<Value = Wish> {
    let nths = || vec(any::<u8>(), 1..=3);
    let subject = || prop_oneof![3 => Just(0_usize), 1 => Just(1_usize)];
    let kind = proptest::sample::select(vec![
        Kind::Access,
        Kind::Refresh,
        Kind::Session,
        Kind::AuthCode,
        Kind::Vault,
    ]);
    let meant = || prop_oneof![nths().prop_map(Meant::Tokens), subject().prop_map(Meant::Subject)];
    let of_tokens = proptest::sample::select(vec![
        Trigger::Rotated,
        Trigger::Consumed,
        Trigger::Logout,
        Trigger::DeviceLogout,
        Trigger::Compromised,
        Trigger::Revoked,
    ]);
    let part = prop_oneof![
        Just((Trigger::Logout, Part::Everything)),
        Just((Trigger::Compromised, Part::Everything)),
        Just((Trigger::AccountDeleted, Part::Everything)),
        (0..=SESSIONS).prop_map(|session| (Trigger::Logout, Part::Session(session))),
        (0..=SESSIONS).prop_map(|session| (Trigger::Compromised, Part::Session(session))),
        (0..SESSIONS).prop_map(|device| (Trigger::DeviceLogout, Part::Device(device))),
        (0..=SESSIONS, 0..FAMILIES).prop_map(|(s, f)| (Trigger::Compromised, Part::Family(s, f))),
    ];
    // Most are the first of a sign-in; some come into one that there is, and that may have ended.
    let session = prop_oneof![1 => 0..SESSIONS, 2 => Just(SESSIONS)];
    let issue = (kind, subject(), session, 0..FAMILIES, 0..CLIENTS, 0..3_i64);
    prop_oneof![
        4 => issue.prop_map(|(kind, subject, session, family, client, days)| {
            Wish::Issue { kind, subject, session, family, client, days }
        }),
        1 => any::<u8>().prop_map(Wish::Reissue),
        4 => any::<u8>().prop_map(Wish::Refresh),
        5 => (of_tokens, nths()).prop_map(|(trigger, nths)| Wish::End(trigger, nths)),
        5 => (part, subject(), any::<bool>()).prop_map(|((trigger, part), subject, erase)| {
            Wish::EndPart(trigger, subject, part, erase && trigger == Trigger::AccountDeleted)
        }),
        4 => nths().prop_map(Wish::Read),
        3 => (0..HOLDS, meant()).prop_map(|(id, meant)| Wish::Hold(id, meant)),
        4 => (0..HOLDS, meant()).prop_map(|(id, meant)| Wish::Release(id, meant)),
        2 => nths().prop_map(Wish::Reinstate),
        1 => (any::<u8>(), 0..3_u8, prop_oneof![Just(1_i64), Just(-1_i64)])
            .prop_map(|(nth, notice, delta)| Wish::Count(nth, notice, delta)),
    ]
}
