//! Confirm: puts `purged` on record once an archived version is gone for good. A delete marker hides a version and
//! purges nothing, so the bucket itself is asked.

use lethe_domain::audit::{AuditItem, Event, ObjectVersion, object_partition};
use lethe_domain::time::EpochSeconds;
use serde::Serialize;

use crate::error::StageError;
use crate::ports::{Archive, AuditLog};
use crate::refuse::refuse;

/// The confirm stage.
pub struct Confirm<'a, A, R> {
    /// The record.
    pub audit: &'a A,
    /// The locked bucket.
    pub archive: &'a R,
}

/// What a notice came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmReport {
    /// The version is gone, and that is on record.
    Purged,
    /// It was on record before.
    AlreadyPurged,
    /// The version is still there: the notice was wrong.
    StillThere,
    /// Nothing was ever archived under that version.
    NeverArchived,
}

impl<A: AuditLog, R: Archive> Confirm<'_, A, R> {
    /// Checks one version that is said to be gone.
    pub async fn version_gone(
        &self,
        object: &ObjectVersion,
        now: EpochSeconds,
    ) -> Result<ConfirmReport, StageError> {
        if self.is_there(object).await? {
            let why = format!("notice of a removed version that is still there: {}", object.key);
            refuse(self.audit, None, &object.version, &why, now).await?;
            return Ok(ConfirmReport::StillThere);
        }
        let history = self.audit.page(&object_partition(&object.key), None).await?;
        let of_version = |event| {
            let same = |item: &&AuditItem| item.event == event && item.object.as_ref() == Some(object);
            history.items.iter().find(same)
        };
        let Some(archived) = of_version(Event::Archived) else {
            let why = format!("notice of a version that was never archived: {}", object.key);
            refuse(self.audit, None, &object.version, &why, now).await?;
            return Ok(ConfirmReport::NeverArchived);
        };
        let purged = AuditItem {
            tenants: archived.tenants.clone(),
            ..AuditItem::of_object(object, Event::Purged, now)
        };
        let is_new = self.audit.record(&purged).await?;
        Ok(if is_new { ConfirmReport::Purged } else { ConfirmReport::AlreadyPurged })
    }

    async fn is_there(&self, object: &ObjectVersion) -> Result<bool, StageError> {
        let mut after = None;
        loop {
            // Keys are whole hashes, so the prefix lists this key's versions only.
            let page = self.archive.versions(&object.key, after.as_ref()).await?;
            if page.versions.iter().any(|version| !version.is_delete_marker && version.object == *object) {
                return Ok(true);
            }
            after = page.next;
            if after.is_none() {
                return Ok(false);
            }
        }
    }
}
