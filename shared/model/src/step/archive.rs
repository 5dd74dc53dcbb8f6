//! The way from the stream into the archive, and out of it.

use crate::guard::Guard;
use crate::property::Invariant;
use crate::protocol::Protocol;
use crate::world::{Archived, Leaving, World};

impl Protocol {
    /// Whether a record is archived before it is acknowledged.
    pub(crate) fn archives_first(&self) -> bool {
        self.has(Guard::ArchiveBeforeAcknowledging)
    }

    pub(super) fn put_object(&self, world: &mut World) {
        let n_before = match world.archived {
            Archived::Locked { n_versions, .. } => n_versions,
            Archived::Never | Archived::Purged => 0,
        };
        // Guard: the object's key comes from what it holds, so that a retry finds it there.
        let n_versions = if self.has(Guard::DerivedKey) { 1 } else { n_before + 1 };
        world.broken.note(Invariant::ArchivedTwice, n_versions > 1);
        world.archived = Archived::Locked { until: world.now + self.numbers.retention, n_versions };
        world.leaving = if world.leaving == Some(Leaving::InStream) { Some(Leaving::Stored) } else { None };
    }
}

pub(super) fn acknowledge(world: &mut World) {
    world.leaving = if world.leaving == Some(Leaving::InStream) { Some(Leaving::Acknowledged) } else { None };
}

/// What was not acknowledged comes again.
pub(super) fn crash_archiver(world: &mut World) {
    world.left.n_crashes -= 1;
    let is_lost = world.leaving == Some(Leaving::Acknowledged);
    world.broken.note(Invariant::Lost, is_lost);
    world.leaving = (!is_lost).then_some(Leaving::InStream);
}
