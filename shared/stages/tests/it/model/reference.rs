//! What the design says must become of every token, in a few rules of its own: nothing here knows how Lethe decides.
//!
//! It takes the events in the order in which they were sent, each at its own moment. Where the design leaves open when
//! exactly something happens (a timer may come now or at its next tick), it knows the first and the last moment, and
//! goes on from what it sees between them.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::policy::Trigger;

use super::look::{Picture, Seen, Stands};
use super::plan::{Event, Kind, Part, Saying, Setting, Spec, Story, Was, What, Whom};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// What the model's config says.
pub const IDLE_AFTER: i64 = 2 * DAY;
pub const IDLE_COOL_OFF: i64 = 3 * DAY;
/// Clocks may differ by so much: a token that is named is meant although it was issued a little later.
const SKEW: i64 = 5 * MINUTE;
const LEEWAY: i64 = 30;
/// How much later it is noticed at the latest that nobody reads a token: reads are written down coarsely, and ticks are
/// hours apart.
const READS: i64 = 4 * HOUR;
const NEVER: i64 = i64::MAX;

#[derive(Clone, Debug, Default)]
struct Token {
    /// In milliseconds.
    issued_at: Option<i64>,
    ends: Option<i64>,
    seen: i64,
    out: Option<Out>,
    holds: BTreeSet<usize>,
    /// The last release gave it until then.
    released: i64,
    /// It leaves not before the first and not after the second.
    leaves: (i64, i64),
    notices: BTreeMap<u8, i64>,
    gone: Option<Option<Trigger>>,
}

#[derive(Clone, Copy, Debug)]
struct Out {
    why: Trigger,
    since: i64,
    /// Which event, where somebody said so.
    by: Option<usize>,
}

pub struct Reference<'s> {
    story: &'s Story,
    tokens: Vec<Token>,
    held: BTreeSet<(usize, usize, usize)>,
}

/// Which reason gives way to which.
fn rank(why: Trigger) -> u8 {
    match why {
        Trigger::Idle | Trigger::Unreferenced => 0,
        Trigger::Revoked => 2,
        Trigger::Compromised => 3,
        Trigger::AccountDeleted => 4,
        Trigger::Expired
        | Trigger::Rotated
        | Trigger::Consumed
        | Trigger::Logout
        | Trigger::DeviceLogout
        | Trigger::Superseded => 1,
    }
}

/// The dashes of the table: what is kept in a tenant's stores does not end with a sign-in.
fn ends(kind: Kind, why: Trigger) -> bool {
    kind != Kind::Vault || matches!(why, Trigger::Compromised | Trigger::Revoked | Trigger::AccountDeleted)
}

impl<'s> Reference<'s> {
    pub fn new(story: &'s Story) -> Self {
        let tokens = story.tokens.iter().map(|spec| match spec.was {
            Was::Nothing => Token::default(),
            Was::InService { created_at, life } => issued(created_at.0 * 1000, life),
            Was::Unused { created_at, since, reason } => {
                // What a scan condemned waits for another scan; what no scan looks at has its date.
                let leaves = if spec.kind == Kind::Vault { NEVER } else { since.0 + IDLE_COOL_OFF };
                Token {
                    out: Some(Out { why: reason, since: since.0, by: None }),
                    leaves: (leaves, leaves),
                    ..issued(created_at.0 * 1000, None)
                }
            }
        });
        Self { story, tokens: tokens.collect(), held: BTreeSet::new() }
    }

