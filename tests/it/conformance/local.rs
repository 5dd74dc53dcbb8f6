//! The suites on the local cloud.

use std::time::Duration;

use aws_sdk_dynamodb::types::ScalarAttributeType::{N, S};
use aws_sdk_s3::primitives::ByteStream;
use lethe_aws::{
    DynamoAudit, DynamoControl, DynamoVault, EventBridgeBus, LockMode, S3Archive, S3Work, SourceObjects,
    SourceTables, SqsQueue, Timeouts, client, identity,
};
use lethe_domain::audit::ObjectVersion;
use lethe_domain::source::{BucketRef, TableRef};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::RowKey;
use lethe_testkit::Item;
use lethe_testkit::conformance::{
    ArchiveSeed, BusSeed, ObjectSeed, QueueSeed, Received, TableSeed, VaultSeed, archive_suite, audit_suite,
    bus_suite, control_suite, objects_suite, queue_suite, tables_suite, vault_suite, work_suite,
};

use super::attributes::{from_sdk, source_to_sdk, to_sdk};
use super::cloud::{Index, LocalCloud, now_ms};

struct InVault {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl VaultSeed for InVault {
    async fn put(&self, item: Item) {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(to_sdk(&item)));
        put.send().await.unwrap();
    }

    async fn item(&self, key: &RowKey) -> Option<Item> {
        let key = serde_json::from_value(serde_json::json!({
            "pk": { "S": key.pk() }, "sk": { "S": key.token.expose() }
        }));
        let key = to_sdk(&key.unwrap());
        let get = self.client.get_item().table_name(&self.table).consistent_read(true).set_key(Some(key));
        get.send().await.unwrap().item.as_ref().map(from_sdk)
    }
}

struct InArchive {
    client: aws_sdk_s3::Client,
    bucket: String,
}

impl ArchiveSeed for InArchive {
    fn now(&self) -> EpochSeconds {
        EpochSeconds(i64::try_from(now_ms() / 1000).unwrap())
    }

    async fn wait_until(&self, at: EpochSeconds) {
        while self.now() <= at {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn hide(&self, key: &str) {
        self.client.delete_object().bucket(&self.bucket).key(key).send().await.unwrap();
    }

    async fn body(&self, object: &ObjectVersion) -> Option<Vec<u8>> {
        let get = self.client.get_object().bucket(&self.bucket).key(&object.key).version_id(&object.version);
        let answer = get.send().await.ok()?;
        Some(answer.body.collect().await.unwrap().to_vec())
    }
}

struct InQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl QueueSeed for InQueue {
    async fn drain(&self) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let receive = self.client.receive_message().queue_url(&self.url).max_number_of_messages(10);
            let messages = receive.send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return bodies;
            }
            for message in messages {
                let delete = self.client.delete_message().queue_url(&self.url);
                delete.receipt_handle(message.receipt_handle.unwrap()).send().await.unwrap();
                bodies.push(message.body.unwrap());
            }
        }
    }

    async fn wait(&self, time: Duration) {
        // The service counts from when it took the message.
        tokio::time::sleep(time + Duration::from_millis(500)).await;
    }
}

/// A queue that follows a bus.
struct OnBus(InQueue);

impl BusSeed for OnBus {
    async fn received(&self, n_expected: usize) -> Vec<Received> {
        const DEADLINE_MS: u128 = 30_000;
        let (started, mut received) = (now_ms(), Vec::new());
        loop {
            received.extend(self.0.drain().await.iter().map(|body| received_of(body)));
            if n_expected <= received.len() || started + DEADLINE_MS < now_ms() {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn received_of(body: &str) -> Received {
    let event: serde_json::Value = serde_json::from_str(body).unwrap();
    let text = |name: &str| event[name].as_str().unwrap().to_owned();
    Received { source: text("source"), detail_type: text("detail-type"), detail: event["detail"].clone() }
}

struct InTables<'a>(&'a LocalCloud);

impl TableSeed for InTables<'_> {
    fn table(&self, name: &str) -> TableRef {
        TableRef { table: self.0.named(name), region: None }
    }

    async fn create(&self, name: &str) {
        self.0.simple_table(name).await;
    }

    async fn put(&self, name: &str, item: lethe_sources::Item) {
        let put =
            self.0.dynamodb.put_item().table_name(self.0.named(name)).set_item(Some(source_to_sdk(item)));
        put.send().await.unwrap();
    }
}

struct InObjects<'a>(&'a LocalCloud);

impl ObjectSeed for InObjects<'_> {
    fn bucket(&self, name: &str, prefix: &str) -> BucketRef {
        BucketRef {
            bucket: self.0.named(name),
            prefix: prefix.to_owned(),
            region: Some("us-east-1".to_owned()),
        }
    }

