//! What `react` decides over the two images of a stream record: which state change to put on record, and whether
//! somebody wrote a condemned row without stepping its version.

use std::cmp::Ordering;

use super::Change;
use crate::audit::Event;
use crate::row::{Phase, VaultRow};
use crate::time::EpochSeconds;

/// A state change to put on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What happened.
    pub event: Event,
    /// Where the token stood.
    pub from: Option<Phase>,
    /// Where it stands now.
    pub to: Phase,
}

/// What follows from a pair of images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageVerdict {
    /// What to put on record.
    pub transition: Option<Transition>,
    /// What to write.
    pub lift: Option<Change>,
}

/// Decides over one changed row.
pub fn decide_image(old: Option<&VaultRow>, new: &VaultRow, now: EpochSeconds) -> ImageVerdict {
    let from = old.map(VaultRow::phase);
    let to = new.phase();
    // Every writer of ours steps the version, so a condemned row that changed without a step was written by another.
    let stepped = old.is_none_or(|old| old.version < new.version);
    let inserted_dead = old.is_none() && to != Phase::Active;
    if to != Phase::Active && (!stepped || inserted_dead) {
        let lift = (to == Phase::Sentenced).then_some(Change::Lift { due_at: now });
        return ImageVerdict { transition: Some(Transition { event: Event::OutOfBand, from, to }), lift };
    }
    if let Some(event) = held_event(old, new) {
        return ImageVerdict { transition: Some(Transition { event, from, to }), lift: None };
    }
    // Read or issued again, but left condemned: its removal is lifted, and `expire` takes it back.
    if to == Phase::Sentenced && new.was_seen_since_cooling() {
        let transition = Some(Transition { event: Event::OutOfBand, from, to });
        return ImageVerdict { transition, lift: Some(Change::Lift { due_at: now }) };
    }
    // Whoever extends a known end must move its date of removal too, or a token in service would leave.
    if let (Phase::Active, Some(purge_at), Some(end)) = (to, new.purge_at, new.expires_at)
        && purge_at < end
    {
        let transition = Some(Transition { event: Event::OutOfBand, from, to });
        return ImageVerdict { transition, lift: Some(Change::Lift { due_at: end }) };
    }
    // A further, graver reason is a state of its own.
    let has_other_reason = old.is_some_and(|old| old.reason != new.reason);
    let was_released = old.is_some_and(|old| old.released_at != new.released_at);
    let event = match (from, to) {
        (Some(Phase::Cooling | Phase::Sentenced), Phase::Cooling) if has_other_reason => Event::Cooled,
        (Some(Phase::Sentenced), Phase::Sentenced) if has_other_reason => Event::Sentenced,
        (Some(Phase::Active), Phase::Cooling) => Event::Cooled,
        (Some(Phase::Active | Phase::Cooling), Phase::Sentenced) => Event::Sentenced,
        (Some(Phase::Cooling | Phase::Sentenced), Phase::Active) => Event::Reinstated,
        // A freeze lifts the date in somebody's name.
        (Some(Phase::Sentenced), Phase::Cooling) if was_released => Event::Paused,
        // Otherwise only a lift takes a date of removal away again.
        (Some(Phase::Sentenced), Phase::Cooling) => Event::OutOfBand,
        (None | Some(Phase::Active), Phase::Active)
        | (Some(Phase::Cooling), Phase::Cooling)
        | (Some(Phase::Sentenced), Phase::Sentenced)
        | (None, Phase::Cooling | Phase::Sentenced) => return ImageVerdict::default(),
    };
    ImageVerdict { transition: Some(Transition { event, from, to }), lift: None }
}

/// Whether the holds on a row changed. A command to a held row changes its reason at the same time as nothing else.
fn held_event(old: Option<&VaultRow>, new: &VaultRow) -> Option<Event> {
    let old = old?;
    let count = |row: &VaultRow| row.hold.as_deref().unwrap_or_default().split_whitespace().count();
    match count(old).cmp(&count(new)) {
        Ordering::Less => Some(Event::Held),
        Ordering::Greater => Some(Event::Released),
        Ordering::Equal => None,
    }
}
