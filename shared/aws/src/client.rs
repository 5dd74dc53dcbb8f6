//! How clients are made: one behaviour version, standard retries, and a limit on every call's time.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

use crate::skew::ServiceClock;

/// How often one call is tried in all.
const MAX_ATTEMPTS: u32 = 5;

/// How long one call may take. The SDK has no limit of its own, and a call that hangs eats the function's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTimeouts {
    /// One attempt.
    pub operation_attempt: Duration,
    /// All attempts and the waits between them.
    pub operation: Duration,
}

/// The limits for each kind of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `DynamoDB`.
    pub tables: CallTimeouts,
    /// S3, whose bodies take longer.
    pub buckets: CallTimeouts,
    /// SQS, EventBridge and STS.
    pub messages: CallTimeouts,
}

impl CallTimeouts {
    /// Limits in whole seconds.
    pub const fn seconds(operation_attempt: u64, operation: u64) -> Self {
        Self {
            operation_attempt: Duration::from_secs(operation_attempt),
            operation: Duration::from_secs(operation),
        }
    }

    fn config(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .operation_attempt_timeout(self.operation_attempt)
            .operation_timeout(self.operation)
            .build()
    }
}

impl Timeouts {
    /// Against AWS.
    pub const PRODUCTION: Self = Self {
        tables: CallTimeouts::seconds(3, 10),
        buckets: CallTimeouts::seconds(10, 30),
        messages: CallTimeouts::seconds(5, 15),
    };

    /// Against a local cloud: one process does the work of many services, and answers late when it is busy.
    pub const LOCAL: Self = Self {
        tables: CallTimeouts::seconds(20, 60),
        buckets: CallTimeouts::seconds(20, 60),
        messages: CallTimeouts::seconds(20, 60),
    };
}

/// Region, credentials and endpoint as the SDK finds them in its own environment.
pub async fn shared_config() -> SdkConfig {
    let retries = RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS);
    aws_config::defaults(BehaviorVersion::v2026_01_12()).retry_config(retries).load().await
}

/// A `DynamoDB` client.
pub fn dynamodb(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_dynamodb::Client {
    dynamodb_in(config, timeouts, None)
}

/// A `DynamoDB` client for another region.
pub(crate) fn dynamodb_in(
    config: &SdkConfig,
    timeouts: &Timeouts,
    region: Option<&str>,
) -> aws_sdk_dynamodb::Client {
    let mut builder = aws_sdk_dynamodb::config::Builder::from(config)
        .timeout_config(timeouts.tables.config())
        .interceptor(ServiceClock);
    if let Some(region) = region {
        builder = builder.region(Region::new(region.to_owned()));
    }
    aws_sdk_dynamodb::Client::from_conf(builder.build())
}

/// An S3 client.
pub fn s3(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_s3::Client {
    s3_in(config, timeouts, None)
}

/// An S3 client for another region.
pub(crate) fn s3_in(config: &SdkConfig, timeouts: &Timeouts, region: Option<&str>) -> aws_sdk_s3::Client {
    let mut builder = aws_sdk_s3::config::Builder::from(config)
        .timeout_config(timeouts.buckets.config())
        .interceptor(ServiceClock)
        // Only AWS has a host name for each bucket.
        .force_path_style(config.endpoint_url().is_some());
    if let Some(region) = region {
        builder = builder.region(Region::new(region.to_owned()));
    }
    aws_sdk_s3::Client::from_conf(builder.build())
}

/// An SQS client.
pub fn sqs(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_sqs::Client {
    let builder = aws_sdk_sqs::config::Builder::from(config)
        .timeout_config(timeouts.messages.config())
        .interceptor(ServiceClock);
    aws_sdk_sqs::Client::from_conf(builder.build())
}

/// An EventBridge client.
pub fn eventbridge(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_eventbridge::Client {
    let builder = aws_sdk_eventbridge::config::Builder::from(config)
        .timeout_config(timeouts.messages.config())
        .interceptor(ServiceClock);
    aws_sdk_eventbridge::Client::from_conf(builder.build())
}

/// An STS client.
pub fn sts(config: &SdkConfig, timeouts: &Timeouts) -> aws_sdk_sts::Client {
    let builder = aws_sdk_sts::config::Builder::from(config)
        .timeout_config(timeouts.messages.config())
        .interceptor(ServiceClock);
    aws_sdk_sts::Client::from_conf(builder.build())
}
