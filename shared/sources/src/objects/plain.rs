//! Scans text as it is stored. A range owns the tokens, or the lines, that start in it; it reads on behind its end
//! until those are complete, and begins before its start where an escape may reach into it.

use lethe_domain::extract::escape_start;

use super::Walk;
use super::reading::{Reading, syntax_of};
use super::version::{PIECE, Step, Version};
use crate::{Objects, SourceError};

/// How much is read at a time to find the end of a range's last line.
const TAIL_PIECE: u64 = 64 << 10;
/// How much is scanned between two questions whether to pause.
const BLOCK: usize = 256 << 10;
/// How much is read before a range of JSON to see whether an escape reaches into it …
const LOOK_BACK: u64 = 64;
/// … and how much, should all of that be backslashes.
const LOOK_BACK_FAR: u64 = 1 << 20;

impl<O: Objects> Walk<'_, O> {
    /// Scans what is left of a version, of which the first piece may have been read.
    pub(super) async fn scan_plain(
        &mut self,
        version: &Version<'_>,
        first: Option<Vec<u8>>,
    ) -> Result<Step, SourceError> {
        let own = version.left();
        let (mut at, mut piece) = match first {
            Some(first) => (0, first),
            None => self.enter(version, own.start).await?,
        };
        let mut reading = Reading::new(self.format, self.job.extractor, at, own.clone());
        loop {
            for block in piece.chunks(BLOCK) {
                reading.push(block, self.marks).map_err(|line| version.not_an_item(line))?;
                at = at.saturating_add(u64::try_from(block.len()).unwrap_or(u64::MAX));
                let reached = reading.pending_from();
                if at < own.end && own.start < reached && self.should_pause() {
                    self.count(reached.saturating_sub(own.start), reading.n_rows());
                    return Ok(Step::Paused(reached));
                }
            }
            let mut end = self.end_of_piece(version, at);
            if end <= at && reading.wants_more() {
                end = at.saturating_add(TAIL_PIECE).min(version.size);
            }
            if end <= at {
                break;
            }
            piece = version.read(self.objects, self.bucket, at..end).await?;
        }
        let n_rows = reading.finish(self.marks).map_err(|line| version.not_an_item(line))?;
        self.count(own.end.saturating_sub(own.start), n_rows);
        Ok(Step::Done)
    }

    /// Where a piece ends that begins at `at`: what follows the range is read as far as its last token may reach.
    pub(super) fn end_of_piece(&self, version: &Version<'_>, at: u64) -> u64 {
        let reach = |syntax| u64::try_from(self.job.extractor.reach(syntax)).unwrap_or(u64::MAX);
        let behind = syntax_of(self.format).map_or(0, reach);
        let wanted = version.own.end.saturating_add(behind).min(version.size);
        wanted.min(at.saturating_add(PIECE))
    }

    /// Where reading must begin so that it is in step at `start`, and the first piece from there.
    async fn enter(&self, version: &Version<'_>, start: u64) -> Result<(u64, Vec<u8>), SourceError> {
        match syntax_of(self.format) {
            // The byte before tells whether a line starts here.
            None => self.enter_at(version, start.saturating_sub(1), start).await,
            Some(syntax) if !self.job.extractor.undoes_json(syntax) => {
                self.enter_at(version, start, start).await
            }
            Some(_) => {
                for back in [LOOK_BACK, LOOK_BACK_FAR] {
                    let (from, mut piece) = self.enter_at(version, start.saturating_sub(back), start).await?;
                    let n_before = usize::try_from(start.saturating_sub(from)).unwrap_or(usize::MAX);
                    let before = piece.get(..n_before).unwrap_or_default();
                    if let Some(n_back) = escape_start(before).or((from == 0).then_some(n_before)) {
                        let n_skipped = n_before.saturating_sub(n_back);
                        piece.drain(..n_skipped);
                        return Ok((from.saturating_add(u64::try_from(n_skipped).unwrap_or(0)), piece));
                    }
                }
                Err(version.corrupt("there are more backslashes in a row than any JSON has"))
            }
        }
    }

    async fn enter_at(
        &self,
        version: &Version<'_>,
        from: u64,
        start: u64,
    ) -> Result<(u64, Vec<u8>), SourceError> {
        let piece = version.read(self.objects, self.bucket, from..self.end_of_piece(version, start)).await?;
        Ok((from, piece))
    }
}
