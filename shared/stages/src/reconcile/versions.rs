//! Overdue versions: what the bucket's lifecycle should have removed by now. Its runs come once a day and may take
//! longer; after the margin and the patience this removes by version id. The notice of that goes to `confirm`.

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::audit::ObjectVersion;
use lethe_domain::policy::Retention;
use lethe_domain::time::{EpochSeconds, date_of};

use super::{Reconcile, ReconcileReport};
use crate::error::StageError;
use crate::invocation::Invocation;
use crate::ports::{Archive, AuditLog, Control, ListedVersion, Lock, Queue, Removal, Vault, WorkStore};
use crate::settings::PARALLEL_CALLS;

impl<C, A, W, V, R, Q> Reconcile<'_, C, A, W, V, R, Q>
where
    C: Control,
    A: AuditLog,
    W: WorkStore,
    V: Vault,
    R: Archive,
    Q: Queue,
{
    /// Deletes versions past their lock, the margin and the patience. Held ones are in a class of their own.
    pub(super) async fn remove_overdue_versions(
        &self,
        Invocation { now, should_pause, .. }: Invocation<'_>,
        report: &mut ReconcileReport,
    ) -> Result<(), StageError> {
        let limits = &self.settings.limits;
        let late_by = limits.version_margin.saturating_add(limits.patience);
        for class in Retention::ALL {
            let prefix = format!("{}/", class.prefix());
            // Keys begin with their day, so the first that is too young ends the class.
            let last_day = date_of(now.minus(limits.retention(class)).minus(late_by));
            let mut after = None;
            while !should_pause() {
                let page = self.archive.versions(&prefix, after.as_ref()).await?;
                let day_of = |version: &ListedVersion| {
                    version
                        .object
                        .key
                        .strip_prefix(&prefix)
                        .is_some_and(|rest| rest.get(..10) <= Some(&last_day))
                };
                let is_last = page.versions.iter().any(|version| !day_of(version));
                let old: Vec<ObjectVersion> = page
                    .versions
                    .into_iter()
                    .take_while(day_of)
                    .filter(|version| !version.is_delete_marker)
                    .map(|version| version.object)
                    .collect();
                let late_before = now.minus(late_by);
                let removed: Vec<Removed> = stream::iter(old)
                    .map(|object| self.remove_if_overdue(object, late_before))
                    .buffer_unordered(PARALLEL_CALLS)
                    .try_collect()
                    .await?;
                for removed in removed {
                    let count = match removed {
                        Removed::NotDue => continue,
                        Removed::Gone => &mut report.n_removed_versions,
                        Removed::Overdue => &mut report.n_overdue_versions,
                    };
                    *count = count.saturating_add(1);
                }
                after = page.next;
                if after.is_none() || is_last {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn remove_if_overdue(
        &self,
        object: ObjectVersion,
        before: EpochSeconds,
    ) -> Result<Removed, StageError> {
        match self.archive.lock_of(&object).await? {
            None => Ok(Removed::Gone),
            Some(Lock::Hold) => Ok(Removed::NotDue),
            Some(Lock::Until(until)) if before <= until => Ok(Removed::NotDue),
            Some(Lock::Until(_)) => match self.archive.remove(&object).await? {
                Removal::Gone => Ok(Removed::Gone),
                Removal::Locked => Ok(Removed::Overdue),
            },
        }
    }
}

enum Removed {
    NotDue,
    Gone,
    Overdue,
}
