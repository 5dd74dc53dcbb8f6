//! Finds tokens in text that comes in pieces: each start is tried exactly once, when everything that a token there
//! could span has come.

use memchr::memchr;

use super::unescape::{Text, length, unescape};
use super::{Extractor, Found};

/// How much text is looked through for a backslash at a time: one escape must not slow down a whole piece.
const BLOCK: usize = 64 * 1024;

/// How tokens are written in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are.
    Raw,
    /// In JSON, where any character may be written as an escape.
    Json,
}

/// Takes pieces of one text in order and finds its tokens.
pub struct Stream<'e> {
    extractor: &'e Extractor,
    encoding: Encoding,
    /// What may still begin a token that is not complete; shorter than the longest token.
    text: Text,
    /// An escape that is not complete.
    escape: Vec<u8>,
    /// The raw place of the next piece.
    at: u64,
}

impl<'e> Stream<'e> {
    /// A stream whose first piece is written at `at`.
    pub fn new(extractor: &'e Extractor, encoding: Encoding, at: u64) -> Self {
        Self { extractor, encoding, text: Text::default(), escape: Vec::new(), at }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8], on_found: &mut impl FnMut(Found<'_>)) {
        match self.encoding {
            Encoding::Raw => self.push_plain(piece, on_found),
            Encoding::Json => {
                for block in piece.chunks(BLOCK) {
                    if self.escape.is_empty() && memchr(b'\\', block).is_none() {
                        self.push_plain(block, on_found);
                    } else {
                        self.push_escaped(block, on_found);
                    }
                }
            }
        }
    }

    /// Ends the text.
    pub fn finish(mut self, on_found: &mut impl FnMut(Found<'_>)) {
        let place = self.at.saturating_sub(length(self.escape.len()));
        self.text.append(&self.escape, place);
        self.find_in_text(self.text.bytes.len(), on_found);
    }

    /// Every token that starts before this raw place has been found; none that starts here or later.
    pub fn pending_from(&self) -> u64 {
        if self.text.bytes.is_empty() {
            return self.at.saturating_sub(length(self.escape.len()));
        }
        self.text.raw_place(0)
    }

    /// How many bytes after a start must have come before it can be tried.
    fn lookahead(&self) -> usize {
        self.extractor.max_len().saturating_sub(1)
    }

    fn push_plain(&mut self, piece: &[u8], on_found: &mut impl FnMut(Found<'_>)) {
        let at = self.at;
        self.at = at.saturating_add(length(piece.len()));
        let n_tried = piece.len().saturating_sub(self.lookahead());
        let Some((tried, kept)) = piece.split_at_checked(n_tried).filter(|(tried, _)| !tried.is_empty())
        else {
            self.text.append(piece, at);
            self.find_in_text(self.text.bytes.len().saturating_sub(self.lookahead()), on_found);
            return;
        };
        // The starts that waited, with as much of the piece as tokens there could span …
        let waiting = self.text.bytes.len();
        if 0 < waiting {
            self.text.append(piece.get(..self.lookahead()).unwrap_or(piece), at);
            self.find_in_text(waiting, on_found);
        }
        // … then the piece itself, where it lies.
        self.extractor.scan_starts(piece, 0..tried.len(), &mut |canonical, start, format| {
            on_found(Found { canonical, start: at.saturating_add(length(start)), format });
        });
        self.text.forget(self.text.bytes.len());
        self.text.append(kept, at.saturating_add(length(tried.len())));
    }

    fn push_escaped(&mut self, block: &[u8], on_found: &mut impl FnMut(Found<'_>)) {
        let at = self.at.saturating_sub(length(self.escape.len()));
        self.at = self.at.saturating_add(length(block.len()));
        let mut raw = std::mem::take(&mut self.escape);
        raw.extend_from_slice(block);
        let done = unescape(&raw, at, &mut self.text);
        self.escape = raw.split_off(done.min(raw.len()));
        self.find_in_text(self.text.bytes.len().saturating_sub(self.lookahead()), on_found);
    }

    /// Tries the first `n_starts` places of the text and forgets them.
    fn find_in_text(&mut self, n_starts: usize, on_found: &mut impl FnMut(Found<'_>)) {
        let text = &self.text;
        self.extractor.scan_starts(&text.bytes, 0..n_starts, &mut |canonical, start, format| {
            on_found(Found { canonical, start: text.raw_place(start), format });
        });
        self.text.forget(n_starts);
    }
}
