//! The audit table in memory: items are only ever added.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lethe_domain::audit::{AuditItem, Entry, Event};
use lethe_domain::fingerprint::Fingerprint;
use lethe_stages::error::PortError;
use lethe_stages::ports::{AuditLog, AuditPage};

use crate::faults::{Faults, Flaw};

const PAGE_ITEMS: usize = 100;

/// The fake audit table. Clones share their items.
#[derive(Clone, Debug)]
pub struct FakeAudit {
    state: Arc<Mutex<State>>,
    faults: Faults,
}

#[derive(Debug)]
struct State {
    items: BTreeMap<(String, String), AuditItem>,
    n_records: u64,
    page_size: usize,
}

impl FakeAudit {
    pub(crate) fn new(faults: Faults) -> Self {
        let state = State { items: BTreeMap::new(), n_records: 0, page_size: PAGE_ITEMS };
        Self { state: Arc::new(Mutex::new(state)), faults }
    }

    /// Every item, in the order of the keys.
    pub fn items(&self) -> Vec<AuditItem> {
        self.lock().items.values().cloned().collect()
    }

    /// The items of one event.
    pub fn items_of(&self, event: Event) -> Vec<AuditItem> {
        self.items().into_iter().filter(|item| item.event == event).collect()
    }

    /// What is on record about one token, by version.
    pub fn history(&self, token: &Fingerprint) -> Vec<(Event, Entry)> {
        let items = self.items();
        let of_token = |item: &AuditItem| {
            let entries = item.entries.iter().filter(|entry| entry.fingerprint == *token);
            entries.map(|entry| (item.event, *entry)).collect::<Vec<_>>()
        };
        let mut history: Vec<_> = items.iter().flat_map(of_token).collect();
        history.sort_by_key(|(event, entry)| (entry.version, *event));
        history
    }

    /// Changes the record as nobody with the rights of a role may: takes items out, alters or adds some.
    pub fn tamper(&self, tamper: impl FnOnce(&mut Vec<AuditItem>)) {
        let mut items = self.items();
        tamper(&mut items);
        let place = |item: &AuditItem| (item.pk.clone(), item.sk.clone());
        self.lock().items = items.into_iter().map(|item| (place(&item), item)).collect();
    }

    /// Pages end after so many items.
    pub fn set_page_size(&self, items: usize) {
        self.lock().page_size = items;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditLog for FakeAudit {
    async fn record(&self, item: &AuditItem) -> Result<bool, PortError> {
        let call = self.faults.begin("audit.record").await?;
        let mut state = self.lock();
        let place = (item.pk.clone(), item.sk.clone());
        if state.items.contains_key(&place) {
            return call.end(false);
        }
        state.n_records += 1;
        if self.faults.has(Flaw::LosesAuditItems) && state.n_records.is_multiple_of(2) {
            return call.end(true);
        }
        state.items.insert(place, item.clone());
        call.end(true)
    }

    async fn page(&self, pk: &str, after: Option<&str>) -> Result<AuditPage, PortError> {
        let call = self.faults.begin("audit.page").await?;
        let state = self.lock();
        let of_partition = state.items.values().filter(|item| item.pk == pk);
        let rest = of_partition.filter(|item| after.is_none_or(|after| after < item.sk.as_str()));
        let items: Vec<_> = rest.take(state.page_size).cloned().collect();
        let next = items.last().filter(|_| items.len() == state.page_size).map(|item| item.sk.clone());
        call.end(AuditPage { items, next })
    }
}
