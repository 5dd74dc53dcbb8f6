//! Undoes the escapes of JSON and of URLs and remembers where each byte was written, because ranges of an object own raw bytes.

use std::ops::Range;

use memchr::memchr;

/// Stands for a character that no token can hold.
const FOREIGN: u8 = 0xff;
/// The characters of `\uXXXX` before its last: how far before a byte an escape that covers it can begin.
const REACH: usize = 5;

/// The bytes of the longest way to write a character with an escape, `\uXXXX`.
pub const ESCAPE_LEN: usize = 6;

/// A way to write a character as several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// `\n`, `\u005f` and the like (RFC 8259, section 7).
    Json,
    /// `%5F` (RFC 3986, section 2.1).
    Url,
}

impl Escapes {
    /// What every escape begins with.
    fn mark(self) -> u8 {
        match self {
            Self::Json => b'\\',
            Self::Url => b'%',
        }
    }

    /// Whether there may be escapes in a text.
    pub(super) fn are_in(self, bytes: &[u8]) -> bool {
        memchr(self.mark(), bytes).is_some()
    }

    fn read(self, escape: &[u8]) -> Escape {
        match self {
            Self::Json => read_escape(escape),
            Self::Url => read_percent(escape),
        }
    }
}

/// Text whose every byte knows its raw place.
#[derive(Default)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    /// Which of the bytes are written with an escape, in order.
    escaped: Vec<usize>,
    /// From which byte on the raw place is which, and from there on one more per byte.
    breaks: Vec<(usize, u64)>,
}

