//! The vault in memory, with DynamoDB's conditions, pages, indexes and stream.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lethe_domain::fan_out::IndexKey;
use lethe_domain::lifecycle::{Expected, StoredAttribute};
use lethe_domain::row::{RowRead, RowVersion, StoredRow, VaultRow};
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, TokenId, partition};
use lethe_stages::error::PortError;
use lethe_stages::ports::{
    Lease, LeasedOutcome, MAX_ROWS_AT_ONCE, OwnedPage, OwnedQuery, RowPage, RowWrite, ShardRef, Vault,
    WriteOutcome,
};
use lethe_stages::stream::StreamRecord;

use crate::clock::HandClock;
use crate::control::FakeControl;
use crate::faults::{Faults, Flaw};
use crate::item::{self, Item};

mod hands;
mod owned;
mod stream;
mod subject;

/// The most writes that one call under a lease takes.
const MAX_LEASED_WRITES: usize = 50;

/// The fake vault. Clones share their rows.
#[derive(Clone, Debug)]
pub struct FakeVault {
    state: Arc<Mutex<State>>,
    control: FakeControl,
    faults: Faults,
    clock: HandClock,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<(String, String), Item>,
    /// What the rows say, once somebody has looked since the last change.
    seen: Option<BTreeMap<TokenId, VaultRow>>,
    /// The `owner` index, by its partition.
    owners: BTreeMap<String, BTreeSet<IndexKey>>,
    stream: Vec<StreamRecord>,
    n_changes: u64,
    writes: BTreeMap<String, u64>,
    page_size: Option<u32>,
}

impl FakeVault {
    pub(crate) fn new(control: FakeControl, faults: Faults, clock: HandClock) -> Self {
        Self { state: Arc::default(), control, faults, clock }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One conditional write, without a call of its own.
    fn write_now(&self, write: &RowWrite) -> WriteOutcome {
        let mut state = self.lock();
        let place = (write.key.pk(), write.key.token.expose().to_owned());
        let Some(row) = state.rows.get(&place) else { return WriteOutcome::Changed(None) };
        let is_as_expected = meets_all(row, &write.change.condition(&write.expected))
            && admits_fence(row, write.change.fence());
        if !is_as_expected && !self.faults.has(Flaw::WritesWithoutCondition) {
            return WriteOutcome::Changed(Some(Box::new(item::read(row))));
        }
        let mut after = row.clone();
        for attribute in write.change.attributes(&write.expected, &write.key.token, write.due_shards) {
            item::set(&mut after, attribute);
        }
        *state.writes.entry(place.1.clone()).or_default() += 1;
        state.change(place, Some(after), &self.clock, false);
        WriteOutcome::Done
    }
}

impl Vault for FakeVault {
    async fn page(&self, at: &ShardRef, after: Option<&str>, limit: u32) -> Result<RowPage, PortError> {
        let call = self.faults.begin("vault.page").await?;
        call.end(self.lock().page(at, after, limit, |_| true))
    }

    async fn overdue(
        &self,
        at: &ShardRef,
        after: Option<&str>,
        limit: u32,
        until: EpochSeconds,
    ) -> Result<RowPage, PortError> {
        let call = self.faults.begin("vault.overdue").await?;
        // The limit cuts what is read, before the filter.
        let is_overdue = |row: &Item| item::number_of(row, "purge_at").is_some_and(|at| at <= until.0.into());
        call.end(self.lock().page(at, after, limit, is_overdue))
    }

    async fn get(&self, key: &RowKey) -> Result<Option<RowRead>, PortError> {
        let call = self.faults.begin("vault.get").await?;
        let state = self.lock();
        call.end(state.rows.get(&(key.pk(), key.token.expose().to_owned())).map(item::read))
    }

    async fn create(&self, row: &VaultRow) -> Result<bool, PortError> {
        let call = self.faults.begin("vault.create").await?;
        let mut state = self.lock();
        let item = item::item_of_stored(&StoredRow::from(row));
        let place = item::keys_of(&item);
        let is_new = !state.rows.contains_key(&place);
        if is_new {
            state.change(place, Some(item), &self.clock, false);
        }
        call.end(is_new)
    }

