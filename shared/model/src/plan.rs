//! The plan over one token, and its hash.

use lethe_domain::plan::hash_of;

use crate::row::Row;
use crate::run::RunName;
use crate::world::Carried;

/// What a plan does to the token, and what its row looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Planned {
    pub(crate) deed: Deed,
    pub(crate) expected: Row,
    /// What its run leaves for the next one, once it is carried out.
    pub(crate) leaves: Carried,
    /// Whether a pause stood since it was made.
    pub(crate) was_paused: bool,
}

/// The plan's verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Deed {
    /// Out of service.
    Cool,
    /// A date of removal.
    Sentence,
    /// Back into service.
    Reinstate,
}

impl Deed {
    /// Whether it takes the token further from service.
    pub(crate) fn condemns(self) -> bool {
        match self {
            Self::Cool | Self::Sentence => true,
            Self::Reinstate => false,
        }
    }
}

/// The beginning of a plan's hash: a field of a state is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PlanHash(u64);

impl PlanHash {
    /// As the run's row and the record of approvals have it.
    pub(crate) fn to_text(self) -> String {
        format!("{:016x}", self.0)
    }
}

impl Planned {
    /// The hash over what would be written, and over whose run it is.
    pub(crate) fn hash(&self, run: RunName) -> PlanHash {
        let text = hash_of(format!("{run:?} {:?} {:?}", self.deed, self.expected).as_bytes());
        let beginning = text.get(..16).and_then(|text| u64::from_str_radix(text, 16).ok());
        PlanHash(beginning.unwrap_or(u64::MAX))
    }
}
