//! Which messages may come in another order, and when each comes. Order is given up only where the design calls it
//! harmless; every rule below that keeps it says what hangs on it.

use std::collections::BTreeSet;

use lethe_domain::policy::Trigger;
use lethe_domain::time::EpochMillis;

use super::plan::{Event, Kind, Part, Plan, Saying, Setting, Story, What, Whom};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// A token that is named is meant although it was issued so much later.
const SKEW_MS: i64 = 5 * 60 * 1000;

/// One delivery of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival {
    pub at: EpochMillis,
    pub event: usize,
    pub is_copy: bool,
}

/// When every message comes, and comes again. The first time it comes within its own hour, since what ends a day later
/// must not depend on the minute; further copies come up to some days later.
pub fn arrivals(plan: &Plan, story: &Story) -> Vec<Arrival> {
    let mut first: Vec<i64> = story.events.iter().map(|event| first_wish(plan, story, event)).collect();
    for at in (0..first.len()).rev() {
        for later in at + 1..first.len() {
            if first[later] < first[at] && keeps_order(story, at, later) {
                first[at] = first[later];
            }
        }
    }
    let mut arrivals = Vec::new();
    for (nth, event) in story.events.iter().enumerate() {
        arrivals.push(Arrival { at: EpochMillis(first[nth]), event: nth, is_copy: false });
        if !matches!(event.what, What::Say { .. }) {
            continue;
        }
        for (days, within) in &plan.days[event.day].steps[event.step].copies {
            let days = if lasts_a_window(event) { 0 } else { i64::from(*days) };
            let within = i64::try_from(within.as_millis()).unwrap();
            let morning = story.mornings[event.day].to_millis().0;
            let mut at = (morning + days * DAY_MS + within).max(first[nth]);
            for later in nth + 1..story.events.len() {
                if first[later] < at && must_not_come_again_after(story, nth, later) {
                    at = first[later];
                }
            }
            arrivals.push(Arrival { at: EpochMillis(at), event: nth, is_copy: true });
        }
    }
    arrivals
}

fn first_wish(plan: &Plan, story: &Story, event: &Event) -> i64 {
    let last = story.mornings[event.day].to_millis().0 + HOUR_MS - 1_000;
    match event.what {
        // An issuer writes at once; nothing is sent.
        What::Issue { .. } | What::Reissue { .. } => event.at.0,
        What::Say { .. } => {
            let delay = plan.days[event.day].steps[event.step].delay;
            (event.at.0 + i64::try_from(delay.as_millis()).unwrap()).min(last)
        }
    }
}

/// Without a key, who says it again days later says it anew: the token may have been found unused once more, and a hold
/// is put on what its subject got since, where no timer looks any more.
fn lasts_a_window(event: &Event) -> bool {
    let What::Say { saying, is_keyed: false, .. } = &event.what else { return false };
    match saying {
        Saying::Reinstate(_) | Saying::Hold { whom: Whom::Of(..), .. } => true,
        Saying::Hold { whom: Whom::Tokens(_), .. }
        | Saying::End { .. }
        | Saying::Read(_)
        | Saying::Release { .. }
        | Saying::Count { .. } => false,
    }
}

/// Whether two events, the first of which was sent first, must also come in that order.
pub fn keeps_order(story: &Story, first: usize, second: usize) -> bool {
    let (a, b) = (&story.events[first.min(second)], &story.events[first.max(second)]);
    // Other tenants' tokens are other tokens, and what is refused does nothing.
    if a.tenant != b.tenant || is_refused(a) || is_refused(b) {
        return false;
    }
    // Notices are counted, each id once: sums have no order. Of two with one id the first counts.
    if let (Some(a), Some(b)) = (notice_of(a), notice_of(b)) {
        return a == b;
    }
    if notice_of(a).is_some() || notice_of(b).is_some() {
        return false;
    }
    // What is cleaned up is what has ended by then.
    if cleans(story) && share_a_subject(story, a, b) {
        let hangs = |a: &Event, b: &Event| starts_clean_up(story, a) && changes(b);
        if hangs(a, b) || hangs(b, a) {
            return true;
        }
    }
    let (reach_a, reach_b) = (reach(story, a), reach(story, b));
    if reach_a.is_disjoint(&reach_b) {
        return false;
    }
    // Issued after a command was sent is issued later, whenever the command comes.
    if matches!(a.what, What::Issue { .. }) || matches!(b.what, What::Issue { .. }) {
        return false;
    }
    // The issuer looks whether a token has ended before it hands it out again.
    if matches!(a.what, What::Reissue { .. }) || matches!(b.what, What::Reissue { .. }) {
        return true;
    }
    hangs_together(story, a, b) || hangs_together(story, b, a)
}

