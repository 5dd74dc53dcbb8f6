//! What every archive must do.

use std::time::Duration;

use lethe_domain::audit::ObjectVersion;
use lethe_domain::time::EpochSeconds;
use lethe_stages::ports::{Archive, ArchiveObject, ListedVersion, Lock, Removal};

/// What a suite does to an archive beside the port.
pub trait ArchiveSeed {
    /// The service's time.
    fn now(&self) -> EpochSeconds;
    /// Lets time pass until then.
    async fn wait_until(&self, at: EpochSeconds);
    /// Deletes an object without naming a version.
    async fn hide(&self, key: &str);
    /// The bytes of a version; `None` when it is gone.
    async fn body(&self, object: &ObjectVersion) -> Option<Vec<u8>>;
}

const LONG: Duration = Duration::from_hours(1);
/// Long enough for a few calls, short enough to wait for.
const SHORT: Duration = Duration::from_secs(3);

/// Holds an archive to what the stages count on.
pub async fn archive_suite<A: Archive, S: ArchiveSeed>(archive: &A, seed: &S) {
    an_object_is_written_once(archive, seed).await;
    a_lock_holds_until_its_end(archive, seed).await;
    a_hold_has_no_end(archive, seed).await;
    a_delete_marker_hides_and_removes_nothing(archive, seed).await;
    versions_are_listed_page_by_page(archive, seed).await;
}

fn object(key: &str, body: &[u8], lock: Lock) -> ArchiveObject {
    ArchiveObject { key: key.to_owned(), body: body.to_vec(), lock }
}

async fn an_object_is_written_once<A: Archive, S: ArchiveSeed>(archive: &A, seed: &S) {
    let lock = Lock::Until(seed.now().plus(LONG));
    let first = archive.put(&object("r7/once", b"one", lock)).await.unwrap();
    assert_eq!(first.key, "r7/once");
    let again =
        archive.put(&object("r7/once", b"two", Lock::Until(seed.now().plus(2 * LONG)))).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(seed.body(&first).await.as_deref(), Some(&b"one"[..]));
    assert_eq!(archive.lock_of(&first).await.unwrap(), Some(lock));
    // Another object whose key only begins alike is not mistaken for it.
    let longer = archive.put(&object("r7/once-more", b"three", lock)).await.unwrap();
    assert_ne!(longer, first);
    assert_eq!(archive.put(&object("r7/once", b"four", lock)).await.unwrap(), first);
}

async fn a_lock_holds_until_its_end<A: Archive, S: ArchiveSeed>(archive: &A, seed: &S) {
    let end = seed.now().plus(SHORT);
    let version = archive.put(&object("r7/locked", b"x", Lock::Until(end))).await.unwrap();
    assert_eq!(archive.remove(&version).await.unwrap(), Removal::Locked);
    assert!(seed.body(&version).await.is_some());
    seed.wait_until(end).await;
    assert_eq!(archive.lock_of(&version).await.unwrap(), Some(Lock::Until(end)));
    assert_eq!(archive.remove(&version).await.unwrap(), Removal::Gone);
    assert_eq!(seed.body(&version).await, None);
    assert_eq!(archive.lock_of(&version).await.unwrap(), None);
    assert_eq!(archive.remove(&version).await.unwrap(), Removal::Gone, "removing what is gone is success");
}

async fn a_hold_has_no_end<A: Archive, S: ArchiveSeed>(archive: &A, seed: &S) {
    let version = archive.put(&object("held/one", b"x", Lock::Hold)).await.unwrap();
    assert_eq!(archive.lock_of(&version).await.unwrap(), Some(Lock::Hold));
    assert_eq!(archive.remove(&version).await.unwrap(), Removal::Locked);
    assert!(seed.body(&version).await.is_some());
}

async fn a_delete_marker_hides_and_removes_nothing<A: Archive, S: ArchiveSeed>(archive: &A, seed: &S) {
    let end = Lock::Until(seed.now().plus(LONG));
    let first = archive.put(&object("r30/hidden", b"one", end)).await.unwrap();
    seed.hide("r30/hidden").await;
    let listed = archive.versions("r30/hidden", None).await.unwrap().versions;
    let markers: Vec<_> = listed.iter().filter(|listed| listed.is_delete_marker).cloned().collect();
    assert_eq!((listed.len(), markers.len()), (2, 1));
    assert!(listed.contains(&ListedVersion { object: first.clone(), is_delete_marker: false }));
    assert_eq!(archive.lock_of(&first).await.unwrap(), Some(end));
    // Over a marker an object may be written again; from then on the first version still stands for the key.
    let second = archive.put(&object("r30/hidden", b"two", end)).await.unwrap();
    assert_ne!(second, first);
    assert_eq!(archive.put(&object("r30/hidden", b"three", end)).await.unwrap(), first);
    assert_eq!(archive.remove(&markers[0].object).await.unwrap(), Removal::Gone, "a marker has no lock");
    let listed = archive.versions("r30/hidden", None).await.unwrap().versions;
    assert!(listed.iter().all(|listed| !listed.is_delete_marker));
}

async fn versions_are_listed_page_by_page<A: Archive, S: ArchiveSeed>(archive: &A, seed: &S) {
    let end = Lock::Until(seed.now().plus(LONG));
    let mut expected = Vec::new();
    for name in ["r90/b", "r90/a", "r90/c", "r90/d", "r90/e"] {
        expected.push(archive.put(&object(name, b"x", end)).await.unwrap());
    }
    expected.sort();
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = archive.versions("r90/", after.as_ref()).await.unwrap();
        found.extend(page.versions.into_iter().map(|listed| listed.object));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);
    let rest = archive.versions("r90/", Some(&expected[2])).await.unwrap();
    assert_eq!(rest.versions.first().map(|listed| &listed.object), Some(&expected[3]));
    assert!(archive.versions("r365/", None).await.unwrap().versions.is_empty());
}
