//! The kill switch: a person or an alarm stops what Lethe decides by itself, for one tenant or for all.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::row::By;
use crate::time::EpochSeconds;
use crate::token::TenantId;

/// The actor of a pause that the late-use alarm set.
pub const LATE_USE_ALARM: &str = "late-use alarm";

/// One pause that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who paused it, and why in their words.
    pub by: By,
    /// Since when it stands; its name, too.
    pub since: EpochSeconds,
    /// Whether dates of removal that are set already are lifted as well, and nothing is removed.
    pub freezes: bool,
}

/// Whose decisions a pause stops.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Those over every tenant's tokens.
    Everybody,
    /// Those over one tenant's.
    Tenant(TenantId),
}

impl Reach {
    /// Whose, where only one is meant.
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Everybody => None,
            Self::Tenant(tenant) => Some(tenant),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("every tenant"),
            Self::Tenant(tenant) => write!(f, "tenant {tenant}"),
        }
    }
}

/// The pauses that stand in the way of decisions over one tenant's tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pauses {
    /// The one of all tenants.
    pub of_all: Option<Pause>,
    /// The tenant's own.
    pub own: Option<Pause>,
    /// When the latest pause over them ended; `None` where none ever stood.
    pub ended_at: Option<EpochSeconds>,
}

impl Pauses {
    /// Whether nothing may be decided.
    pub fn is_paused(&self) -> bool {
        self.of_all.is_some() || self.own.is_some()
    }

    /// Whether a pause stood over something that was decided at that time. Whoever resumes has looked at what stands, and
    /// not at what was decided before.
    pub fn came_after(&self, decided_at: EpochSeconds) -> bool {
        self.is_paused() || self.ended_at.is_some_and(|ended_at| decided_at <= ended_at)
    }

    /// The pause that freezes what has a date already, if one does.
    pub fn freezing(&self) -> Option<&Pause> {
        self.of_all.iter().chain(&self.own).find(|pause| pause.freezes)
    }

    /// The pauses, that of all tenants first, each with whom it reaches.
    pub fn standing(&self, tenant: &TenantId) -> impl Iterator<Item = (Reach, &Pause)> {
        let own = self.own.iter().map(|pause| (Reach::Tenant(tenant.clone()), pause));
        self.of_all.iter().map(|pause| (Reach::Everybody, pause)).chain(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(freezes: bool) -> Pause {
        let by = By { actor: "arn:ops".into(), reason_text: None };
        Pause { by, since: EpochSeconds(7), freezes }
    }

    #[test]
    fn one_pause_of_two_is_enough() {
        assert!(!Pauses::default().is_paused());
        let of_all = Pauses { of_all: Some(pause(false)), ..Pauses::default() };
        let own = Pauses { own: Some(pause(true)), ..Pauses::default() };
        assert!(of_all.is_paused() && own.is_paused());
        assert_eq!((of_all.freezing(), own.freezing()), (None, Some(&pause(true))));
        let both = Pauses { of_all: Some(pause(false)), ..own };
        assert_eq!(both.freezing(), Some(&pause(true)), "the one that does not freeze hides nothing");
    }

    #[test]
    fn a_pause_that_ended_came_after_what_was_decided_up_to_its_end() {
        let ended = Pauses { ended_at: Some(EpochSeconds(7)), ..Pauses::default() };
        assert!(!ended.is_paused());
        assert_eq!([6, 7, 8].map(|at| ended.came_after(EpochSeconds(at))), [true, true, false]);
        assert!(!Pauses::default().came_after(EpochSeconds(0)));
        let stands = Pauses { own: Some(pause(false)), ..ended };
        assert!(stands.came_after(EpochSeconds(8)));
    }
}
