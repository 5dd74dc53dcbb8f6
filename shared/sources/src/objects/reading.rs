//! Finds the tokens of an object in bytes that come in order.

use std::ops::Range;

use lethe_domain::extract::{Extractor, Stream, Syntax};
use lethe_domain::marks::MarkBuilder;
use lethe_domain::source::ObjectFormat;

use super::lines::{Lines, NotAnItem};

/// What reads an object's bytes, by its format.
pub(super) enum Reading<'e> {
    Text(TextReading<'e>),
    Lines(Lines<'e>),
}

/// Text that owns the tokens which start in a range.
pub(super) struct TextReading<'e> {
    stream: Stream<'e>,
    own: Range<u64>,
}

impl<'e> Reading<'e> {
    /// A reading of bytes that begin at `from`, of which the tokens or lines that start in `own` count.
    pub(super) fn new(format: ObjectFormat, extractor: &'e Extractor, from: u64, own: Range<u64>) -> Self {
        match syntax_of(format) {
            Some(syntax) => Self::Text(TextReading { stream: Stream::new(extractor, syntax, from), own }),
            None => Self::Lines(Lines::new(extractor, from, own)),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], marks: &mut MarkBuilder) -> Result<(), NotAnItem> {
        match self {
            Self::Text(text) => {
                let own = &text.own;
                text.stream.push(bytes, &mut |found| {
                    if own.contains(&found.start) {
                        marks.add(found.canonical);
                    }
                });
                Ok(())
            }
            Self::Lines(lines) => lines.push(bytes, marks),
        }
    }

    /// Ends the bytes; how many rows there were.
    pub(super) fn finish(self, marks: &mut MarkBuilder) -> Result<u64, NotAnItem> {
        match self {
            Self::Text(TextReading { stream, own }) => {
                stream.finish(&mut |found| {
                    if own.contains(&found.start) {
                        marks.add(found.canonical);
                    }
                });
                Ok(0)
            }
            Self::Lines(lines) => lines.finish(marks),
        }
    }

    /// The first place whose tokens were not looked for.
    pub(super) fn pending_from(&self) -> u64 {
        match self {
            Self::Text(text) => text.stream.pending_from(),
            Self::Lines(lines) => lines.pending_from(),
        }
    }

    /// Rows read so far.
    pub(super) fn n_rows(&self) -> u64 {
        match self {
            Self::Text(_) => 0,
            Self::Lines(lines) => lines.n_rows(),
        }
    }

    /// Whether something that belongs to the range is not complete where the range ends.
    pub(super) fn wants_more(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Lines(lines) => lines.wants_more(),
        }
    }
}

/// The syntax of a format; `None` = it is read line by line.
pub(super) fn syntax_of(format: ObjectFormat) -> Option<Syntax> {
    match format {
        ObjectFormat::Csv | ObjectFormat::Text => Some(Syntax::Raw),
        ObjectFormat::Jsonl => Some(Syntax::Json),
        ObjectFormat::DynamodbExport => None,
    }
}
