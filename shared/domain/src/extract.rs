//! Finds tokens in bytes. There is no rule about what stands around a token: a find too many keeps a dead token,
//! which is the safe side.

mod base64;
mod layer;
mod pattern;
mod stream;
mod unescape;
mod uuid;

use std::ops::Range;

use crate::format::TokenFormat;
use crate::source::{Encoding, Encodings};
use base64::PrefixFinder;
use layer::Layer;
use pattern::PatternMatcher;
use unescape::Escapes;

pub use stream::{Stream, Syntax};
pub use unescape::{ESCAPE_LEN, escape_start};

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
    /// In base64, by what the prefix makes of it.
    Base64Prefix(Box<(PrefixFinder, PatternMatcher)>),
    /// In base64, where the prefix is too short for that.
    Base64Pattern(Box<PatternMatcher>),
    Base64Uuid,
}

/// Looks for every token of some formats, in every way in which a source may write them.
pub struct Extractor {
    /// With the place of their format in the list.
    matchers: Vec<(usize, Matcher)>,
    max_len: usize,
    escapes: Vec<Escapes>,
    encodings: Encodings,
}

impl Extractor {
    /// An extractor for these formats, as they are and in these encodings.
    pub fn new(formats: &[TokenFormat], encodings: &Encodings) -> Self {
        let longest = formats.iter().map(TokenFormat::max_len).max().unwrap_or(1);
        let is_in_base64 = encodings.has(Encoding::Base64);
        let plain = formats.iter().map(Matcher::plain).enumerate();
        let in_base64 = formats.iter().filter(|_| is_in_base64).map(Matcher::base64).enumerate();
        let escapes = [(Encoding::Json, Escapes::Json), (Encoding::Url, Escapes::Url)];
        Self {
            matchers: plain.chain(in_base64).collect(),
            max_len: if is_in_base64 { base64::encoded_len(longest) } else { longest },
            escapes: escapes
                .into_iter()
                .filter(|(of, _)| encodings.has(*of))
                .map(|(_, escapes)| escapes)
                .collect(),
            encodings: encodings.clone(),
        }
    }

    /// The most bytes that a token spans where it is written without escapes; at least 1.
    pub fn max_len(&self) -> usize {
        self.max_len
    }

    /// The most raw bytes that a token spans in a text of this syntax.
    pub fn reach(&self, syntax: Syntax) -> usize {
        let has_escapes = syntax == Syntax::Json || !self.escapes.is_empty();
        self.max_len.saturating_mul(if has_escapes { ESCAPE_LEN } else { 1 })
    }

    /// Whether JSON's escapes are undone in a text of this syntax, so that reading must not begin inside of one.
    pub fn undoes_json(&self, syntax: Syntax) -> bool {
        syntax == Syntax::Json || self.escapes.contains(&Escapes::Json)
    }

    /// The encodings that are undone.
    pub fn encodings(&self) -> &Encodings {
        &self.encodings
    }

    /// Finds every token in one piece of text that stands alone.
    pub fn scan(&self, bytes: &[u8], on_found: &mut impl FnMut(Found<'_>)) {
        self.scan_starts(bytes, 0..bytes.len(), &mut |canonical, range, format| {
            on_found(Found { canonical, start: u64::try_from(range.start).unwrap_or(u64::MAX), format });
        });
        for escapes in &self.escapes {
            if escapes.are_in(bytes) {
                let mut layer = Layer::new(*escapes, 0);
                layer.push(self, bytes, on_found);
                layer.finish(self, on_found);
            }
        }
    }

    /// Finds every token that starts in `starts`; it may end anywhere.
    fn scan_starts(
        &self,
        bytes: &[u8],
        starts: Range<usize>,
        found: &mut impl FnMut(&[u8], Range<usize>, usize),
    ) {
        let mut from = starts.start;
        while from < starts.end {
            let to = from.saturating_add(TURN).min(starts.end);
            for (format, matcher) in &self.matchers {
                matcher.scan(bytes, from..to, &mut |token, range| found(token, range, *format));
            }
            from = to;
        }
    }
}

impl Matcher {
    fn plain(format: &TokenFormat) -> Self {
        match format {
            TokenFormat::Pattern(pattern) => Self::Pattern(Box::new(PatternMatcher::new(pattern))),
            TokenFormat::Uuid => Self::Uuid,
        }
    }

    fn base64(format: &TokenFormat) -> Self {
        match format {
            TokenFormat::Pattern(pattern) => {
                let matcher = PatternMatcher::new(pattern);
                match PrefixFinder::new(pattern.prefix().as_bytes(), format.max_len()) {
                    Some(finder) => Self::Base64Prefix(Box::new((finder, matcher))),
                    None => Self::Base64Pattern(Box::new(matcher)),
                }
            }
            TokenFormat::Uuid => Self::Base64Uuid,
        }
    }

    fn scan(&self, bytes: &[u8], starts: Range<usize>, found: &mut impl FnMut(&[u8], Range<usize>)) {
        match self {
            Self::Pattern(pattern) => pattern.scan(bytes, starts, found),
            Self::Uuid => uuid::scan(bytes, starts, found),
            Self::Base64Prefix(both) => {
                let (finder, pattern) = &**both;
                finder.scan(bytes, starts, &mut |decoded| {
                    if let Some(token) = pattern.token_in(decoded.bytes) {
                        found(token, decoded.range(token.len()));
                    }
                });
            }
            Self::Base64Pattern(pattern) => {
                let length = pattern.token_len();
                base64::scan_stretches(bytes, starts, length..length, &mut |stretch| {
                    pattern.scan(&stretch.bytes, 0..stretch.n_starts, &mut |token, range| {
                        found(token, stretch.range(&range));
                    });
                });
            }
            Self::Base64Uuid => {
                base64::scan_stretches(bytes, starts, uuid::DIGITS..uuid::DASHED, &mut |stretch| {
                    uuid::scan(&stretch.bytes, 0..stretch.n_starts, &mut |digits, range| {
                        found(digits, stretch.range(&range));
                    });
                });
            }
        }
    }
}

#[cfg(test)]
mod encoded_tests;
#[cfg(test)]
mod tests;
