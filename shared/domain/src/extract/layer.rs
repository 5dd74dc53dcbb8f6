//! Finds tokens that are written with escapes in a text whose own syntax does not ask for them: a URL in a table, JSON in
//! a field of a CSV. The text as it stands is looked through as well, so a layer tells only of tokens that an escape runs
//! through: nothing is found twice, and nothing is missed because something only looked like an escape.

use super::unescape::{Escapes, Text, length, unescape};
use super::{Extractor, Found};

/// How much text is looked through for an escape at a time: one must not slow down a whole piece.
const BLOCK: usize = 64 * 1024;

/// One kind of escape, undone beside the text.
pub(super) struct Layer {
    escapes: Escapes,
    /// What may still begin a token that is not complete.
    text: Text,
    /// An escape that is not complete.
    cut: Vec<u8>,
    /// The raw place of the next piece.
    at: u64,
}

impl Layer {
    /// A layer over text that begins at `at`.
    pub(super) fn new(escapes: Escapes, at: u64) -> Self {
        Self { escapes, text: Text::default(), cut: Vec::new(), at }
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, extractor: &Extractor, piece: &[u8], on_found: &mut impl FnMut(Found<'_>)) {
        for block in piece.chunks(BLOCK) {
            if self.cut.is_empty() && !self.text.has_escapes() && !self.escapes.are_in(block) {
                self.skip(extractor, block);
                continue;
            }
            let place = self.at.saturating_sub(length(self.cut.len()));
            let mut raw = std::mem::take(&mut self.cut);
            raw.extend_from_slice(block);
            let n_done = unescape(self.escapes, &raw, place, &mut self.text);
            self.cut = raw.split_off(n_done.min(raw.len()));
            self.at = self.at.saturating_add(length(block.len()));
            self.find(extractor, self.text.bytes.len().saturating_sub(lookahead(extractor)), on_found);
        }
    }

    /// Ends the text.
    pub(super) fn finish(mut self, extractor: &Extractor, on_found: &mut impl FnMut(Found<'_>)) {
        let place = self.at.saturating_sub(length(self.cut.len()));
        self.text.append(&self.cut, place);
        self.find(extractor, self.text.bytes.len(), on_found);
    }

    /// Nothing is escaped so far as can be seen: only what an escape yet to come may complete is kept.
    fn skip(&mut self, extractor: &Extractor, block: &[u8]) {
        let n_kept = lookahead(extractor);
        let kept = block.get(block.len().saturating_sub(n_kept)..).unwrap_or(block);
        let place = self.at.saturating_add(length(block.len().saturating_sub(kept.len())));
        self.text.append(kept, place);
        self.text.forget(self.text.bytes.len().saturating_sub(n_kept));
        self.at = self.at.saturating_add(length(block.len()));
    }

    /// Tries the first `n_starts` places of the text and forgets them.
    fn find(&mut self, extractor: &Extractor, n_starts: usize, on_found: &mut impl FnMut(Found<'_>)) {
        let text = &self.text;
        if text.has_escapes() {
            extractor.scan_starts(&text.bytes, 0..n_starts, &mut |canonical, range, format| {
                if text.is_escaped(&range) {
                    on_found(Found { canonical, start: text.raw_place(range.start), format });
                }
            });
        }
        self.text.forget(n_starts);
    }
}

/// How many bytes after a start must have come before it can be tried.
fn lookahead(extractor: &Extractor) -> usize {
    extractor.max_len().saturating_sub(1)
}
