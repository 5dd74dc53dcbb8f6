//! Finds tokens with a prefix: the prefix by vectorised search, then the characters after it sixteen at a time.

use std::ops::Range;

use memchr::memmem::Finder;

use crate::format::{Alphabet, Checksum, Pattern};

/// How many characters are compared at once.
const LANES: usize = 16;

pub(super) struct PatternMatcher {
    finder: Finder<'static>,
    prefix_len: usize,
    alphabet: Alphabet,
    length: usize,
    checksum: Option<Checksum>,
}

impl PatternMatcher {
    pub(super) fn new(pattern: &Pattern) -> Self {
        Self {
            finder: Finder::new(pattern.prefix().as_bytes()).into_owned(),
            prefix_len: pattern.prefix().len(),
            alphabet: pattern.alphabet(),
            length: pattern.length(),
            checksum: pattern.checksum(),
        }
    }

    /// The bytes of a token.
    pub(super) fn token_len(&self) -> usize {
        self.prefix_len.saturating_add(self.length)
    }

    /// Finds every token that starts in `starts`, also where prefixes overlap.
    pub(super) fn scan(
        &self,
        bytes: &[u8],
        starts: Range<usize>,
        found: &mut impl FnMut(&[u8], Range<usize>),
    ) {
        // A prefix may begin at the last start and end behind it, a token even later.
        let searched = starts.end.saturating_add(self.prefix_len).saturating_sub(1).min(bytes.len());
        let Some(searched) = bytes.get(..searched) else { return };
        let mut from = starts.start;
        while let Some(at) = searched.get(from..).and_then(|rest| self.finder.find(rest)) {
            let start = from.saturating_add(at);
            if let Some(token) = self.token_at(bytes, start) {
                found(token, start..start.saturating_add(token.len()));
            }
            from = start.saturating_add(1);
        }
    }

    /// The token at the start of these bytes, if they begin with one.
    pub(super) fn token_in<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        if bytes.starts_with(self.finder.needle()) { self.token_at(bytes, 0) } else { None }
    }

    /// The token at the start of a prefix, if what follows is one.
    fn token_at<'a>(&self, bytes: &'a [u8], start: usize) -> Option<&'a [u8]> {
        let end = start.checked_add(self.prefix_len)?.checked_add(self.length)?;
        let token = bytes.get(start..end)?;
        let body = token.get(self.prefix_len..)?;
        let is_token = all_in(body, self.alphabet)
            && self.checksum.is_none_or(|checksum| checksum.holds(self.alphabet, body));
        is_token.then_some(token)
    }
}

/// Whether every byte is of the alphabet. The last sixteen may overlap with those before them.
fn all_in(body: &[u8], alphabet: Alphabet) -> bool {
    let ranges = alphabet.ranges();
    let (blocks, rest) = body.as_chunks::<LANES>();
    if !blocks.iter().all(|block| block_in(block, ranges)) {
        return false;
    }
    if rest.is_empty() {
        return true;
    }
    match body.last_chunk::<LANES>() {
        Some(block) => block_in(block, ranges),
        None => rest.iter().all(|byte| alphabet.contains(*byte)),
    }
}

/// Written without branches so that the compiler makes vector instructions of it.
fn block_in(block: &[u8; LANES], ranges: &[(u8, u8)]) -> bool {
    let mut is_in = [0_u8; LANES];
    for (low, high) in ranges {
        let span = high.wrapping_sub(*low);
        for (lane, byte) in is_in.iter_mut().zip(block) {
            *lane |= u8::from(byte.wrapping_sub(*low) <= span);
        }
    }
    is_in.iter().fold(1, |all, lane| all & lane) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_foreign_byte_at_any_place_is_seen() {
        for alphabet in Alphabet::ALL {
            for length in 0..50 {
                let symbols = alphabet.symbols();
                let mut body: Vec<u8> = symbols.iter().copied().cycle().take(length).collect();
                assert!(all_in(&body, alphabet), "{alphabet:?} {length}");
                for at in 0..length {
                    let kept = body[at];
                    for byte in (0..=255_u8).filter(|byte| !symbols.contains(byte)) {
                        body[at] = byte;
                        assert!(!all_in(&body, alphabet), "{alphabet:?} {length} {at} {byte}");
                    }
                    body[at] = kept;
                }
            }
        }
    }
}
