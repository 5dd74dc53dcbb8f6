//! The work bucket over S3.

use std::ops::Range;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use lethe_stages::error::PortError;
use lethe_stages::ports::WorkStore;

use crate::failure::{port_error, status_of};

const GET: &str = "get a work object";

/// The work bucket.
#[derive(Clone, Debug)]
pub struct S3Work {
    client: Client,
    bucket: String,
}

/// A body that ended before its time.
#[derive(Debug, thiserror::Error)]
#[error("the body could not be read to its end")]
struct CutBody;

impl S3Work {
    /// The work bucket of this name.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    async fn read(&self, key: &str, range: Option<String>) -> Result<Option<Vec<u8>>, PortError> {
        let answer =
            match self.client.get_object().bucket(&self.bucket).key(key).set_range(range).send().await {
                Ok(answer) => answer,
                // The object ends before the range begins.
                Err(error) if status_of(&error) == Some(416) => return Ok(Some(Vec::new())),
                Err(error) => {
                    return match error.as_service_error() {
                        Some(GetObjectError::NoSuchKey(_)) => Ok(None),
                        Some(_) | None => Err(port_error(GET, &error)),
                    };
                }
            };
        let body = answer.body.collect().await.map_err(|_| PortError::later(GET, CutBody))?;
        Ok(Some(body.to_vec()))
    }
}

impl WorkStore for S3Work {
    async fn put_new(&self, key: &str, bytes: Vec<u8>) -> Result<bool, PortError> {
        let body = ByteStream::from(bytes);
        let put = self.client.put_object().bucket(&self.bucket).key(key).body(body).if_none_match("*");
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if status_of(&error) == Some(412) => Ok(false),
            Err(error) => Err(port_error("put a work object", &error)),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        self.read(key, None).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, PortError> {
        // A range header cannot say "nothing", so one byte is asked for and dropped.
        let last = range.end.saturating_sub(1).max(range.start);
        let mut bytes = self.read(key, Some(format!("bytes={}-{last}", range.start))).await?;
        if let Some(bytes) = bytes.as_mut().filter(|_| range.is_empty()) {
            bytes.clear();
        }
        Ok(bytes)
    }

    async fn get_suffix(&self, key: &str, n_bytes: u64) -> Result<Option<Vec<u8>>, PortError> {
        if n_bytes == 0 {
            return self.get_range(key, 0..0).await;
        }
        self.read(key, Some(format!("bytes=-{n_bytes}"))).await
    }
}
