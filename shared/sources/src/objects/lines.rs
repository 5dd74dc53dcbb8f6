//! Reads the lines of a table export.

use std::ops::Range;

use lethe_domain::extract::Extractor;
use lethe_domain::marks::MarkBuilder;
use memchr::memchr;
use serde::Deserialize;

use crate::attribute::{Item, walk};
use crate::value::{Unreadable, mark_value};

/// The longest line that is read. An item has 400 KB at most, and its JSON some ten times as much.
const MAX_LINE_BYTES: usize = 16 << 20;

#[derive(Deserialize)]
struct ExportLine {
    #[serde(rename = "Item")]
    item: Item,
}

/// A line that is not an exported item. Nothing of what it says is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAnItem {
    pub(super) line: u64,
    pub(super) offset: u64,
}

/// Takes pieces of a file and reads the lines that start in a range.
pub(super) struct Lines<'e> {
    extractor: &'e Extractor,
    own: Range<u64>,
    /// What has come of a line that is not complete, if it belongs to the range.
    line: Vec<u8>,
    line_start: u64,
    /// The place of the next piece.
    at: u64,
    n_ended: u64,
    n_rows: u64,
}

impl<'e> Lines<'e> {
    /// Lines of bytes that begin at `from`, which is the start of a line or lies before `own`.
    pub(super) fn new(extractor: &'e Extractor, from: u64, own: Range<u64>) -> Self {
        Self { extractor, own, line: Vec::new(), line_start: from, at: from, n_ended: 0, n_rows: 0 }
    }

    pub(super) fn push(&mut self, bytes: &[u8], marks: &mut MarkBuilder) -> Result<(), NotAnItem> {
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            let (head, tail) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            self.end_line(head, marks)?;
            self.at = self.at.saturating_add(length(head)).saturating_add(1);
            self.line_start = self.at;
            rest = tail.get(1..).unwrap_or_default();
        }
        self.at = self.at.saturating_add(length(rest));
        if self.owns_line() {
            if MAX_LINE_BYTES < self.line.len().saturating_add(rest.len()) {
                return Err(self.not_an_item());
            }
            self.line.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Reads the last line, which may have no end; how many rows there were.
    pub(super) fn finish(mut self, marks: &mut MarkBuilder) -> Result<u64, NotAnItem> {
        self.end_line(&[], marks)?;
        Ok(self.n_rows)
    }

    /// Where the line begins that is not complete.
    pub(super) fn pending_from(&self) -> u64 {
        self.line_start
    }

    pub(super) fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Whether a line of the range has begun and is not complete.
    pub(super) fn wants_more(&self) -> bool {
        self.owns_line() && self.line_start < self.at
    }

    fn owns_line(&self) -> bool {
        self.own.contains(&self.line_start)
    }

    fn not_an_item(&self) -> NotAnItem {
        NotAnItem { line: self.n_ended.saturating_add(1), offset: self.line_start }
    }

    fn end_line(&mut self, head: &[u8], marks: &mut MarkBuilder) -> Result<(), NotAnItem> {
        if self.owns_line() {
            let mut line = std::mem::take(&mut self.line);
            if line.is_empty() {
                self.read(head, marks)?;
            } else {
                line.extend_from_slice(head);
                self.read(&line, marks)?;
            }
            line.clear();
            self.line = line;
        }
        self.n_ended = self.n_ended.saturating_add(1);
        Ok(())
    }

    fn read(&mut self, line: &[u8], marks: &mut MarkBuilder) -> Result<(), NotAnItem> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let read: ExportLine = serde_json::from_slice(line).map_err(|_| self.not_an_item())?;
        let mut marked = Ok(());
        walk(&read.item, &mut |bytes| {
            if marked.is_ok() {
                marked = mark_value(bytes, self.extractor, marks);
            }
        });
        marked.map_err(|Unreadable| self.not_an_item())?;
        self.n_rows = self.n_rows.saturating_add(1);
        Ok(())
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
