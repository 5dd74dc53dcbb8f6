//! What a test does to the fake vault behind the stages' back, and what it looks at. None of it counts as a call.

use std::collections::BTreeMap;

use lethe_domain::row::{RowRead, VaultRow};
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, TokenId};
use lethe_stages::stream::StreamRecord;
use serde_json::{Value, json};

use super::{FakeVault, tokens};
use crate::item::{self, Item};

impl FakeVault {
    /// Puts a row as an issuer does, or overwrites one.
    pub fn insert(&self, row: impl Into<Item>) {
        let item = row.into();
        self.lock().change(item::keys_of(&item), Some(item), &self.clock, false);
    }

    /// Changes a row's attributes as a writer who knows nothing of Lethe does: without a condition, and without a step
    /// of the version unless `edit` makes one.
    pub fn edit(&self, key: &RowKey, edit: impl FnOnce(&mut Item)) {
        let mut state = self.lock();
        let place = place_of(key);
        let mut row = state.rows.get(&place).cloned().unwrap();
        edit(&mut row);
        state.change(place, Some(row), &self.clock, false);
    }

    /// Hands the token out again as an issuer does: created now, in service, one version on.
    pub fn reissue(&self, key: &RowKey) {
        let created_at = self.clock.millis().0;
        self.edit(key, |row| {
            let version = item::number_of(row, "version").unwrap() + 1;
            row.insert("version".into(), json!({ "N": version.to_string() }));
            row.insert("created_at".into(), json!({ "N": created_at.to_string() }));
            row.insert("state".into(), json!({ "S": "active" }));
            row.insert("isValid".into(), json!({ "BOOL": true }));
            for gone in ["reason", "cooling_since", "purge_at"] {
                row.remove(gone);
            }
        });
    }

    /// Removes a row as anybody with the right to may.
    pub fn delete(&self, key: &RowKey) {
        self.lock().change(place_of(key), None, &self.clock, false);
    }

    /// Removes every row whose `purge_at` has passed, as TTL does.
    pub fn expire_by_ttl(&self) {
        let mut state = self.lock();
        let now = i128::from(self.clock.now().0);
        let overdue = |row: &Item| item::number_of(row, "purge_at").is_some_and(|at| at <= now);
        let places: Vec<_> =
            state.rows.iter().filter(|(_, row)| overdue(row)).map(|(place, _)| place.clone()).collect();
        for place in places {
            state.change(place, None, &self.clock, true);
        }
    }

    /// The row as it stands.
    pub fn row(&self, key: &RowKey) -> Option<VaultRow> {
        self.item(key).as_ref().map(item::read).and_then(RowRead::token)
    }

    /// The row's attributes as they stand.
    pub fn item(&self, key: &RowKey) -> Option<Item> {
        self.lock().rows.get(&place_of(key)).cloned()
    }

    /// A subject's row as it stands.
    pub fn subject_row(&self, key: &SubjectKey) -> Option<SubjectRow> {
        self.lock().rows.get(&(key.pk.clone(), key.sk.clone())).map(item::read_subject)
    }

    /// Every token's row.
    pub fn rows(&self) -> BTreeMap<TokenId, VaultRow> {
        let state = &mut *self.lock();
        state.seen.get_or_insert_with(|| tokens(state.rows.values().map(item::read))).clone()
    }

    /// Every row, readable or not.
    pub fn items(&self) -> Vec<Item> {
        self.lock().rows.values().cloned().collect()
    }

    /// The records of the stream since the last time it was drained.
    pub fn drain_stream(&self) -> Vec<StreamRecord> {
        std::mem::take(&mut self.lock().stream)
    }

    /// How often the stages wrote this token's row; issuing, editing and removing do not count.
    pub fn n_writes_of(&self, token: &TokenId) -> u64 {
        self.lock().writes.get(token.expose()).copied().unwrap_or(0)
    }

    /// How often the stages wrote rows, subjects' included.
    pub fn n_writes(&self) -> u64 {
        self.lock().writes.values().sum()
    }

    /// Reads end after so many rows, whatever their limit says.
    pub fn set_page_size(&self, rows: u32) {
        self.lock().page_size = Some(rows);
    }

    /// The seconds in one attribute of a row.
    pub fn seconds_of(&self, key: &RowKey, attribute: &str) -> Option<EpochSeconds> {
        let seconds = item::number_of(&self.item(key)?, attribute)?;
        Some(EpochSeconds(i64::try_from(seconds).unwrap()))
    }

    /// Sets one attribute of a row, in DynamoDB's JSON, and nothing else.
    pub fn set_attribute(&self, key: &RowKey, attribute: &str, value: Value) {
        self.edit(key, |row| {
            row.insert(attribute.to_owned(), value);
        });
    }
}

fn place_of(key: &RowKey) -> (String, String) {
    (key.pk(), key.token.expose().to_owned())
}
