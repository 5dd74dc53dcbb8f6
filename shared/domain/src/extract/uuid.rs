//! Finds UUIDs, which have no prefix to search for. Either form is at least 32 characters of `0-9 a-f A-F -`, so of
//! every 32 bytes only one must be looked at until it is one of those.

use std::ops::Range;

use memchr::memchr;

use crate::format::{dashed_uuid_digits, uuid_digits};

/// The characters without dashes, which is the shorter form.
pub(super) const DIGITS: usize = 32;
/// The characters with dashes.
pub(super) const DASHED: usize = 36;
/// How many digits stand before the first dash.
const FIRST_GROUP: usize = 8;

/// Finds every UUID that starts in `starts`: with dashes, and each window of 32 digits.
pub(super) fn scan(bytes: &[u8], starts: Range<usize>, found: &mut impl FnMut(&[u8], Range<usize>)) {
    // Nothing behind the last token that may start here is looked at, however long a stretch of digits is.
    let seen = starts.end.saturating_add(DASHED).min(bytes.len());
    let Some(bytes) = bytes.get(..seen) else { return };
    let mut from = starts.start;
    while from < starts.end {
        // Every token that starts at `from` or at one of the 31 places after it covers the probed byte.
        let probe = from.saturating_add(DIGITS).saturating_sub(1);
        let Some(byte) = bytes.get(probe) else { return };
        if !may_be_part(*byte) {
            from = probe.saturating_add(1);
            continue;
        }
        let run = run_around(bytes, from, probe);
        let end = run.end;
        scan_run(bytes, run.start..end.min(starts.end), end, found);
        from = end.saturating_add(1);
    }
}

fn may_be_part(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b'-'
}

/// The longest stretch of UUID characters with `probe` in it that does not begin before `from`.
fn run_around(bytes: &[u8], from: usize, probe: usize) -> Range<usize> {
    let before = bytes.get(from..probe).unwrap_or_default();
    let after = bytes.get(probe..).unwrap_or_default();
    let n_before = before.iter().rev().take_while(|byte| may_be_part(**byte)).count();
    let n_after = after.iter().take_while(|byte| may_be_part(**byte)).count();
    probe.saturating_sub(n_before)..probe.saturating_add(n_after)
}

/// Tries every start in a stretch of UUID characters that ends at `run_end`.
fn scan_run(bytes: &[u8], starts: Range<usize>, run_end: usize, found: &mut impl FnMut(&[u8], Range<usize>)) {
    let mut dash = starts.start;
    for start in starts {
        if run_end.saturating_sub(start) < DIGITS {
            return;
        }
        if dash <= start {
            dash = next_dash(bytes, start, run_end);
        }
        let n_digits = dash.saturating_sub(start);
        let (length, digits) = if n_digits >= DIGITS {
            (DIGITS, window(bytes, start, DIGITS).and_then(uuid_digits))
        } else if n_digits == FIRST_GROUP {
            (DASHED, window(bytes, start, DASHED).and_then(dashed_uuid_digits))
        } else {
            continue;
        };
        if let Some(digits) = digits {
            found(&digits, start..start.saturating_add(length));
        }
    }
}

/// Where the next dash is at or after `start`; the end of the stretch if there is none.
fn next_dash(bytes: &[u8], start: usize, run_end: usize) -> usize {
    let rest = bytes.get(start..run_end).unwrap_or_default();
    memchr(b'-', rest).map_or(run_end, |at| start.saturating_add(at))
}

fn window(bytes: &[u8], start: usize, length: usize) -> Option<&[u8]> {
    bytes.get(start..start.checked_add(length)?)
}