    async fn due(&self, partition: &str, until: EpochSeconds, limit: u32) -> Result<Vec<RowKey>, PortError> {
        let call = self.faults.begin("vault.due").await?;
        let state = self.lock();
        let mut due: Vec<_> = state
            .rows
            .iter()
            .filter(|(_, row)| item::text_of(row, "due_pk") == Some(partition))
            .filter_map(|(place, row)| Some((item::number_of(row, "due_at")?, place)))
            .filter(|(at, _)| *at <= until.0.into())
            .collect();
        due.sort();
        due.truncate(usize::try_from(limit).unwrap());
        call.end(due.into_iter().filter_map(|(_, (pk, sk))| RowKey::parse(pk, sk)).collect())
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<RowRead>>, PortError> {
        const DOING: &str = "read many vault rows";
        let call = self.faults.begin("vault.get_many").await?;
        if MAX_ROWS_AT_ONCE < keys.len() {
            return Err(PortError::never(DOING, "more keys than one call takes"));
        }
        if has_twins(keys.iter().collect()) {
            return Err(PortError::never(DOING, "one key twice"));
        }
        let state = self.lock();
        let row = |key: &RowKey| state.rows.get(&(key.pk(), key.token.expose().to_owned())).map(item::read);
        call.end(keys.iter().map(row).collect())
    }

    async fn owned(
        &self,
        query: &OwnedQuery<'_>,
        after: Option<&IndexKey>,
        limit: u32,
    ) -> Result<OwnedPage, PortError> {
        let call = self.faults.begin("vault.owned").await?;
        call.end(self.lock().owned(query, after, limit))
    }

    async fn subject(&self, key: &SubjectKey) -> Result<Option<SubjectRow>, PortError> {
        let call = self.faults.begin("vault.subject").await?;
        call.end(self.subject_row(key))
    }

    async fn write_subject(
        &self,
        key: &SubjectKey,
        expected: RowVersion,
        row: &SubjectRow,
    ) -> Result<bool, PortError> {
        let call = self.faults.begin("vault.write_subject").await?;
        call.end(self.lock().write_subject(key, expected, row, &self.clock))
    }

    async fn write(&self, write: &RowWrite) -> Result<WriteOutcome, PortError> {
        let call = self.faults.begin("vault.write").await?;
        call.end(self.write_now(write))
    }

    async fn write_under_lease(
        &self,
        lease: &Lease,
        writes: &[RowWrite],
    ) -> Result<LeasedOutcome, PortError> {
        let call = self.faults.begin("vault.write_under_lease").await?;
        if writes.len() > MAX_LEASED_WRITES {
            return Err(PortError::never(
                "write vault rows under a lease",
                "more writes than one call takes",
            ));
        }
        if has_twins(writes.iter().map(|write| &write.key).collect()) {
            return Err(PortError::never("write vault rows under a lease", "two writes of one row"));
        }
        if !writes.is_empty() && !self.control.holds_lease(lease) {
            return call.end(LeasedOutcome::LeaseLost);
        }
        call.end(LeasedOutcome::Written(writes.iter().map(|write| self.write_now(write)).collect()))
    }

    async fn remove(&self, key: &RowKey, expected: &Expected) -> Result<WriteOutcome, PortError> {
        let call = self.faults.begin("vault.remove").await?;
        let mut state = self.lock();
        let place = (key.pk(), key.token.expose().to_owned());
        let outcome = match state.rows.get(&place) {
            None => WriteOutcome::Changed(None),
            Some(row)
                if meets_all(row, &expected.attributes())
                    || self.faults.has(Flaw::WritesWithoutCondition) =>
            {
                state.change(place, None, &self.clock, false);
                WriteOutcome::Done
            }
            Some(row) => WriteOutcome::Changed(Some(Box::new(item::read(row)))),
        };
        call.end(outcome)
    }
}

fn has_twins(mut keys: Vec<&RowKey>) -> bool {
    keys.sort();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

fn meets_all(row: &Item, demands: &[StoredAttribute]) -> bool {
    demands.iter().all(|attribute| item::meets(row, attribute))
}

fn admits_fence(row: &Item, mine: Option<u64>) -> bool {
    let Some(mine) = mine else { return true };
    if !row.contains_key("fence") {
        return true;
    }
    item::number_of(row, "fence").is_some_and(|theirs| theirs <= i128::from(mine))
}

impl State {
    fn page(&self, at: &ShardRef, after: Option<&str>, limit: u32, keep: impl Fn(&Item) -> bool) -> RowPage {
        let pk = partition(&at.tenant, at.shard);
        let limit = self.page_limit(limit);
        let from = match after {
            Some(after) => Bound::Excluded((pk.clone(), after.to_owned())),
            None => Bound::Included((pk.clone(), String::new())),
        };
        let rows = self.rows.range((from, Bound::Unbounded)).take_while(|((row_pk, _), _)| *row_pk == pk);
        let read: Vec<_> = rows.take(limit).collect();
        // DynamoDB names a next page whenever the limit was reached, even where nothing follows.
        let next = read.last().filter(|_| read.len() == limit).map(|((_, sk), _)| sk.clone());
        RowPage {
            n_read: u64::try_from(read.len()).unwrap(),
            rows: read.into_iter().filter(|(_, row)| keep(row)).map(|(_, row)| item::read(row)).collect(),
            next,
        }
    }

    fn page_limit(&self, limit: u32) -> usize {
        usize::try_from(self.page_size.map_or(limit, |size| size.min(limit))).unwrap()
    }
}

/// The token rows among what was read.
pub fn tokens(rows: impl IntoIterator<Item = RowRead>) -> BTreeMap<TokenId, VaultRow> {
    rows.into_iter().filter_map(RowRead::token).map(|row| (row.key.token.clone(), row)).collect()
}
