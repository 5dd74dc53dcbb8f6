//! The further looks at the sources. Each goes over the pages of the first one, so that what it compares is bounded
//! however large a source is, and makes units of what is different.

use lethe_domain::run::Run;
use lethe_domain::source::SourceConfig;
use lethe_domain::time::EpochSeconds;
use lethe_sources::{KnownUnit, Objects, Relisted, SourceError, Tables};

use super::Survey;
use super::listing::{Listed, StoredPage};
use crate::error::StageError;
use crate::footers::read_units;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, Queue, RunRef, WorkStore};
use crate::work_keys;

/// What earlier rounds know of the page that is looked at.
pub(super) struct Known {
    /// The cursor that the page ended with.
    end: Option<String>,
    /// The page's units, round by round.
    rounds: Vec<Vec<KnownUnit>>,
}

impl<C: Control, A: AuditLog, W: WorkStore, Q: Queue, T: Tables, O: Objects> Survey<'_, C, A, W, Q, T, O> {
    /// The page as the rounds before this one sent it out. The inner error voids the run.
    pub(super) async fn known_of(&self, run: &Run) -> Result<Result<Known, String>, StageError> {
        let mut known = Known { end: None, rounds: Vec::new() };
        for round in 0..run.round {
            let key = work_keys::listing_page(&RunRef::from(run), round, run.listing.n_pages);
            let page = match self.stored_page(&key).await? {
                Some(Listed::Page(page)) => page,
                Some(Listed::Failed(why)) => return Ok(Err(why)),
                None => return Ok(Err("a stored page of its listing is missing".to_owned())),
            };
            known.end.clone_from(&page.next);
            match self.read_of(run, page).await? {
                Ok(units) => known.rounds.push(units),
                Err(why) => return Ok(Err(why)),
            }
        }
        Ok(Ok(known))
    }

    /// The units of a page with what their workers missed.
    async fn read_of(
        &self,
        run: &Run,
        page: StoredPage,
    ) -> Result<Result<Vec<KnownUnit>, String>, StageError> {
        let n_units = u32::try_from(page.units.len()).unwrap_or(u32::MAX);
        let units = page.first_unit..page.first_unit.saturating_add(n_units);
        let footers = match read_units(self.work, &RunRef::from(run), units).await? {
            Ok(footers) => footers,
            Err(why) => return Ok(Err(why)),
        };
        let missed = |unit| {
            let parts = footers.iter().filter(move |footer| footer.header.unit == unit);
            parts.flat_map(|footer| footer.header.missed.iter().copied()).collect()
        };
        let known =
            (page.first_unit..).zip(page.units).map(|(unit, spec)| KnownUnit { spec, missed: missed(unit) });
        Ok(Ok(known.collect()))
    }

    /// Looks at a page again. The cursor ends as the first look's did, so that every round has the same pages.
    pub(super) async fn look_again(
        &self,
        run: &Run,
        (name, source): (&str, &SourceConfig),
        known: &Known,
        pinned: &Pinned,
    ) -> Result<StoredPage, SourceError> {
        let page = Relisted {
            begin: run.listing.cursor.as_deref(),
            end: known.end.as_deref(),
            known: &known.rounds,
            changed_from: self.changed_from(run, pinned),
        };
        let units = self.stores.relist_units(name, source, &page, &self.settings.units).await?;
        Ok(StoredPage { first_unit: run.n_units, units, next: known.end.clone() })
    }

    /// A writer notes its time first and stores later, by a clock of its own: by so much earlier than the scan began a
    /// change may say that it was made.
    fn changed_from(&self, run: &Run, pinned: &Pinned) -> EpochSeconds {
        let margin = pinned.config.rails.in_flight_max.saturating_add(self.settings.limits.max_clock_skew);
        run.scan_started_at.minus(margin)
    }
}