impl Text {
    /// Adds bytes that are written at `at` as they are.
    pub(super) fn append(&mut self, bytes: &[u8], at: u64) {
        if bytes.is_empty() {
            return;
        }
        if self.breaks.is_empty() || self.raw_place(self.bytes.len()) != at {
            self.breaks.push((self.bytes.len(), at));
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds a byte that is written with an escape at `at`.
    fn append_escaped(&mut self, byte: u8, at: u64) {
        self.escaped.push(self.bytes.len());
        self.append(&[byte], at);
    }

    /// Whether one of these bytes is written with an escape.
    pub(super) fn is_escaped(&self, range: &Range<usize>) -> bool {
        let first = self.escaped.partition_point(|at| *at < range.start);
        self.escaped.get(first).is_some_and(|at| *at < range.end)
    }

    /// Whether any byte is.
    pub(super) fn has_escapes(&self) -> bool {
        !self.escaped.is_empty()
    }

    /// Where a byte is written.
    pub(super) fn raw_place(&self, index: usize) -> u64 {
        let after = self.breaks.partition_point(|(from, _)| *from <= index);
        let found = after.checked_sub(1).and_then(|at| self.breaks.get(at));
        found.map_or(0, |(from, raw)| raw.saturating_add(length(index.saturating_sub(*from))))
    }

    /// Forgets the first `n` bytes.
    pub(super) fn forget(&mut self, n: usize) {
        if n == 0 {
            return;
        }
        if n >= self.bytes.len() {
            self.bytes.clear();
            self.escaped.clear();
            self.breaks.clear();
            return;
        }
        let first = (0, self.raw_place(n));
        let later = self.breaks.iter().filter(|(from, _)| *from > n);
        let later = later.map(|(from, raw)| (from.saturating_sub(n), *raw));
        self.breaks = std::iter::once(first).chain(later).collect();
        self.escaped.retain(|at| n <= *at);
        self.escaped.iter_mut().for_each(|at| *at = at.saturating_sub(n));
        self.bytes.drain(..n);
    }
}

/// Undoes the escapes of `raw`, which is written at `at`, into `text`, and says how many bytes are done with: an
/// escape that is cut off at the end waits for the bytes that follow.
pub(super) fn unescape(escapes: Escapes, raw: &[u8], at: u64, text: &mut Text) -> usize {
    let mut done = 0_usize;
    while let Some(rest) = raw.get(done..).filter(|rest| !rest.is_empty()) {
        let place = at.saturating_add(length(done));
        let plain = memchr(escapes.mark(), rest).unwrap_or(rest.len());
        text.append(rest.get(..plain).unwrap_or_default(), place);
        done = done.saturating_add(plain);
        let Some(escape) = rest.get(plain..).filter(|escape| !escape.is_empty()) else { break };
        let place = place.saturating_add(length(plain));
        let n_done = match escapes.read(escape) {
            Escape::Means(byte, n_bytes) => {
                text.append_escaped(byte, place);
                n_bytes
            }
            Escape::Cut => break,
            Escape::Invalid => {
                text.append(&[escapes.mark()], place);
                1
            }
        };
        done = done.saturating_add(n_done);
    }
    done
}

enum Escape {
    /// This byte, written in so many.
    Means(u8, usize),
    /// The bytes end too early to tell.
    Cut,
    /// None after all: its first character stands for itself.
    Invalid,
}

fn read_escape(escape: &[u8]) -> Escape {
    match escape.get(1) {
        None => Escape::Cut,
        Some(b'u') => read_code(escape),
        Some(b'n') => Escape::Means(b'\n', 2),
        Some(b'r') => Escape::Means(b'\r', 2),
        Some(b't') => Escape::Means(b'\t', 2),
        Some(b'b') => Escape::Means(0x08, 2),
        Some(b'f') => Escape::Means(0x0c, 2),
        Some(itself @ (b'"' | b'\\' | b'/')) => Escape::Means(*itself, 2),
        Some(_) => Escape::Invalid,
    }
}

fn read_percent(escape: &[u8]) -> Escape {
    let mut code = 0_u32;
    for at in 1..3 {
        let Some(byte) = escape.get(at) else { return Escape::Cut };
        let Some(digit) = char::from(*byte).to_digit(16) else { return Escape::Invalid };
        code = code.wrapping_shl(4) | digit;
    }
    Escape::Means(u8::try_from(code).unwrap_or(FOREIGN), 3)
}

fn read_code(escape: &[u8]) -> Escape {
    let mut code = 0_u32;
    for at in 2..6 {
        let Some(byte) = escape.get(at) else { return Escape::Cut };
        let Some(digit) = char::from(*byte).to_digit(16) else { return Escape::Invalid };
        code = code.wrapping_shl(4) | digit;
    }
    let byte = u8::try_from(code).ok().filter(u8::is_ascii).unwrap_or(FOREIGN);
    Escape::Means(byte, 6)
}

/// How many bytes before a place reading must begin so that escapes are read as from the start of the file, given
/// the bytes `before` that place. `None`: they are all backslashes as far as can be seen, so more are needed, unless
/// they begin the file.
///
/// A stretch of backslashes always begins an escape: the byte before it is none, and an escape that began earlier
/// cannot hold a backslash behind its second byte.
pub fn escape_start(before: &[u8]) -> Option<usize> {
    let reach = before.len().saturating_sub(REACH);
    let near = before.get(reach..).unwrap_or_default();
    let Some(slash) = memchr(b'\\', near) else { return Some(0) };
    let up_to = before.get(..reach.saturating_add(slash)).unwrap_or_default();
    let other = up_to.iter().rposition(|byte| *byte != b'\\')?;
    Some(before.len().saturating_sub(other).saturating_sub(1))
}

pub(super) fn length(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(raw: &[u8]) -> (Vec<u8>, usize) {
        let mut text = Text::default();
        let done = unescape(Escapes::Json, raw, 0, &mut text);
        (text.bytes, done)
    }

    #[test]
    fn text_without_escapes_stays_as_it_is() {
        assert_eq!(plain(b"no escapes"), (b"no escapes".to_vec(), 10));
    }

    #[test]
    fn every_escape_means_its_character() {
        assert_eq!(plain(br#"\"\\\/\b\f\n\r\t"#).0, b"\"\\/\x08\x0c\n\r\t");
        assert_eq!(plain(br"tok\u005fa\u005Fb").0, b"tok_a_b");
        assert_eq!(plain(br"\u00e9\ud83d\ude00").0, [FOREIGN; 3]);
    }

    #[test]
    fn what_json_does_not_know_stands_for_itself() {
        assert_eq!(plain(br"\x \u12g4 \u\n").0, b"\\x \\u12g4 \\u\n");
    }

    #[test]
    fn percents_are_undone_and_others_stand_for_themselves() {
        let mut text = Text::default();
        let done = unescape(Escapes::Url, b"tok%5fa%5Fb 50% %zz %4", 0, &mut text);
        assert_eq!((text.bytes.as_slice(), done), (&b"tok_a_b 50% %zz "[..], 20));
        assert!(text.is_escaped(&(0..4)) && text.is_escaped(&(3..4)) && !text.is_escaped(&(0..3)));
    }

    #[test]
    fn a_cut_escape_waits() {
        for cut in [r"ab\", r"ab\u", r"ab\u0", r"ab\u005"] {
            assert_eq!(plain(cut.as_bytes()), (b"ab".to_vec(), 2), "{cut}");
        }
    }

    #[test]
    fn every_byte_knows_where_it_was_written() {
        let mut text = Text::default();
        unescape(Escapes::Json, br"ab\u005fcd\/e", 100, &mut text);
        let places: Vec<u64> = (0..text.bytes.len()).map(|at| text.raw_place(at)).collect();
        assert_eq!(places, [100, 101, 102, 108, 109, 110, 112]);
        text.forget(3);
        let places: Vec<u64> = (0..text.bytes.len()).map(|at| text.raw_place(at)).collect();
        assert_eq!((text.bytes.as_slice(), places), (&b"cd/e"[..], vec![108, 109, 110, 112]));
    }

    #[test]
    fn reading_begins_where_an_escape_may_begin() {
        for (before, expected) in [
            ("", Some(0)),
            ("abcdef", Some(0)),
            (r"ab\n", Some(2)),
            (r"x\u005", Some(5)),
            (r"x\u005f", Some(0)),
            (r"x\\\\", Some(4)),
            (r"x\\\\abcde", Some(0)),
            (r"x\\\\abcd", Some(8)),
            (r"\\\\", None),
        ] {
            assert_eq!(escape_start(before.as_bytes()), expected, "{before}");
        }
    }

    proptest! {
        /// Read from the start or from where `escape_start` says: the same bytes at the same places.
        #[test]
        fn reading_from_an_escape_start_agrees_with_reading_from_the_start(
            raw in r#"[\\\\u05fn"xa]{0,40}"#,
            at in 0_usize..40,
        ) {
            let raw = raw.as_bytes();
            let at = at.min(raw.len());
            let back = escape_start(&raw[..at]).unwrap_or(at);
            let from = at - back;
            let mut whole = Text::default();
            unescape(Escapes::Json, raw, 0, &mut whole);
            let mut part = Text::default();
            unescape(Escapes::Json, &raw[from..], from as u64, &mut part);
            let list = |text: &Text| -> Vec<(u8, u64)> {
                let placed = text.bytes.iter().enumerate().map(|(i, byte)| (*byte, text.raw_place(i)));
                placed.filter(|(_, place)| at as u64 <= *place).collect()
            };
            prop_assert_eq!(list(&whole), list(&part));
        }
    }
}
