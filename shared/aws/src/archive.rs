//! The locked archive over S3. Nothing here reads an object's bytes, so the archiver's role needs no right to.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::delete_object::DeleteObjectError;
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use aws_sdk_s3::types::{ObjectLockLegalHoldStatus, ObjectLockMode};
use lethe_domain::audit::ObjectVersion;
use lethe_domain::time::EpochSeconds;
use lethe_stages::error::PortError;
use lethe_stages::ports::{Archive, ArchiveObject, ListedVersion, Lock, Removal, VersionPage};

use crate::failure::{failure, port_error, status_of};

/// Who may shorten a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// A principal with the right to bypass it.
    Governance,
    /// Nobody.
    Compliance,
}

/// The archive bucket.
#[derive(Clone, Debug)]
pub struct S3Archive {
    client: Client,
    bucket: String,
    mode: LockMode,
}

/// An answer of the bucket that a bucket with Object Lock does not give.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unexpected(&'static str);

impl S3Archive {
    /// The archive in `bucket`, its locks in this mode.
    pub fn new(client: Client, bucket: String, mode: LockMode) -> Self {
        Self { client, bucket, mode }
    }

    /// The first version that was written under exactly this key.
    async fn first_version(&self, key: &str) -> Result<ObjectVersion, PortError> {
        const DOING: &str = "find an archived version";
        let mut first = None;
        let mut after: Option<ObjectVersion> = None;
        loop {
            let page = self.versions(key, after.as_ref()).await?;
            // Newest first within a key, so the last is the first that was written.
            let mut versions = page.versions.into_iter().filter(|listed| listed.object.key == key);
            first = versions.rfind(|listed| !listed.is_delete_marker).map(|listed| listed.object).or(first);
            match page.next {
                Some(next) if next.key == key => after = Some(next),
                // It was there a moment ago; whoever removed it makes room for another try.
                Some(_) | None => {
                    return first.ok_or_else(|| PortError::later(DOING, Unexpected("no version")));
                }
            }
        }
    }

    async fn retention_of(&self, object: &ObjectVersion) -> Result<Option<EpochSeconds>, Gone> {
        let get = self.client.get_object_retention().bucket(&self.bucket).key(&object.key);
        match get.version_id(&object.version).send().await {
            Ok(answer) => {
                let until = answer.retention.and_then(|retention| retention.retain_until_date);
                Ok(until.map(|until| EpochSeconds(until.secs())))
            }
            Err(error) => absent_lock("read a version's retention", &error).map(|()| None),
        }
    }

    async fn is_held(&self, object: &ObjectVersion) -> Result<bool, Gone> {
        let get = self.client.get_object_legal_hold().bucket(&self.bucket).key(&object.key);
        match get.version_id(&object.version).send().await {
            Ok(answer) => {
                Ok(answer.legal_hold.and_then(|hold| hold.status) == Some(ObjectLockLegalHoldStatus::On))
            }
            Err(error) => absent_lock("read a version's legal hold", &error).map(|()| false),
        }
    }

    /// Tells a refusal by a lock from one for lack of a right: both are the same answer.
    async fn judge_refusal(
        &self,
        object: &ObjectVersion,
        refused: &SdkError<DeleteObjectError>,
    ) -> Result<Removal, PortError> {
        match self.lock_of(object).await? {
            None => Ok(Removal::Gone),
            Some(Lock::Hold) => Ok(Removal::Locked),
            // The service's clock decides, not ours.
            Some(Lock::Until(end)) if date_of(refused).is_none_or(|date| date < end) => Ok(Removal::Locked),
            Some(Lock::Until(_)) => Err(port_error("remove an archived version", refused)),
        }
    }
}

