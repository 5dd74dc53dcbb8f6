//! Scans a compressed object. It can only be read from its start, so a scan that goes on unpacks again what it has
//! seen, which is much faster than looking for tokens in it.

use super::Walk;
use super::content::Compression;
use super::decode::{Decoder, Sink};
use super::reading::Reading;
use super::version::{PIECE, Step, Version};
use crate::{Objects, SourceError};

/// How much is unpacked between two questions whether to pause; it may grow a thousandfold.
const BLOCK: usize = 16 << 10;

impl<O: Objects> Walk<'_, O> {
    /// Scans what is left of a version, of which the first piece may have been read.
    pub(super) async fn scan_packed(
        &mut self,
        version: &Version<'_>,
        compression: Compression,
        first: Option<Vec<u8>>,
    ) -> Result<Step, SourceError> {
        let limits = self.job.limits;
        let (max_bytes, grown) = (limits.max_compressed_bytes, limits.max_decompressed_bytes);
        if max_bytes < version.size {
            return Err(SourceError::TooLarge {
                object: version.object,
                what: "its compressed size",
                max_bytes,
            });
        }
        let start = version.at.unwrap_or(0);
        let reading = Reading::new(self.format, self.job.extractor, 0, start..u64::MAX);
        let sink = Sink::new(reading, &mut *self.marks, grown);
        let refuse = |error| version.decode_error(error, grown);
        let mut decoder = Decoder::new(compression, sink).map_err(refuse)?;
        let mut at = 0_u64;
        let mut piece = first.unwrap_or_default();
        loop {
            for block in piece.chunks(BLOCK) {
                decoder.push(block).map_err(refuse)?;
                at = at.saturating_add(u64::try_from(block.len()).unwrap_or(u64::MAX));
                let sink = &decoder.sink;
                let (reached, n_rows) = (sink.reading.pending_from(), sink.reading.n_rows());
                let should_pause = || sink.marks.is_full() || (self.job.should_pause)();
                if at < version.size && start < reached && should_pause() {
                    self.count(0, n_rows);
                    return Ok(Step::Paused(reached));
                }
            }
            if version.size <= at {
                break;
            }
            piece = version
                .read(self.objects, self.bucket, at..version.size.min(at.saturating_add(PIECE)))
                .await?;
        }
        let sink = decoder.finish().map_err(refuse)?;
        let n_rows = sink.reading.finish(sink.marks).map_err(|line| version.not_an_item(line))?;
        self.count(version.size, n_rows);
        Ok(Step::Done)
    }
}