    async fn create(&self, name: &str) {
        self.0.bucket(name).await;
    }

    async fn put(&self, name: &str, key: &str, bytes: &[u8]) {
        let body = ByteStream::from(bytes.to_vec());
        self.0.s3.put_object().bucket(self.0.named(name)).key(key).body(body).send().await.unwrap();
    }

    async fn remove(&self, name: &str, key: &str) {
        self.0.s3.delete_object().bucket(self.0.named(name)).key(key).send().await.unwrap();
    }
}

#[tokio::test]
async fn the_vault() {
    let cloud = LocalCloud::connect().await;
    let owner = &["kind", "subject", "session", "device", "family", "client"];
    let indexes = [
        Index { name: "due", keys: ("due_pk", "due_at", N), projected: &[] },
        Index { name: "owner", keys: ("owner_pk", "owner_sk", S), projected: owner },
    ];
    let table = cloud.table("vault", &indexes).await;
    let control_table = cloud.table("control", &[]).await;
    let control = DynamoControl::new(cloud.dynamodb.clone(), control_table.clone());
    let vault = DynamoVault::new(cloud.dynamodb.clone(), table.clone(), control_table);
    vault_suite(&vault, &control, &InVault { client: cloud.dynamodb.clone(), table }).await;
}

#[tokio::test]
async fn the_control_table() {
    let cloud = LocalCloud::connect().await;
    let table = cloud.table("control", &[]).await;
    control_suite(&DynamoControl::new(cloud.dynamodb.clone(), table)).await;
}

#[tokio::test]
async fn the_audit_table() {
    let cloud = LocalCloud::connect().await;
    let period = Index { name: "period", keys: ("period", "sk", S), projected: &[] };
    let table = cloud.table("audit", &[period]).await;
    audit_suite(&DynamoAudit::new(cloud.dynamodb.clone(), table)).await;
}

#[tokio::test]
async fn the_archive() {
    let cloud = LocalCloud::connect().await;
    for mode in [LockMode::Governance, LockMode::Compliance] {
        let bucket = cloud.locked_bucket(&format!("archive-{mode:?}").to_lowercase()).await;
        let archive = S3Archive::new(cloud.s3.clone(), bucket.clone(), mode);
        archive_suite(&archive, &InArchive { client: cloud.s3.clone(), bucket }).await;
    }
}

#[tokio::test]
async fn the_work_bucket() {
    let cloud = LocalCloud::connect().await;
    let bucket = cloud.bucket("work").await;
    work_suite(&S3Work::new(cloud.s3.clone(), bucket)).await;
}

#[tokio::test]
async fn the_queue() {
    let cloud = LocalCloud::connect().await;
    let url = cloud.queue("scan").await;
    let queue = SqsQueue::new(cloud.sqs.clone(), url.clone());
    queue_suite(&queue, &InQueue { client: cloud.sqs.clone(), url }).await;
}

#[tokio::test]
async fn the_bus() {
    let cloud = LocalCloud::connect().await;
    let (name, url) = cloud.followed_bus("events").await;
    let bus = EventBridgeBus::new(cloud.events.clone(), name);
    bus_suite(&bus, &OnBus(InQueue { client: cloud.sqs.clone(), url })).await;
}

#[tokio::test]
async fn the_source_tables() {
    let cloud = LocalCloud::connect().await;
    let tables = SourceTables::new(cloud.config.clone(), Timeouts::LOCAL);
    tables_suite(&tables, &InTables(&cloud)).await;
}

#[tokio::test]
async fn the_source_objects() {
    let cloud = LocalCloud::connect().await;
    let objects = SourceObjects::new(cloud.config.clone(), Timeouts::LOCAL);
    objects_suite(&objects, &InObjects(&cloud)).await;
}

#[tokio::test]
async fn the_caller() {
    let cloud = LocalCloud::connect().await;
    let caller = identity::caller(&client::sts(&cloud.config, &Timeouts::LOCAL)).await.unwrap();
    assert_eq!(caller.account, "000000000000");
    assert!(caller.arn.starts_with("arn:aws:"), "{}", caller.arn);
}
