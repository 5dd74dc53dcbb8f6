//! Fresh tables, buckets and queues on the local cloud, with the key schemas of the template.

use std::env;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName::QueueArn;
use lethe_aws::{Timeouts, client};
use lethe_domain::event::EVENT_SOURCE;

/// A local cloud that answers.
pub(super) struct LocalCloud {
    pub(super) config: SdkConfig,
    pub(super) dynamodb: aws_sdk_dynamodb::Client,
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
    pub(super) events: aws_sdk_eventbridge::Client,
    name: String,
}

/// An index: its name, its two keys with the type of the second, and what it projects beside them.
pub(super) struct Index {
    pub(super) name: &'static str,
    pub(super) keys: (&'static str, &'static str, ScalarAttributeType),
    pub(super) projected: &'static [&'static str],
}

/// Milliseconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "a real service's locks go by the real time")]
pub(super) fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

#[expect(clippy::disallowed_methods, reason = "where the local cloud is, only the environment says")]
fn endpoint() -> String {
    env::var("LETHE_TEST_ENDPOINT").unwrap_or_else(|_| {
        panic!(
            "LETHE_TEST_ENDPOINT is not set: run `cargo xtask test`, or `cargo xtask cloud up` and export what it \
             prints"
        )
    })
}

impl LocalCloud {
    pub(super) async fn connect() -> Self {
        static CLOUDS: AtomicU32 = AtomicU32::new(0);
        let endpoint = endpoint();
        let config = client::shared_config().await.into_builder().endpoint_url(endpoint).build();
        let timeouts = Timeouts::LOCAL;
        Self {
            dynamodb: client::dynamodb(&config, &timeouts),
            s3: client::s3(&config, &timeouts),
            sqs: client::sqs(&config, &timeouts),
            events: client::eventbridge(&config, &timeouts),
            // A cloud may outlive many test runs, and several run side by side.
            name: format!("it-{}-{}", now_ms(), CLOUDS.fetch_add(1, Ordering::Relaxed)),
            config,
        }
    }

    /// A name of its own for one thing.
    pub(super) fn named(&self, what: &str) -> String {
        format!("{}-{what}", self.name)
    }

    /// A table with the string keys `pk` and `sk`.
    pub(super) async fn table(&self, what: &str, indexes: &[Index]) -> String {
        let mut attributes =
            vec![attribute("pk", ScalarAttributeType::S), attribute("sk", ScalarAttributeType::S)];
        for index in indexes {
            let (pk, sk, kind) = &index.keys;
            for wanted in [attribute(pk, ScalarAttributeType::S), attribute(sk, kind.clone())] {
                if attributes.iter().all(|known| known.attribute_name != wanted.attribute_name) {
                    attributes.push(wanted);
                }
            }
        }
        self.create_table(what, attributes, keys("pk", "sk"), indexes).await
    }

    /// A table with the string key `pk`.
    pub(super) async fn simple_table(&self, what: &str) -> String {
        let key = key("pk", KeyType::Hash);
        self.create_table(what, vec![attribute("pk", ScalarAttributeType::S)], vec![key], &[]).await
    }

    async fn create_table(
        &self,
        what: &str,
        attributes: Vec<AttributeDefinition>,
        keys: Vec<KeySchemaElement>,
        indexes: &[Index],
    ) -> String {
        let name = self.named(what);
        let indexes: Vec<_> = indexes.iter().map(Index::built).collect();
        let create = self
            .dynamodb
            .create_table()
            .table_name(&name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(attributes))
            .set_key_schema(Some(keys))
            .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes));
        create.send().await.unwrap();
        name
    }

    /// A bucket.
    pub(super) async fn bucket(&self, what: &str) -> String {
        let name = self.named(what);
        self.s3.create_bucket().bucket(&name).send().await.unwrap();
        name
    }

    /// A bucket with Object Lock, and so with versions.
    pub(super) async fn locked_bucket(&self, what: &str) -> String {
        let name = self.named(what);
        self.s3.create_bucket().bucket(&name).object_lock_enabled_for_bucket(true).send().await.unwrap();
        name
    }

    /// A queue's URL.
    pub(super) async fn queue(&self, what: &str) -> String {
        let queue = self.sqs.create_queue().queue_name(self.named(what)).send().await.unwrap();
        queue.queue_url.unwrap()
    }

    /// A bus's name, and the URL of a queue that receives whatever Lethe publishes on it.
    pub(super) async fn followed_bus(&self, what: &str) -> (String, String) {
        let (name, url) = (self.named(what), self.queue(&format!("{what}-followed")).await);
        let attributes = self.sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueArn);
        let attributes = attributes.send().await.unwrap().attributes.unwrap();
        self.events.create_event_bus().name(&name).send().await.unwrap();
        let pattern = serde_json::json!({ "source": [EVENT_SOURCE] }).to_string();
        let rule = self.events.put_rule().name("all").event_bus_name(&name).event_pattern(pattern);
        rule.send().await.unwrap();
        let target = Target::builder().id("queue").arn(&attributes[&QueueArn]).build().unwrap();
        let targets = self.events.put_targets().rule("all").event_bus_name(&name).targets(target);
        assert_eq!(targets.send().await.unwrap().failed_entry_count, 0);
        (name, url)
    }
}

impl Index {
    fn built(&self) -> GlobalSecondaryIndex {
        let kind = if self.projected.is_empty() { ProjectionType::KeysOnly } else { ProjectionType::Include };
        let projected: Vec<_> = self.projected.iter().map(ToString::to_string).collect();
        let projection = Projection::builder()
            .projection_type(kind)
            .set_non_key_attributes((!projected.is_empty()).then_some(projected))
            .build();
        let (pk, sk, _) = &self.keys;
        let index = GlobalSecondaryIndex::builder().index_name(self.name).set_key_schema(Some(keys(pk, sk)));
        index.projection(projection).build().unwrap()
    }
}

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
}

fn keys(pk: &str, sk: &str) -> Vec<KeySchemaElement> {
    vec![key(pk, KeyType::Hash), key(sk, KeyType::Range)]
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}