    /// One event, in the order of sending.
    pub fn take(&mut self, nth: usize) {
        let story = self.story;
        let Event { at, tenant, what, .. } = &story.events[nth];
        let (ms, now, tenant) = (at.0, at.0.div_euclid(1000), *tenant);
        match what {
            What::Issue { slot, life } => {
                self.tokens[*slot] = issued(ms, *life);
                self.follow_up(*slot, now);
            }
            What::Reissue { slot, life } => self.reissue(*slot, (ms, now), *life),
            What::Say { by_stranger: true, .. } => {}
            What::Say { saying, .. } => match saying {
                Saying::End { trigger, whom: Whom::Of(subject, part), erase_now } => {
                    for slot in self.members(tenant, *subject, *part) {
                        self.end(slot, *trigger, nth, (ms, now), *erase_now);
                    }
                }
                Saying::End { trigger, whom: Whom::Tokens(slots), .. } => {
                    self.end_tokens(*trigger, slots, nth, (ms, now));
                }
                Saying::Read(slots) => slots.iter().for_each(|slot| self.read(*slot, nth, (ms, now))),
                Saying::Hold { id, whom } => self.hold(*id, tenant, whom),
                Saying::Release { id, whom } => self.release(*id, tenant, whom, now),
                Saying::Reinstate(slots) => {
                    for slot in slots {
                        if self.may_return(*slot) {
                            self.come_back(*slot, now, now);
                        }
                    }
                }
                Saying::Count { slot, notice, delta } => {
                    self.tokens[*slot].notices.entry(*notice).or_insert(*delta);
                }
            },
        }
    }

