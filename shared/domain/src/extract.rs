//! Finds tokens in bytes. There is no rule about what stands around a token: a find too many keeps a dead token,
//! which is the safe side.

mod pattern;
mod stream;
mod unescape;
mod uuid;

use std::ops::Range;

use crate::format::TokenFormat;
use pattern::PatternMatcher;

pub use stream::{Encoding, Stream};
pub use unescape::escape_start;

/// How many starts are tried for one format before the next format has its turn, so that the bytes stay in the cache.
const TURN: usize = 32 * 1024;

/// A token that was found. It is a secret, so it has no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    /// The token in the form that is hashed.
    pub canonical: &'a [u8],
    /// Where it is written, in raw bytes.
    pub start: u64,
    /// Its format: the place in the list that the extractor was made from.
    pub format: usize,
}

enum Matcher {
    Pattern(Box<PatternMatcher>),
    Uuid,
}

/// Looks for every token of some formats.
pub struct Extractor {
    matchers: Vec<Matcher>,
    max_len: usize,
}

impl Extractor {
    /// An extractor for these formats.
    pub fn new(formats: &[TokenFormat]) -> Self {
        let matcher = |format: &TokenFormat| match format {
            TokenFormat::Pattern(pattern) => Matcher::Pattern(Box::new(PatternMatcher::new(pattern))),
            TokenFormat::Uuid => Matcher::Uuid,
        };
        Self {
            matchers: formats.iter().map(matcher).collect(),
            max_len: formats.iter().map(TokenFormat::max_len).max().unwrap_or(1),
        }
    }

    /// The most bytes that a token spans where it is written without escapes; at least 1.
    pub fn max_len(&self) -> usize {
        self.max_len
    }

    /// Finds every token in one piece of text that stands alone.
    pub fn scan(&self, bytes: &[u8], on_found: &mut impl FnMut(Found<'_>)) {
        self.scan_starts(bytes, 0..bytes.len(), &mut |canonical, start, format| {
            on_found(Found { canonical, start: u64::try_from(start).unwrap_or(u64::MAX), format });
        });
    }

    /// Finds every token that starts in `starts`; it may end anywhere.
    fn scan_starts(&self, bytes: &[u8], starts: Range<usize>, found: &mut impl FnMut(&[u8], usize, usize)) {
        let mut from = starts.start;
        while from < starts.end {
            let to = from.saturating_add(TURN).min(starts.end);
            for (format, matcher) in self.matchers.iter().enumerate() {
                match matcher {
                    Matcher::Pattern(pattern) => {
                        pattern.scan(bytes, from..to, &mut |token, start| found(token, start, format));
                    }
                    Matcher::Uuid => {
                        uuid::scan(bytes, from..to, &mut |token, start| found(token, start, format));
                    }
                }
            }
            from = to;
        }
    }
}

#[cfg(test)]
mod tests;