/// What hangs on one of two commands about the same tokens coming before the other.
fn hangs_together(story: &Story, a: &Event, b: &Event) -> bool {
    let (Some(said), Some(also)) = (saying_of(a), saying_of(b)) else { return false };
    // Whether it was a theft: a spent token is one that was rotated before and did not end for a graver reason.
    if may_use_spent(story, a) {
        return match also {
            Saying::End { .. } | Saying::Release { .. } => true,
            Saying::Read(_) => may_use_spent(story, b),
            // A hold keeps in the vault and not in service; nothing that is spent may return.
            Saying::Hold { .. } | Saying::Reinstate(_) | Saying::Count { .. } => false,
        };
    }
    match (said, also) {
        // Of two reasons of one rank the first stands; a graver one takes over whenever it comes. Where all wait for an
        // approval the first decides when: what has its date by then leaves on its own account.
        (Saying::End { trigger, .. }, Saying::End { trigger: other, .. }) => {
            trigger_rank(*trigger) == trigger_rank(*other) || story.setting == Setting::NoBudget
        }
        // Held and then released is not released and then held. Another hold stands or falls by itself.
        (Saying::Hold { id, .. }, Saying::Release { id: other, .. }) => id == other,
        // What is to go at once after a release goes at once; before it, the release gives it a day.
        (Saying::End { erase_now: true, .. }, Saying::Release { .. }) => true,
        // What comes back has no date any more; what ends without coming back keeps the one that it had.
        (Saying::Read(slots) | Saying::Reinstate(slots), Saying::End { .. }) => {
            let reach = reach(story, b);
            let may_return = |slot: &usize| matches!(story.tokens[*slot].kind, Kind::Session | Kind::Vault);
            slots.iter().any(|slot| reach.contains(slot) && may_return(slot))
        }
        // Ends and holds do not touch each other, and reads never move back.
        (
            Saying::End { .. }
            | Saying::Read(_)
            | Saying::Hold { .. }
            | Saying::Release { .. }
            | Saying::Reinstate(_)
            | Saying::Count { .. },
            _,
        ) => false,
    }
}

/// Whether a copy of one message must not come after another, later one.
fn must_not_come_again_after(story: &Story, copied: usize, later: usize) -> bool {
    let (a, b) = (&story.events[copied], &story.events[later]);
    if a.tenant != b.tenant || is_refused(a) || is_refused(b) {
        return false;
    }
    let What::Say { saying, is_keyed, .. } = &a.what else { return false };
    match (saying, &b.what) {
        // A message means a token by name that was issued up to the skew of two clocks later.
        (Saying::End { whom: Whom::Tokens(slots), .. }, What::Reissue { slot, .. }) => {
            slots.contains(slot) && b.at.0 <= a.at.0 + SKEW_MS
        }
        // Whoever holds and releases and wants copies to be harmless gives a key; see the report of the design.
        (
            Saying::Hold { id, .. } | Saying::Release { id, .. },
            What::Say { saying: Saying::Hold { id: other, .. } | Saying::Release { id: other, .. }, .. },
        ) => !is_keyed && id == other,
        (Saying::End { erase_now: true, .. }, What::Say { saying: Saying::Release { .. }, .. }) => !is_keyed,
        _ => false,
    }
}

fn saying_of(event: &Event) -> Option<&Saying> {
    match &event.what {
        What::Say { saying, .. } => Some(saying),
        What::Issue { .. } | What::Reissue { .. } => None,
    }
}

fn is_refused(event: &Event) -> bool {
    matches!(event.what, What::Say { by_stranger: true, .. })
}

fn notice_of(event: &Event) -> Option<(usize, u8)> {
    match saying_of(event)? {
        Saying::Count { slot, notice, .. } => Some((*slot, *notice)),
        _ => None,
    }
}

