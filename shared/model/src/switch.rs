//! The kill switch, as small as the rest. The rules see the real one.

use lethe_domain::pause::{Pause, Pauses};
use lethe_domain::row::By;

use crate::row::at;

/// The tenant's own pause, that stands or stood last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Switch {
    /// Since when it stands.
    pub(crate) since: Option<u8>,
    /// When the last one ended.
    pub(crate) ended_at: Option<u8>,
}

impl Switch {
    /// The pauses that the rules see.
    pub(crate) fn to_pauses(self, by: &By) -> Pauses {
        let pause = |since| Pause { by: by.clone(), since: at(since), freezes: false };
        Pauses { of_all: None, own: self.since.map(pause), ended_at: self.ended_at.map(at) }
    }
}