    fn spec(&self, slot: usize) -> &'s Spec {
        &self.story.tokens[slot]
    }

    fn members(&self, tenant: usize, subject: usize, part: Part) -> Vec<usize> {
        let slots = 0..self.tokens.len();
        slots.filter(|slot| self.spec(*slot).belongs_to(tenant, subject, part)).collect()
    }

    fn is_here(&self, slot: usize) -> bool {
        self.tokens[slot].issued_at.is_some() && self.tokens[slot].gone.is_none()
    }

    fn is_held(&self, slot: usize) -> bool {
        !self.holds_on(slot).is_empty()
    }

    /// A hold on a subject is one on everything that it has or gets.
    fn holds_on(&self, slot: usize) -> BTreeSet<usize> {
        let Spec { tenant, subject, .. } = self.spec(slot);
        let of_subject = self.held.iter().filter(|(t, s, _)| t == tenant && s == subject);
        self.tokens[slot].holds.iter().copied().chain(of_subject.map(|(.., id)| *id)).collect()
    }

    fn may_return(&self, slot: usize) -> bool {
        self.is_here(slot) && self.tokens[slot].out.is_some_and(|out| rank(out.why) == 0)
    }

    fn is_in_service(&self, slot: usize, now: i64) -> bool {
        let token = &self.tokens[slot];
        self.is_here(slot) && token.out.is_none() && token.ends.is_none_or(|end| now < end)
    }

    /// Tokens end by name, and with them what their kind's scope takes along.
    fn end_tokens(&mut self, why: Trigger, slots: &[usize], nth: usize, (ms, now): (i64, i64)) {
        // All are read before any is written.
        let here: Vec<usize> = slots.iter().copied().filter(|slot| self.is_here(*slot)).collect();
        let was_spent: Vec<bool> = here.iter().map(|slot| self.is_spent(*slot)).collect();
        for (slot, was_spent) in here.iter().copied().zip(was_spent) {
            let Spec { tenant, kind, subject, session, family, .. } = *self.spec(slot);
            if why == Trigger::Rotated && was_spent {
                self.use_spent(slot, nth, (ms, now));
                continue;
            }
            self.end(slot, why, nth, (ms + SKEW * 1000, now), false);
            let along = match (why, kind, family) {
                (Trigger::Logout, ..) => Some(Part::Session(session)),
                (Trigger::DeviceLogout, ..) => Some(Part::Device(self.spec(slot).device())),
                (Trigger::Compromised, Kind::Refresh, Some(family)) => Some(Part::Family(session, family)),
                (Trigger::Compromised, Kind::Session, _) => Some(Part::Session(session)),
                _ => None,
            };
            let Some(part) = along.filter(|_| ends(kind, why)) else { continue };
            for member in self.members(tenant, subject, part) {
                self.end(member, why, nth, (ms, now), false);
            }
        }
    }

    fn is_spent(&self, slot: usize) -> bool {
        self.tokens[slot].out.is_some_and(|out| out.why == Trigger::Rotated)
    }

    /// Within the leeway a retry; past it the family (of what has none: the sign-in) is compromised.
    fn use_spent(&mut self, slot: usize, nth: usize, (ms, now): (i64, i64)) {
        let Some(out) = self.tokens[slot].out else { return };
        if now <= out.since + LEEWAY {
            return;
        }
        let Spec { tenant, subject, session, family, .. } = *self.spec(slot);
        let part = family.map_or(Part::Session(session), |family| Part::Family(session, family));
        for member in self.members(tenant, subject, part) {
            self.end(member, Trigger::Compromised, nth, (ms, now), false);
        }
        self.end(slot, Trigger::Compromised, nth, (ms + SKEW * 1000, now), false);
    }

    /// One token ends, if it was issued by then and did not end for as good a reason before.
    fn end(&mut self, slot: usize, why: Trigger, nth: usize, (until, now): (i64, i64), at_once: bool) {
        let (spec, is_held) = (self.spec(slot), self.is_held(slot));
        if !self.is_here(slot) || !ends(spec.kind, why) {
            return;
        }
        let token = &mut self.tokens[slot];
        if token.issued_at.is_some_and(|at| until < at) {
            return;
        }
        let date = if at_once { now } else { now + DAY };
        let was_revoked = token.out.is_some_and(|out| out.why == Trigger::Revoked);
        if let Some(out) = token.out
            && rank(why) <= rank(out.why)
        {
            if at_once && out.why == why && !is_held {
                token.leaves = (date.min(token.leaves.0), date.min(token.leaves.1));
            }
            return;
        }
        let ended_since = token.out.filter(|out| rank(out.why) > 0).map(|out| out.since);
        token.out = Some(Out { why, since: ended_since.unwrap_or(now), by: Some(nth) });
        token.leaves = if why == Trigger::Rotated && spec.family.is_some() {
            // See `leaves_with_its_family`.
            (NEVER, NEVER)
        } else {
            // A date that was set is not put off. What waits for an approval has none, and waits for another day's then.
            let has_none = self.story.setting == Setting::NoBudget;
            (date.min(token.leaves.0), if has_none { date } else { date.min(token.leaves.1) })
        };
        if why == Trigger::Revoked && !was_revoked {
            self.follow_up(slot, now);
        }
    }

    /// The issuer hands a token out again, unless it ended for good.
    fn reissue(&mut self, slot: usize, (ms, now): (i64, i64), life: Option<i64>) {
        let has_ended = self.tokens[slot].out.is_some_and(|out| rank(out.why) > 0);
        if !self.is_here(slot) || has_ended {
            return;
        }
        let Token { holds, notices, .. } = std::mem::take(&mut self.tokens[slot]);
        self.tokens[slot] = Token { holds, notices, ..issued(ms, life) };
        self.follow_up(slot, now);
    }

    fn read(&mut self, slot: usize, nth: usize, (ms, now): (i64, i64)) {
        if self.is_spent(slot) && self.is_here(slot) {
            return self.use_spent(slot, nth, (ms, now));
        }
        if self.may_return(slot) && self.tokens[slot].seen < now {
            return self.come_back(slot, now, now);
        }
        let token = &mut self.tokens[slot];
        if token.out.is_none() {
            token.seen = token.seen.max(now);
        }
    }

    fn come_back(&mut self, slot: usize, seen: i64, now: i64) {
        let token = &mut self.tokens[slot];
        token.out = None;
        token.leaves = (NEVER, NEVER);
        token.seen = token.seen.max(seen);
        self.follow_up(slot, now);
    }

    fn hold(&mut self, id: usize, tenant: usize, whom: &Whom) {
        let slots = match whom {
            Whom::Of(subject, _) => {
                self.held.insert((tenant, *subject, id));
                self.members(tenant, *subject, Part::Everything)
            }
            Whom::Tokens(slots) => slots.clone(),
        };
        for slot in slots {
            if matches!(whom, Whom::Tokens(_)) && self.is_here(slot) {
                self.tokens[slot].holds.insert(id);
            }
        }
    }

    /// The date follows from the end and the policy, and lies a day ahead at least.
    fn release(&mut self, id: usize, tenant: usize, whom: &Whom, now: i64) {
        let slots = match whom {
            Whom::Of(subject, _) => self.members(tenant, *subject, Part::Everything),
            Whom::Tokens(slots) => slots.clone(),
        };
        let were_held: Vec<bool> = slots.iter().map(|slot| self.is_held(*slot)).collect();
        if let Whom::Of(subject, _) = whom {
            self.held.remove(&(tenant, *subject, id));
        }
        for (slot, was_held) in slots.into_iter().zip(were_held) {
            self.tokens[slot].holds.remove(&id);
            if !was_held || self.is_held(slot) || !self.is_here(slot) {
                continue;
            }
            let spec = self.spec(slot);
            let token = &mut self.tokens[slot];
            token.released = now + DAY;
            let own_date = match token.out {
                None => token.ends.map(|end| end + DAY),
                Some(Out { why, .. }) if rank(why) == 0 && spec.kind == Kind::Vault => None,
                Some(Out { why: Trigger::Rotated, .. }) if spec.family.is_some() => None,
                Some(Out { why, since, .. }) => {
                    Some(since + if rank(why) == 0 { IDLE_COOL_OFF } else { DAY })
                }
            };
            let date = own_date.map_or(NEVER, |own_date| own_date.max(token.released));
            token.leaves = (date, date);
        }
    }

    /// What follows from an issue, a return into service or a revocation, for the same subject and client.
    fn follow_up(&mut self, of: usize, now: i64) {
        let Spec { tenant, subject, client, .. } = *self.spec(of);
        for slot in self.members(tenant, subject, Part::Everything) {
            if self.spec(slot).client == client && self.is_here(slot) {
                self.clean_up(slot, now);
            }
        }
    }

    /// What has been left behind goes at once: not what may come back, not what was revoked, or is evidence, or has time
    /// for regret, not what is spent, and nothing that a hold keeps or that was released from one today.
    fn clean_up(&mut self, slot: usize, now: i64) {
        let is_on = matches!(self.story.setting, Setting::CleanUp | Setting::CleanUpWithoutCopy);
        let keeps = self.is_held(slot) || self.is_in_service(slot, now);
        let kind = self.spec(slot).kind;
        let token = &mut self.tokens[slot];
        let has_left = token.leaves.1 <= now || now < token.released;
        if !is_on || keeps || has_left || kind == Kind::Vault {
            return;
        }
        let goes = match token.out.map(|out| out.why) {
            None => true,
            Some(Trigger::Rotated) => false,
            Some(why) => rank(why) == 1,
        };
        if goes {
            token.out.get_or_insert(Out { why: Trigger::Superseded, since: now, by: None });
            token.leaves = (now.min(token.leaves.0), now);
        }
    }

    /// A spent refresh token stays a day longer than the last live member of its family, and not for ever.
    fn leaves_with_its_family(&self, slot: usize, now: i64) -> (i64, i64) {
        let Spec { tenant, subject, session, family, .. } = *self.spec(slot);
        let members = self.members(tenant, subject, Part::Family(session, family.unwrap_or_default()));
        let (mut last, mut latest) = (0, 0);
        for member in members.into_iter().filter(|member| self.tokens[*member].issued_at.is_some()) {
            let token = &self.tokens[member];
            let own_end = token.ends.unwrap_or(NEVER);
            let ended = token.out.map_or(own_end, |out| out.since.min(own_end));
            // What was cleaned up at once leaves no trace by which its day could be counted.
            if token.gone.is_none() {
                last = last.max(if self.is_in_service(member, now) { now } else { ended });
            }
            latest = latest.max(own_end).max(token.out.map_or(0, |out| out.since));
        }
        let released = self.tokens[slot].released;
        // Looked at when its family may have ended, and a day later once more.
        ((last + DAY).max(released), latest.max(released) + 2 * DAY)
    }

    /// Compares a picture with what must be, and goes on from it.
    pub fn look(&mut self, now: i64, picture: &Picture) -> Result<(), String> {
        for (slot, seen) in picture.iter().enumerate() {
            self.follow_timers(slot, seen, now)?;
            let expected = self.expected(slot, now, seen);
            if *seen != expected {
                let token = &self.tokens[slot];
                return Err(format!(
                    "token {slot} {:?} is\n  {seen:?}, but the reference says\n  {expected:?}\n  for {token:?} at {now}",
                    self.spec(slot)
                ));
            }
        }
        // All are looked at before any is known to be gone.
        for (slot, seen) in picture.iter().enumerate() {
            if seen.stands == Stands::Gone && self.is_here(slot) {
                self.leave(slot, now)?;
            } else if self.is_here(slot) && !self.is_held(slot) && self.last_day(slot, now) <= now {
                return Err(format!("token {slot} is still there at {now}: {:?}", self.tokens[slot]));
            }
        }
        Ok(())
    }

    fn last_day(&self, slot: usize, now: i64) -> i64 {
        if self.is_spent(slot) && self.spec(slot).family.is_some() {
            return self.leaves_with_its_family(slot, now).1;
        }
        self.tokens[slot].leaves.1
    }

    fn leave(&mut self, slot: usize, now: i64) -> Result<(), String> {
        let first = if self.is_spent(slot) && self.spec(slot).family.is_some() {
            self.leaves_with_its_family(slot, now).0
        } else {
            self.tokens[slot].leaves.0
        };
        let token = &mut self.tokens[slot];
        if now < first {
            return Err(format!("token {slot} left too early, at {now} instead of {first}: {token:?}"));
        }
        token.gone = Some(token.out.map(|out| out.why));
        Ok(())
    }

    /// What no command does: a token ends by itself, or was not read for too long.
    fn follow_timers(&mut self, slot: usize, seen: &Seen, now: i64) -> Result<(), String> {
        if !self.is_here(slot) || self.tokens[slot].out.is_some() {
            return Ok(());
        }
        let is_held = self.is_held(slot);
        let kind = self.spec(slot).kind;
        let token = &mut self.tokens[slot];
        let may_idle = matches!(kind, Kind::Session | Kind::Vault);
        let idle_at = token.seen + IDLE_AFTER;
        let has_ended = token.ends.is_some_and(|end| end <= now);
        match seen.why {
            // A hold keeps in the vault, not in service.
            Some(Trigger::Idle) if may_idle && idle_at <= now => {
                let leaves = if kind == Kind::Vault { NEVER } else { now + IDLE_COOL_OFF };
                token.out = Some(Out { why: Trigger::Idle, since: now, by: None });
                token.leaves = (leaves, leaves);
            }
            Some(Trigger::Expired) if has_ended && seen.stands == Stands::Out => {
                token.out = Some(Out { why: Trigger::Expired, since: now, by: None });
                token.leaves = (token.leaves.0, token.leaves.1.min(now + DAY));
            }
            // A subject's hold that the token did not bear left no trace on it when it was released.
            Some(Trigger::Superseded) if has_ended && now < token.released + DAY => {
                token.out = Some(Out { why: Trigger::Superseded, since: now, by: None });
            }
            _ if may_idle && !is_held && idle_at.max(token.released) + READS <= now => {
                return Err(format!("token {slot} should be idle by now: {token:?}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// What must be seen of a token. Whether it has left already is taken from the picture.
    fn expected(&self, slot: usize, now: i64, seen: &Seen) -> Seen {
        let token = &self.tokens[slot];
        let copies = (!token.notices.is_empty()).then(|| token.notices.values().sum());
        let nothing = Seen { copies, ..Seen::default() };
        if token.issued_at.is_none() {
            return nothing;
        }
        let why = token.out.map(|out| out.why);
        let by = token.out.and_then(|out| out.by).map(|nth| format!("c-{nth}"));
        if token.gone.is_some() || (seen.stands == Stands::Gone && !self.is_held(slot)) {
            let is_erased = why == Some(Trigger::AccountDeleted)
                || (why == Some(Trigger::Superseded) && self.story.setting == Setting::CleanUpWithoutCopy);
            return Seen { stands: Stands::Gone, why, by, is_archived: Some(!is_erased), ..nothing };
        }
        let stands = if self.is_in_service(slot, now) { Stands::InService } else { Stands::Out };
        let holds = self.holds_on(slot).into_iter().map(|id| format!("h{id}")).collect();
        Seen { stands, why, by, may_return: self.may_return(slot), holds, ..nothing }
    }
}

fn issued(ms: i64, life: Option<i64>) -> Token {
    let created = ms.div_euclid(1000);
    let ends = life.map(|life| created + life);
    Token {
        issued_at: Some(ms),
        ends,
        seen: created,
        leaves: ends.map_or((NEVER, NEVER), |end| (end + DAY, end + DAY)),
        ..Token::default()
    }
}