fn trigger_rank(trigger: Trigger) -> u8 {
    match trigger {
        Trigger::Revoked => 2,
        Trigger::Compromised => 3,
        Trigger::AccountDeleted => 4,
        _ => 1,
    }
}

fn cleans(story: &Story) -> bool {
    matches!(story.setting, Setting::CleanUp | Setting::CleanUpWithoutCopy)
}

/// An issue, a refresh, a return into service, a revocation.
fn starts_clean_up(story: &Story, event: &Event) -> bool {
    match &event.what {
        What::Issue { .. } | What::Reissue { .. } => true,
        What::Say { saying, .. } => match saying {
            Saying::End { trigger, .. } => *trigger == Trigger::Revoked,
            Saying::Reinstate(_) => true,
            Saying::Read(slots) => {
                slots.iter().any(|slot| matches!(story.tokens[*slot].kind, Kind::Session | Kind::Vault))
            }
            Saying::Hold { .. } | Saying::Release { .. } | Saying::Count { .. } => false,
        },
    }
}

/// Whether it changes what there is to clean up.
fn changes(event: &Event) -> bool {
    match &event.what {
        What::Issue { .. } => false,
        What::Reissue { .. } => true,
        What::Say { saying, .. } => match saying {
            Saying::End { .. } | Saying::Hold { .. } | Saying::Release { .. } | Saying::Read(_) => true,
            Saying::Reinstate(_) | Saying::Count { .. } => false,
        },
    }
}

fn share_a_subject(story: &Story, a: &Event, b: &Event) -> bool {
    let subjects = |event: &Event| -> BTreeSet<usize> {
        reach(story, event).into_iter().map(|slot| story.tokens[slot].subject).collect()
    };
    !subjects(a).is_disjoint(&subjects(b))
}

/// Whether it may be the use of a spent refresh token.
fn may_use_spent(story: &Story, event: &Event) -> bool {
    let (Some(Saying::Read(slots))
    | Some(Saying::End { trigger: Trigger::Rotated, whom: Whom::Tokens(slots), .. })) = saying_of(event)
    else {
        return false;
    };
    let rotates = |other: &Event, slot: &usize| match saying_of(other) {
        Some(Saying::End { trigger: Trigger::Rotated, whom: Whom::Tokens(slots), .. }) => {
            slots.contains(slot)
        }
        _ => false,
    };
    slots.iter().any(|slot| story.events.iter().any(|other| rotates(other, slot)))
}

/// Every token that an event may touch, with what goes along.
pub fn reach(story: &Story, event: &Event) -> BTreeSet<usize> {
    let mut reach = BTreeSet::new();
    let add = |reach: &mut BTreeSet<usize>, subject: usize, part: Part| {
        let slots = 0..story.tokens.len();
        reach.extend(slots.filter(|slot| story.tokens[*slot].belongs_to(event.tenant, subject, part)));
    };
    let mut named: &[usize] = &[];
    match &event.what {
        What::Issue { slot, .. } | What::Reissue { slot, .. } => {
            reach.insert(*slot);
        }
        What::Say { saying, .. } => match saying {
            Saying::End { whom: Whom::Of(subject, part), .. } => add(&mut reach, *subject, *part),
            Saying::Hold { whom: Whom::Of(subject, part), .. }
            | Saying::Release { whom: Whom::Of(subject, part), .. } => add(&mut reach, *subject, *part),
            Saying::End { whom: Whom::Tokens(slots), .. }
            | Saying::Hold { whom: Whom::Tokens(slots), .. }
            | Saying::Release { whom: Whom::Tokens(slots), .. }
            | Saying::Read(slots)
            | Saying::Reinstate(slots) => named = slots,
            Saying::Count { .. } => {}
        },
    }
    reach.extend(named);
    let takes_along = matches!(
        saying_of(event),
        Some(Saying::End { trigger: Trigger::Logout | Trigger::DeviceLogout | Trigger::Compromised, .. })
    );
    if takes_along || may_use_spent(story, event) {
        for slot in named {
            let spec = &story.tokens[*slot];
            // The device is the widest of what goes along; a session is of one device.
            add(&mut reach, spec.subject, Part::Device(spec.device()));
        }
    }
    reach
}
