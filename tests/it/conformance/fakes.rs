//! The suites on the fakes.

use std::time::Duration;

use lethe_domain::audit::ObjectVersion;
use lethe_domain::event::EVENT_SOURCE;
use lethe_domain::source::{BucketRef, TableRef};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::RowKey;
use lethe_sources::Item as SourceItem;
use lethe_testkit::conformance::{
    ArchiveSeed, BusSeed, ObjectSeed, QueueSeed, Received, TableSeed, VaultSeed, archive_suite, audit_suite,
    bus_suite, control_suite, objects_suite, queue_suite, tables_suite, vault_suite, work_suite,
};
use lethe_testkit::sources::{FakeObjects, FakeTables};
use lethe_testkit::{FakeBus, FakeCloud, FakeVault, Item};

struct InVault(FakeVault);

impl VaultSeed for InVault {
    async fn put(&self, item: Item) {
        self.0.insert(item);
    }

    async fn item(&self, key: &RowKey) -> Option<Item> {
        self.0.item(key)
    }
}

struct InArchive(FakeCloud);

impl ArchiveSeed for InArchive {
    fn now(&self) -> EpochSeconds {
        self.0.clock.now()
    }

    async fn wait_until(&self, at: EpochSeconds) {
        self.0.clock.set(at);
    }

    async fn hide(&self, key: &str) {
        self.0.archive.hide(key);
    }

    async fn body(&self, object: &ObjectVersion) -> Option<Vec<u8>> {
        let versions = self.0.archive.all_versions();
        versions.into_iter().find(|version| version.object == *object)?.body
    }
}

struct InQueue<'a>(&'a FakeCloud);

impl QueueSeed for InQueue<'_> {
    async fn drain(&self) -> Vec<String> {
        self.0.scan_queue.drain().iter().map(lethe_domain::message::Wake::to_json).collect()
    }

    async fn wait(&self, time: Duration) {
        self.0.clock.advance(time);
    }
}

struct OnBus(FakeBus);

impl BusSeed for OnBus {
    async fn received(&self, _n_expected: usize) -> Vec<Received> {
        let published = self.0.drain().into_iter().map(|event| Received {
            source: EVENT_SOURCE.to_owned(),
            detail_type: event.detail_type().to_owned(),
            detail: serde_json::from_str(&event.to_json()).unwrap(),
        });
        published.collect()
    }
}

struct InTables<'a>(&'a FakeTables);

impl TableSeed for InTables<'_> {
    fn table(&self, name: &str) -> TableRef {
        TableRef { table: name.to_owned(), region: None }
    }

    async fn create(&self, name: &str) {
        self.0.create(name);
    }

    async fn put(&self, name: &str, item: SourceItem) {
        self.0.put(name, item);
    }
}

struct InObjects<'a>(&'a FakeObjects);

impl ObjectSeed for InObjects<'_> {
    fn bucket(&self, name: &str, prefix: &str) -> BucketRef {
        BucketRef { bucket: name.to_owned(), prefix: prefix.to_owned(), region: None }
    }

    async fn create(&self, name: &str) {
        self.0.create(name);
    }

    async fn put(&self, name: &str, key: &str, bytes: &[u8]) {
        self.0.put(name, key, bytes);
    }

    async fn remove(&self, name: &str, key: &str) {
        self.0.remove(name, key);
    }
}

/// Pages of every size, since each hides other mistakes.
const PAGE_SIZES: [u8; 4] = [1, 2, 3, 12];

#[tokio::test]
async fn the_fake_vault() {
    for size in PAGE_SIZES {
        let cloud = FakeCloud::new();
        cloud.set_page_size(size);
        vault_suite(&cloud.vault, &cloud.control, &InVault(cloud.vault.clone())).await;
    }
}

#[tokio::test]
async fn the_fake_control_table() {
    control_suite(&FakeCloud::new().control).await;
}

#[tokio::test]
async fn the_fake_audit_table() {
    for size in PAGE_SIZES {
        let cloud = FakeCloud::new();
        cloud.set_page_size(size);
        audit_suite(&cloud.audit).await;
    }
}

#[tokio::test]
async fn the_fake_archive() {
    // What is listed whole in a check has up to two versions.
    for size in [2, 3, 100] {
        let cloud = FakeCloud::new();
        cloud.set_page_size(size);
        archive_suite(&cloud.archive, &InArchive(cloud.clone())).await;
    }
}

#[tokio::test]
async fn the_fake_work_bucket() {
    work_suite(&FakeCloud::new().work).await;
}

#[tokio::test]
async fn the_fake_queue() {
    let cloud = FakeCloud::new();
    queue_suite(&cloud.scan_queue, &InQueue(&cloud)).await;
}

#[tokio::test]
async fn the_fake_bus() {
    let cloud = FakeCloud::new();
    bus_suite(&cloud.bus, &OnBus(cloud.bus.clone())).await;
}

#[tokio::test]
async fn the_fake_source_tables() {
    let tables = FakeTables::default();
    tables_suite(&tables, &InTables(&tables)).await;
}

#[tokio::test]
async fn the_fake_source_objects() {
    let objects = FakeObjects::default();
    objects_suite(&objects, &InObjects(&objects)).await;
}
