//! Subjects' rows in the fake vault: written whole, and in the stream like any other row.

use lethe_domain::row::RowVersion;
use lethe_domain::subject::{SUBJECT_KIND, SubjectKey, SubjectRow};

use super::State;
use crate::clock::HandClock;
use crate::item;

impl State {
    pub(super) fn write_subject(
        &mut self,
        key: &SubjectKey,
        expected: RowVersion,
        row: &SubjectRow,
        clock: &HandClock,
    ) -> bool {
        let place = (key.pk.clone(), key.sk.clone());
        let is_as_expected = match self.rows.get(&place) {
            None => expected == RowVersion(0),
            Some(stored) => {
                expected != RowVersion(0)
                    && item::text_of(stored, "kind") == Some(SUBJECT_KIND)
                    && item::number_of(stored, "version") == Some(expected.0.into())
            }
        };
        if is_as_expected {
            *self.writes.entry(place.1.clone()).or_default() += 1;
            self.change(place, Some(item::item_of_subject(key, row)), clock, false);
        }
        is_as_expected
    }
}
