//! The locked archive in memory: versions, delete markers, and locks that hold against the hand clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lethe_domain::audit::ObjectVersion;
use lethe_domain::record::ArchiveRecord;
use lethe_domain::time::EpochSeconds;
use lethe_stages::error::PortError;
use lethe_stages::ports::{Archive, ArchiveObject, ListedVersion, Lock, Removal, VersionPage};

use crate::clock::HandClock;
use crate::faults::{Faults, Flaw};

const PAGE_VERSIONS: usize = 1000;

/// The fake archive bucket. Clones share their objects.
#[derive(Clone, Debug)]
pub struct FakeArchive {
    state: Arc<Mutex<State>>,
    faults: Faults,
    clock: HandClock,
}

/// One version as it stands in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedVersion {
    /// Which version of which object.
    pub object: ObjectVersion,
    /// Its bytes; `None` for a delete marker.
    pub body: Option<Vec<u8>>,
    /// How it is locked.
    pub lock: Option<Lock>,
    /// When it was written.
    pub put_at: EpochSeconds,
}

#[derive(Debug)]
struct State {
    // Newest version first, as the service lists them.
    objects: BTreeMap<String, Vec<ArchivedVersion>>,
    removed: Vec<ObjectVersion>,
    n_versions: u64,
    page_size: usize,
}

impl FakeArchive {
    pub(crate) fn new(faults: Faults, clock: HandClock) -> Self {
        let state =
            State { objects: BTreeMap::new(), removed: Vec::new(), n_versions: 0, page_size: PAGE_VERSIONS };
        Self { state: Arc::new(Mutex::new(state)), faults, clock }
    }

    /// Every version and delete marker, in the order of the keys, newest first within a key.
    pub fn all_versions(&self) -> Vec<ArchivedVersion> {
        self.lock().objects.values().flatten().cloned().collect()
    }

    /// Every record in every version, in the order of the keys.
    pub fn records(&self) -> Vec<ArchiveRecord> {
        let bodies = self.all_versions().into_iter().filter_map(|version| version.body);
        bodies.flat_map(|body| records_in(&body)).collect()
    }

    /// The notices about versions that were removed for good, since the last time they were drained.
    pub fn drain_removed(&self) -> Vec<ObjectVersion> {
        std::mem::take(&mut self.lock().removed)
    }

    /// Puts a delete marker on an object, as a delete without a version does.
    pub fn hide(&self, key: &str) -> ObjectVersion {
        self.lock().push(key, None, None, self.clock.now())
    }

    /// Removes a version behind the stages' back, lock or not, as lifecycle does when the lock is over.
    pub fn expire(&self, object: &ObjectVersion) {
        self.lock().remove(object);
    }

    /// Pages end after so many versions.
    pub fn set_page_size(&self, versions: usize) {
        self.lock().page_size = versions;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records in an archive object's bytes.
pub fn records_in(body: &[u8]) -> Vec<ArchiveRecord> {
    let text = String::from_utf8(zstd::decode_all(body).unwrap()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Archive for FakeArchive {
    async fn put(&self, object: &ArchiveObject) -> Result<ObjectVersion, PortError> {
        let call = self.faults.begin("archive.put").await?;
        let mut state = self.lock();
        let versions = state.objects.get(&object.key).map_or(&[][..], Vec::as_slice);
        // `If-None-Match: *` looks at the current version only, and a delete marker counts as none.
        let exists = versions.first().is_some_and(|current| current.body.is_some());
        if exists {
            let oldest = versions.iter().rfind(|version| version.body.is_some());
            return call.end(oldest.map(|version| version.object.clone()).unwrap());
        }
        let put = state.push(&object.key, Some(object.body.clone()), Some(object.lock), self.clock.now());
        if self.faults.has(Flaw::LosesArchivedObjects) {
            state.objects.remove(&object.key);
        }
        call.end(put)
    }

    async fn versions(&self, prefix: &str, after: Option<&ObjectVersion>) -> Result<VersionPage, PortError> {
        let call = self.faults.begin("archive.versions").await?;
        let state = self.lock();
        let under_prefix =
            state.objects.values().flatten().filter(|version| version.object.key.starts_with(prefix));
        let rest = under_prefix.filter(|version| after.is_none_or(|after| is_after(&version.object, after)));
        let page: Vec<_> = rest.take(state.page_size.saturating_add(1)).collect();
        let is_cut = page.len() > state.page_size;
        let versions: Vec<_> = page.iter().take(state.page_size).map(|version| listed(version)).collect();
        let next = versions.last().filter(|_| is_cut).map(|version| version.object.clone());
        call.end(VersionPage { versions, next })
    }

    async fn lock_of(&self, object: &ObjectVersion) -> Result<Option<Lock>, PortError> {
        let call = self.faults.begin("archive.lock_of").await?;
        let state = self.lock();
        let found = state.find(object);
        call.end(found.map(|version| version.lock.unwrap_or(Lock::Until(EpochSeconds(0)))))
    }

    async fn remove(&self, object: &ObjectVersion) -> Result<Removal, PortError> {
        let call = self.faults.begin("archive.remove").await?;
        let mut state = self.lock();
        let lock = state.find(object).and_then(|version| version.lock);
        let is_locked = match lock {
            Some(Lock::Hold) => true,
            Some(Lock::Until(end)) => self.clock.now() < end,
            None => false,
        };
        if is_locked {
            return call.end(Removal::Locked);
        }
        state.remove(object);
        call.end(Removal::Gone)
    }
}

/// Whether a version comes after another in a listing: by key, and within a key the newer first. Ids grow with time.
fn is_after(version: &ObjectVersion, after: &ObjectVersion) -> bool {
    after.key < version.key || (version.key == after.key && version.version < after.version)
}

fn listed(version: &ArchivedVersion) -> ListedVersion {
    ListedVersion { object: version.object.clone(), is_delete_marker: version.body.is_none() }
}

impl State {
    fn push(
        &mut self,
        key: &str,
        body: Option<Vec<u8>>,
        lock: Option<Lock>,
        put_at: EpochSeconds,
    ) -> ObjectVersion {
        self.n_versions += 1;
        let object = ObjectVersion { key: key.to_owned(), version: format!("v{:06}", self.n_versions) };
        let version = ArchivedVersion { object: object.clone(), body, lock, put_at };
        self.objects.entry(key.to_owned()).or_default().insert(0, version);
        object
    }

    fn find(&self, object: &ObjectVersion) -> Option<&ArchivedVersion> {
        self.objects.get(&object.key)?.iter().find(|version| version.object == *object)
    }

    fn remove(&mut self, object: &ObjectVersion) {
        let Some(versions) = self.objects.get_mut(&object.key) else { return };
        let was = versions.len();
        versions.retain(|version| version.object != *object);
        // A delete marker's removal is no removal of an archived version, but S3 sends the same notice for it.
        if versions.len() < was {
            self.removed.push(object.clone());
        }
    }
}
