//! The work bucket in memory.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lethe_stages::error::PortError;
use lethe_stages::ports::WorkStore;

use crate::faults::Faults;

/// The fake work bucket. Clones share their objects.
#[derive(Clone, Debug)]
pub struct FakeWork {
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    faults: Faults,
}

impl FakeWork {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { objects: Arc::default(), faults }
    }

    /// The keys, in order.
    pub fn keys(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Every object.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.lock().clone()
    }

    /// Puts or overwrites an object behind the stages' back, for instance with a damaged one.
    pub fn overwrite(&self, key: &str, bytes: Vec<u8>) {
        self.lock().insert(key.to_owned(), bytes);
    }

    /// Removes an object behind the stages' back.
    pub fn delete(&self, key: &str) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkStore for FakeWork {
    async fn put_new(&self, key: &str, bytes: Vec<u8>) -> Result<bool, PortError> {
        let call = self.faults.begin("work.put_new").await?;
        let mut objects = self.lock();
        if objects.contains_key(key) {
            return call.end(false);
        }
        objects.insert(key.to_owned(), bytes);
        call.end(true)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        let call = self.faults.begin("work.get").await?;
        call.end(self.lock().get(key).cloned())
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, PortError> {
        let call = self.faults.begin("work.get_range").await?;
        let place = |at: u64| usize::try_from(at).unwrap();
        let objects = self.lock();
        let cut = |bytes: &Vec<u8>| {
            let end = place(range.end).min(bytes.len());
            bytes[place(range.start).min(end)..end].to_vec()
        };
        call.end(objects.get(key).map(cut))
    }

    async fn get_suffix(&self, key: &str, n_bytes: u64) -> Result<Option<Vec<u8>>, PortError> {
        let call = self.faults.begin("work.get_suffix").await?;
        let objects = self.lock();
        let cut =
            |bytes: &Vec<u8>| bytes[bytes.len().saturating_sub(usize::try_from(n_bytes).unwrap())..].to_vec();
        call.end(objects.get(key).map(cut))
    }
}
