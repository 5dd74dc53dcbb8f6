//! One client a service for a whole process, and every port over them, so that a function names only its tables,
//! buckets and queues. Clients of one service share connections, and with them the handshake of a cold start.

use aws_config::SdkConfig;
use lethe_sources::Connectors;

use crate::archive::{LockMode, S3Archive};
use crate::audit::DynamoAudit;
use crate::bus::EventBridgeBus;
use crate::client::{Timeouts, dynamodb, eventbridge, s3, shared_config, sqs};
use crate::control::DynamoControl;
use crate::queues::SqsQueue;
use crate::sources::{SourceObjects, SourceTables};
use crate::vault::DynamoVault;
use crate::work::S3Work;

/// The services that Lethe's own data lives in.
#[derive(Clone, Debug)]
pub struct Clients {
    config: SdkConfig,
    timeouts: Timeouts,
    dynamodb: aws_sdk_dynamodb::Client,
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Clients with the region, credentials and endpoint that the SDK finds, patient with a local cloud.
    pub async fn load(is_local: bool) -> Self {
        let timeouts = if is_local { Timeouts::LOCAL } else { Timeouts::PRODUCTION };
        let config = shared_config().await;
        let (dynamodb, s3, sqs) =
            (dynamodb(&config, &timeouts), s3(&config, &timeouts), sqs(&config, &timeouts));
        Self { config, timeouts, dynamodb, s3, sqs }
    }

    /// The vault. Its transactions also check leases in the control table.
    pub fn vault(&self, table: String, control_table: String) -> DynamoVault {
        DynamoVault::new(self.dynamodb.clone(), table, control_table)
    }

    /// Config, runs, leases.
    pub fn control(&self, table: String) -> DynamoControl {
        DynamoControl::new(self.dynamodb.clone(), table)
    }

    /// The record.
    pub fn audit(&self, table: String) -> DynamoAudit {
        DynamoAudit::new(self.dynamodb.clone(), table)
    }

    /// The locked bucket.
    pub fn archive(&self, bucket: String, mode: LockMode) -> S3Archive {
        S3Archive::new(self.s3.clone(), bucket, mode)
    }

    /// The work bucket.
    pub fn work(&self, bucket: String) -> S3Work {
        S3Work::new(self.s3.clone(), bucket)
    }

    /// A queue.
    pub fn queue(&self, url: String) -> SqsQueue {
        SqsQueue::new(self.sqs.clone(), url)
    }

    /// The bus of this name or ARN. Its client is made here: most functions announce nothing.
    pub fn event_bus(&self, name: String) -> EventBridgeBus {
        EventBridgeBus::new(eventbridge(&self.config, &self.timeouts), name)
    }

    /// Tenants' stores.
    pub fn stores(&self) -> Connectors<SourceTables, SourceObjects> {
        Connectors {
            tables: SourceTables::new(self.config.clone(), self.timeouts),
            objects: SourceObjects::new(self.config.clone(), self.timeouts),
        }
    }
}
