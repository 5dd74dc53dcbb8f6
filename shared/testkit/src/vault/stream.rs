//! The fake vault's stream: one record for each change of a row, in order.

use lethe_stages::stream::{Image, RecordKind, StreamRecord};

use super::State;
use crate::clock::HandClock;
use crate::item::{self, Item};

impl State {
    /// Puts, replaces or removes a row and records it; a change that changes nothing leaves no record.
    pub(super) fn change(
        &mut self,
        place: (String, String),
        new: Option<Item>,
        clock: &HandClock,
        by_ttl: bool,
    ) {
        self.seen = None;
        let old = match &new {
            Some(item) => self.rows.insert(place, item.clone()),
            None => self.rows.remove(&place),
        };
        self.index_owner(old.as_ref(), new.as_ref());
        if old == new {
            return;
        }
        let kind = match (&old, &new) {
            (None, _) => RecordKind::Insert,
            (Some(_), Some(_)) => RecordKind::Modify,
            (Some(_), None) => RecordKind::Remove,
        };
        self.n_changes += 1;
        self.stream.push(StreamRecord {
            kind,
            old: old.map(image),
            new: new.map(image),
            sequence: format!("{:030}", self.n_changes),
            at: clock.millis(),
            by_ttl,
        });
    }
}

fn image(item: Item) -> Image {
    Image { row: item::read(&item), raw: item.into_iter().collect() }
}