impl Archive for S3Archive {
    async fn put(&self, object: &ArchiveObject) -> Result<ObjectVersion, PortError> {
        const DOING: &str = "put an archive object";
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(&object.key)
            .body(ByteStream::from(object.body.clone()))
            .if_none_match("*");
        let put = match object.lock {
            Lock::Until(end) => put
                .object_lock_mode(self.mode.into())
                .object_lock_retain_until_date(DateTime::from_secs(end.0)),
            Lock::Hold => put.object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On),
        };
        match put.send().await {
            Ok(answer) => {
                let version =
                    answer.version_id.ok_or_else(|| PortError::never(DOING, Unexpected("no version id")))?;
                Ok(ObjectVersion { key: object.key.clone(), version })
            }
            Err(error) if status_of(&error) == Some(412) => self.first_version(&object.key).await,
            Err(error) => Err(port_error(DOING, &error)),
        }
    }

    async fn versions(&self, prefix: &str, after: Option<&ObjectVersion>) -> Result<VersionPage, PortError> {
        let list = self
            .client
            .list_object_versions()
            .bucket(&self.bucket)
            .prefix(prefix)
            .set_key_marker(after.map(|after| after.key.clone()))
            .set_version_id_marker(after.map(|after| after.version.clone()));
        let page = list.send().await.map_err(|error| port_error("list archived versions", &error))?;
        let next = page.next_key_marker.zip(page.next_version_id_marker);
        let next = next.filter(|_| page.is_truncated == Some(true));
        let listed = |key, version, is_delete_marker| {
            Some(ListedVersion { object: ObjectVersion { key: key?, version: version? }, is_delete_marker })
        };
        let versions = page.versions.unwrap_or_default();
        let markers = page.delete_markers.unwrap_or_default();
        let versions =
            versions.into_iter().filter_map(|version| listed(version.key, version.version_id, false));
        let markers = markers.into_iter().filter_map(|marker| listed(marker.key, marker.version_id, true));
        let mut all: Vec<_> = versions.chain(markers).collect();
        // Stable, so that versions of one key stay newest first.
        all.sort_by(|a, b| a.object.key.cmp(&b.object.key));
        Ok(VersionPage { versions: all, next: next.map(|(key, version)| ObjectVersion { key, version }) })
    }

    async fn lock_of(&self, object: &ObjectVersion) -> Result<Option<Lock>, PortError> {
        let until = match self.retention_of(object).await {
            Ok(until) => until,
            Err(Gone::Version) => return Ok(None),
            Err(Gone::Answer(error)) => return Err(error),
        };
        match self.is_held(object).await {
            Ok(true) => Ok(Some(Lock::Hold)),
            // A version without a lock is one whose lock ended long ago.
            Ok(false) => Ok(Some(Lock::Until(until.unwrap_or(EpochSeconds(0))))),
            Err(Gone::Version) => Ok(None),
            Err(Gone::Answer(error)) => Err(error),
        }
    }

    async fn remove(&self, object: &ObjectVersion) -> Result<Removal, PortError> {
        let delete =
            self.client.delete_object().bucket(&self.bucket).key(&object.key).version_id(&object.version);
        match delete.send().await {
            Ok(_) => Ok(Removal::Gone),
            Err(error) if status_of(&error) == Some(403) => self.judge_refusal(object, &error).await,
            Err(error) if status_of(&error) == Some(404) && failure(&error).0.code == "NoSuchVersion" => {
                Ok(Removal::Gone)
            }
            Err(error) => Err(port_error("remove an archived version", &error)),
        }
    }
}

impl From<LockMode> for ObjectLockMode {
    fn from(mode: LockMode) -> Self {
        match mode {
            LockMode::Governance => Self::Governance,
            LockMode::Compliance => Self::Compliance,
        }
    }
}

/// Why there is no answer about a version's lock.
enum Gone {
    /// The version is gone.
    Version,
    /// The call failed.
    Answer(PortError),
}

