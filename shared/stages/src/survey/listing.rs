//! Listing a tenant's sources page by page. A page is stored before its units are sent out, and the first attempt's
//! page stays: a repeated attempt finds other objects perhaps, but must send out the same units.

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::message::Wake;
use lethe_domain::run::{Listing, Run, Stage};
use lethe_domain::source::{SourceConfig, UnitSpec};
use lethe_domain::time::EpochSeconds;
use lethe_sources::{Objects, Retry, SourceError, Tables};
use serde::{Deserialize, Serialize};

use super::{Survey, TickReport, note_seal};
use crate::error::StageError;
use crate::hours::Hours;
use crate::invocation::Invocation;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, Queue, RunRef, WorkStore};
use crate::settings::PARALLEL_CALLS;
use crate::stored::{from_json, to_json};
use crate::work_keys;

/// One stored page of a run's listing.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredPage {
    /// The number of its first unit.
    pub(super) first_unit: u32,
    pub(super) units: Vec<UnitSpec>,
    pub(super) next: Option<String>,
}

/// What listing one page came to.
pub(super) enum Listed {
    Page(StoredPage),
    /// It cannot be listed, and trying again will not help.
    Failed(String),
}

impl<C: Control, A: AuditLog, W: WorkStore, Q: Queue, T: Tables, O: Objects> Survey<'_, C, A, W, Q, T, O> {
    /// Lists until everything is listed, the deadline is near or the window closes; `true` when the run came to its end of listing.
    pub(super) async fn list(
        &self,
        run: &Run,
        (Invocation { now, should_pause, .. }, hours): (Invocation<'_>, &Hours<'_>),
        report: &mut TickReport,
    ) -> Result<bool, StageError> {
        let pinned = Pinned::at(self.control, run.config, &self.settings.limits).await?;
        let sources: Vec<_> = pinned.tenant(&run.tenant)?.sources.iter().collect();
        let mut run = run.clone();
        while let Some((name, source)) = sources.get(run.listing.n_sources_done as usize) {
            if should_pause() || hours.are_over() {
                return Ok(false);
            }
            match self.next_page(&run, (name, source), &pinned).await? {
                Listed::Failed(why) => {
                    self.runs().void(&run, &why, now).await?;
                    report.n_void = report.n_void.saturating_add(1);
                    return Ok(false);
                }
                Listed::Page(page) => {
                    self.send_out(&run, &page).await?;
                    report.n_units = report.n_units.saturating_add(page.units.len() as u64);
                    let next = after_page(&run, &page, now);
                    if !self.control.update_run(&next).await? {
                        return Ok(false);
                    }
                    run = Run { revision: run.revision.saturating_add(1), ..next };
                }
            }
        }
        if !self.control.update_run(&run.at(Stage::Scanning, now)).await? {
            return Ok(false);
        }
        // The last unit may have been done before the listing was.
        let sealed = self.seal().if_complete(&RunRef::from(&run), now).await?;
        note_seal(sealed, report);
        Ok(true)
    }

    async fn next_page(
        &self,
        run: &Run,
        (name, source): (&str, &SourceConfig),
        pinned: &Pinned,
    ) -> Result<Listed, StageError> {
        let key = work_keys::listing_page(&RunRef::from(run), run.round, run.listing.n_pages);
        if let Some(stored) = self.stored_page(&key).await? {
            return Ok(stored);
        }
        let looked = if run.round == 0 {
            self.look(run, (name, source)).await
        } else {
            match self.known_of(run).await? {
                Ok(known) => self.look_again(run, (name, source), &known, pinned).await,
                Err(why) => return Ok(Listed::Failed(why)),
            }
        };
        let page = match looked {
            Ok(page) => page,
            Err(error) if error.retry() == Retry::Never => {
                return Ok(Listed::Failed(format!("source {name} cannot be listed: {error}")));
            }
            Err(source) => return Err(StageError::Source { source_name: name.to_owned(), source }),
        };
        let bytes = to_json(&page)?;
        if self.work.put_new(&key, bytes).await? {
            return Ok(Listed::Page(page));
        }
        // Another survey listed this page at the same time; its page is the one that counts.
        Ok(self.stored_page(&key).await?.unwrap_or(Listed::Page(page)))
    }

    async fn look(
        &self,
        run: &Run,
        (name, source): (&str, &SourceConfig),
    ) -> Result<StoredPage, SourceError> {
        let cursor = run.listing.cursor.as_deref();
        let page = self.stores.list_units(name, source, cursor, &self.settings.units).await?;
        Ok(StoredPage { first_unit: run.n_units, units: page.units, next: page.next })
    }

    /// The page that an earlier attempt stored. A damaged one ends the run: its units may be out already.
    pub(super) async fn stored_page(&self, key: &str) -> Result<Option<Listed>, StageError> {
        let bytes = self.work.get(key).await?;
        let page = bytes.map(|bytes| from_json(&bytes, "a stored page of its listing"));
        Ok(page.map(|page| page.map_or_else(Listed::Failed, Listed::Page)))
    }

    async fn send_out(&self, run: &Run, page: &StoredPage) -> Result<(), StageError> {
        let run_ref = RunRef::from(run);
        let numbered = || (run.n_units..).zip(&page.units);
        let writes = numbered().map(async |(unit, spec)| {
            let key = work_keys::manifest(&run_ref, unit);
            self.work.put_new(&key, to_json(spec)?).await.map_err(StageError::from)
        });
        let () = stream::iter(writes).buffer_unordered(PARALLEL_CALLS).try_for_each(async |_| Ok(())).await?;
        let wake = |unit| Wake::Scan { tenant: run.tenant.clone(), run: run.id.clone(), unit };
        let wakes: Vec<Wake> = numbered().map(|(unit, _)| wake(unit)).collect();
        self.scan_queue.send(&wakes).await?;
        Ok(())
    }
}

fn after_page(run: &Run, page: &StoredPage, now: EpochSeconds) -> Run {
    let listing = Listing {
        n_sources_done: run.listing.n_sources_done.saturating_add(u32::from(page.next.is_none())),
        n_pages: run.listing.n_pages.saturating_add(1),
        cursor: page.next.clone(),
    };
    let n_listed = u32::try_from(page.units.len()).unwrap_or(u32::MAX);
    Run { listing, n_units: run.n_units.saturating_add(n_listed), progressed_at: now, ..run.clone() }
}
