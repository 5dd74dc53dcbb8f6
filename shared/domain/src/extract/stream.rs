//! Finds tokens in text that comes in pieces: each start is tried exactly once, when everything that a token there
//! could span has come.

use memchr::memchr;

use super::layer::Layer;
use super::unescape::{ESCAPE_LEN, Escapes, Text, length, unescape};
use super::{Extractor, Found};

/// How much text is looked through for a backslash at a time: one escape must not slow down a whole piece.
const BLOCK: usize = 64 * 1024;

/// The syntax of a text as a whole. What is written in other ways inside it is looked for beside that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// None: every byte stands for itself.
    Raw,
    /// JSON, where any character may be written as an escape.
    Json,
}

/// Takes pieces of one text in order and finds its tokens.
pub struct Stream<'e> {
    extractor: &'e Extractor,
    syntax: Syntax,
    layers: Vec<Layer>,
    /// Tokens found behind `settled`, which wait so that whoever goes on from there finds each of them once.
    held: Vec<Held>,
    /// Before this raw place every pass has tried every start.
    settled: u64,
    /// What may still begin a token that is not complete; shorter than the longest token.
    text: Text,
    /// An escape that is not complete.
    escape: Vec<u8>,
    /// The raw place of the next piece.
    at: u64,
}

/// A token that waits.
struct Held {
    canonical: Vec<u8>,
    start: u64,
    format: usize,
}

impl<'e> Stream<'e> {
    /// A stream whose first piece is written at `at`.
    pub fn new(extractor: &'e Extractor, syntax: Syntax, at: u64) -> Self {
        let undone = |escapes: &&Escapes| syntax != Syntax::Json || **escapes != Escapes::Json;
        let layers =
            extractor.escapes.iter().filter(undone).map(|escapes| Layer::new(*escapes, at)).collect();
        let (text, escape, held) = (Text::default(), Vec::new(), Vec::new());
        Self { extractor, syntax, layers, held, settled: at, text, escape, at }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8], on_found: &mut impl FnMut(Found<'_>)) {
        if self.layers.is_empty() {
            self.push_text(piece, on_found);
            self.settled = self.text_pending_from();
            return;
        }
        let end = self.at.saturating_add(length(piece.len()));
        let settled = end.saturating_sub(self.reach()).max(self.settled);
        let mut held = Vec::new();
        for waiting in self.held.drain(..) {
            if waiting.start < settled { on_found(waiting.found()) } else { held.push(waiting) }
        }
        let mut sort = |found: Found<'_>| {
            if found.start < settled { on_found(found) } else { held.push(Held::of(found)) }
        };
        let mut layers = std::mem::take(&mut self.layers);
        for layer in &mut layers {
            layer.push(self.extractor, piece, &mut sort);
        }
        self.push_text(piece, &mut sort);
        self.layers = layers;
        self.held = held;
        self.settled = settled;
    }

    fn push_text(&mut self, piece: &[u8], on_found: &mut impl FnMut(Found<'_>)) {
        match self.syntax {
            Syntax::Raw => self.push_plain(piece, on_found),
            Syntax::Json => {
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
        self.held.iter().for_each(|waiting| on_found(waiting.found()));
        for layer in std::mem::take(&mut self.layers) {
            layer.finish(self.extractor, on_found);
        }
        let place = self.at.saturating_sub(length(self.escape.len()));
        self.text.append(&self.escape, place);
        self.find_in_text(self.text.bytes.len(), on_found);
    }

    /// Every token that starts before this raw place has been found; none that starts here or later.
    pub fn pending_from(&self) -> u64 {
        self.settled
    }

    fn text_pending_from(&self) -> u64 {
        if self.text.bytes.is_empty() {
            return self.at.saturating_sub(length(self.escape.len()));
        }
        self.text.raw_place(0)
    }

    /// How many raw bytes the slowest pass may be behind: a token all of whose bytes are escapes, and one that is cut.
    fn reach(&self) -> u64 {
        length(self.extractor.max_len().saturating_add(1).saturating_mul(ESCAPE_LEN))
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
        self.extractor.scan_starts(piece, 0..tried.len(), &mut |canonical, range, format| {
            on_found(Found { canonical, start: at.saturating_add(length(range.start)), format });
        });
        self.text.forget(self.text.bytes.len());
        self.text.append(kept, at.saturating_add(length(tried.len())));
    }

    fn push_escaped(&mut self, block: &[u8], on_found: &mut impl FnMut(Found<'_>)) {
        let at = self.at.saturating_sub(length(self.escape.len()));
        self.at = self.at.saturating_add(length(block.len()));
        let mut raw = std::mem::take(&mut self.escape);
        raw.extend_from_slice(block);
        let done = unescape(Escapes::Json, &raw, at, &mut self.text);
        self.escape = raw.split_off(done.min(raw.len()));
        self.find_in_text(self.text.bytes.len().saturating_sub(self.lookahead()), on_found);
    }

    /// Tries the first `n_starts` places of the text and forgets them.
    fn find_in_text(&mut self, n_starts: usize, on_found: &mut impl FnMut(Found<'_>)) {
        let text = &self.text;
        self.extractor.scan_starts(&text.bytes, 0..n_starts, &mut |canonical, range, format| {
            on_found(Found { canonical, start: text.raw_place(range.start), format });
        });
        self.text.forget(n_starts);
    }
}

impl Held {
    fn of(found: Found<'_>) -> Self {
        Self { canonical: found.canonical.to_vec(), start: found.start, format: found.format }
    }

    fn found(&self) -> Found<'_> {
        Found { canonical: &self.canonical, start: self.start, format: self.format }
    }
}