/// What it means that a lock cannot be read: there is none, the version is gone, or the call failed.
fn absent_lock<E>(doing: &'static str, error: &SdkError<E>) -> Result<(), Gone>
where
    E: aws_sdk_s3::error::ProvideErrorMetadata + std::error::Error + 'static,
{
    let (failure, _) = failure(error);
    match (status_of(error), failure.code.as_str()) {
        // The second is a delete marker, which has no lock.
        (Some(404), "NoSuchObjectLockConfiguration" | "ObjectLockConfigurationNotFoundError")
        | (Some(405), _) => Ok(()),
        (Some(404), "NoSuchVersion" | "NoSuchKey" | "Http404" | "NotFound") => Err(Gone::Version),
        _ => Err(Gone::Answer(port_error(doing, error))),
    }
}

/// The service's own time, out of its answer.
fn date_of<E>(error: &SdkError<E>) -> Option<EpochSeconds> {
    let date = error.raw_response()?.headers().get("date")?;
    let date = DateTime::from_str(date, DateTimeFormat::HttpDate).ok()?;
    Some(EpochSeconds(date.secs()))
}

#[cfg(test)]
mod tests {
    use lethe_stages::error::Retry;

    use super::*;
    use crate::client::{Timeouts, s3};
    use crate::script::Script;

    const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    const NO_LOCK: &str = "<Error><Code>NoSuchObjectLockConfiguration</Code></Error>";
    const UNTIL_EIGHT: &str = "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2027-01-15T08:00:00Z</RetainUntilDate></Retention>";

    fn archive(script: &Script) -> S3Archive {
        S3Archive::new(
            s3(&script.config(), &Timeouts::PRODUCTION),
            "archive".to_owned(),
            LockMode::Governance,
        )
    }

    fn version(id: &str) -> ObjectVersion {
        ObjectVersion { key: "r7/a".to_owned(), version: id.to_owned() }
    }

    async fn remove_refused_at(date: &'static str, retention: (u16, &str)) -> Result<Removal, Retry> {
        let script = Script::default();
        script.answer_at(date, 403, DENIED).answer(retention.0, retention.1).answer(404, NO_LOCK);
        archive(&script).remove(&version("v1")).await.map_err(|error| error.retry())
    }

    #[tokio::test]
    async fn a_refusal_before_the_locks_end_is_the_locks() {
        let refused = remove_refused_at("Fri, 15 Jan 2027 07:59:59 GMT", (200, UNTIL_EIGHT)).await;
        assert_eq!(refused, Ok(Removal::Locked));
    }

    #[tokio::test]
    async fn a_refusal_after_the_locks_end_or_without_a_lock_is_for_lack_of_a_right() {
        for retention in [(200, UNTIL_EIGHT), (404, NO_LOCK)] {
            let refused = remove_refused_at("Fri, 15 Jan 2027 08:00:00 GMT", retention).await;
            assert_eq!(refused, Err(Retry::Later), "{retention:?}");
        }
    }

    fn listing(versions: &[(&str, &str)], next: Option<&str>) -> String {
        let entry = |(key, id): &(&str, &str)| {
            format!("<Version><Key>{key}</Key><VersionId>{id}</VersionId></Version>")
        };
        let versions: String = versions.iter().map(entry).collect();
        let next = next.map_or_else(String::new, |id| {
            format!(
                "<IsTruncated>true</IsTruncated><NextKeyMarker>r7/a</NextKeyMarker>\
                 <NextVersionIdMarker>{id}</NextVersionIdMarker>"
            )
        });
        format!("<ListVersionsResult>{next}{versions}</ListVersionsResult>")
    }

    #[tokio::test]
    async fn an_object_that_is_there_is_named_by_its_first_version() {
        let script = Script::default();
        script
            .answer(412, "<Error><Code>PreconditionFailed</Code></Error>")
            .answer(200, &listing(&[("r7/a", "v3"), ("r7/a", "v2")], Some("v2")))
            .answer(200, &listing(&[("r7/a", "v1"), ("r7/ab", "v0")], None));
        let object = ArchiveObject { key: "r7/a".to_owned(), body: Vec::new(), lock: Lock::Hold };
        assert_eq!(archive(&script).put(&object).await.unwrap(), version("v1"));
        let asked = script.asked();
        assert!(
            asked[2].contains("key-marker=r7%2Fa") && asked[2].contains("version-id-marker=v2"),
            "{}",
            asked[2]
        );
    }

    #[tokio::test]
    async fn two_writers_at_once_are_tried_again() {
        let script = Script::default();
        script.answer(409, "<Error><Code>ConditionalRequestConflict</Code></Error>");
        let object =
            ArchiveObject { key: "r7/a".to_owned(), body: Vec::new(), lock: Lock::Until(EpochSeconds(9)) };
        let refused = archive(&script).put(&object).await;
        assert_eq!(refused.map_err(|error| error.retry()), Err(Retry::Later));
    }
}
