//! Finds tokens that are written in base64, with either of its alphabets (RFC 4648, sections 4 and 5). A token may begin
//! at each of the three bytes of a group, alone or in the middle of a longer text.

use std::ops::Range;

use memchr::memmem::Finder;

/// How many characters write three bytes.
const GROUP: usize = 4;
/// For each byte of a group: the character that holds its first bit, how many bits of that character come before it,
/// and the first character that holds no bit of an earlier byte.
const PLACES: [(usize, usize, usize); 3] = [(0, 0, 0), (1, 2, 2), (2, 4, 3)];
/// A needle that is shorter is met so often that looking for it saves nothing.
const MIN_NEEDLE: usize = 3;
/// The value of a byte that is in neither alphabet.
const NO_VALUE: u8 = u8::MAX;
/// The bits of a character.
const BITS: usize = 6;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES: [u8; 256] = values();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler only, which refuses an index or a sum out of bounds"
)]
const fn values() -> [u8; 256] {
    let mut values = [NO_VALUE; 256];
    let mut at = 0;
    while at < 64 {
        values[STANDARD[at] as usize] = at as u8;
        values[URL_SAFE[at] as usize] = at as u8;
        at += 1;
    }
    values
}

fn value_of(byte: u8) -> Option<u8> {
    VALUES.get(usize::from(byte)).copied().filter(|value| *value != NO_VALUE)
}

/// The most characters in which so many bytes can be written.
pub(super) fn encoded_len(n_bytes: usize) -> usize {
    let bits = n_bytes.saturating_mul(8).saturating_add(4);
    bits.div_ceil(BITS)
}

/// A token where it was decoded: its bytes from the first one on, and the characters that hold them.
pub(super) struct Decoded<'a> {
    /// The decoded bytes; they may go on behind the token.
    pub(super) bytes: &'a [u8],
    /// The first character.
    pub(super) start: usize,
    /// Where in that character's group the first byte stands.
    place: usize,
}

impl Decoded<'_> {
    /// The characters that hold the first `n_bytes`.
    pub(super) fn range(&self, n_bytes: usize) -> Range<usize> {
        let skipped = PLACES.get(self.place).map_or(0, |(_, bits, _)| *bits);
        let n_chars = n_bytes.saturating_mul(8).saturating_add(skipped).div_ceil(BITS);
        self.start..self.start.saturating_add(n_chars)
    }
}

/// Looks for what the prefix of a token makes of base64.
pub(super) struct PrefixFinder {
    needles: Vec<Needle>,
    /// The bytes of a token.
    length: usize,
}

struct Needle {
    finder: Finder<'static>,
    /// The byte of the group at which the token begins.
    place: usize,
    /// How many characters before the needle the token begins.
    lead: usize,
}

impl PrefixFinder {
    /// A finder for tokens of so many bytes; `None` when the prefix is too short to be told from other text.
    pub(super) fn new(prefix: &[u8], length: usize) -> Option<Self> {
        let mut needles = Vec::new();
        for (place, (first, _, whole)) in PLACES.iter().enumerate() {
            for alphabet in [STANDARD, URL_SAFE] {
                let needle = needle(prefix, place, alphabet);
                if needle.len() < MIN_NEEDLE {
                    return None;
                }
                let finder = Finder::new(&needle).into_owned();
                let is_new = |known: &Needle| known.place != place || known.finder.needle() != needle;
                if needles.iter().all(is_new) {
                    needles.push(Needle { finder, place, lead: whole.saturating_sub(*first) });
                }
            }
        }
        Some(Self { needles, length })
    }

    /// Shows what is decoded at every place in `starts` where a token may begin.
    pub(super) fn scan(&self, bytes: &[u8], starts: Range<usize>, see: &mut impl FnMut(&Decoded<'_>)) {
        for Needle { finder, place, lead } in &self.needles {
            let searched = starts.end.saturating_add(*lead).saturating_add(finder.needle().len());
            let Some(searched) = bytes.get(..searched.saturating_sub(1).min(bytes.len())) else { return };
            let mut from = starts.start.saturating_add(*lead);
            while let Some(at) = searched.get(from..).and_then(|rest| finder.find(rest)) {
                let hit = from.saturating_add(at);
                let start = hit.saturating_sub(*lead);
                if let Some(decoded) = decode(bytes, start, *place, self.length) {
                    see(&Decoded { bytes: &decoded, start, place: *place });
                }
                from = hit.saturating_add(1);
            }
        }
    }
}

/// The characters that the prefix alone decides when it begins at this byte of a group.
fn needle(prefix: &[u8], place: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let Some((first, skipped, whole)) = PLACES.get(place) else { return Vec::new() };
    let bit = |at: usize| {
        let byte = prefix.get(at.checked_div(8)?)?;
        let shift = 7_usize.saturating_sub(at.checked_rem(8)?);
        Some(byte.wrapping_shr(u32::try_from(shift).ok()?) & 1)
    };
    let mut needle = Vec::new();
    // The bit of the prefix with which the first whole character begins.
    let mut at = whole.saturating_sub(*first).saturating_mul(BITS).saturating_sub(*skipped);
    loop {
        let bits: Option<Vec<u8>> = (at..at.saturating_add(BITS)).map(bit).collect();
        let Some(bits) = bits else { return needle };
        let value = bits.iter().fold(0_u8, |value, bit| value.wrapping_shl(1) | bit);
        needle.extend(alphabet.get(usize::from(value)));
        at = at.saturating_add(BITS);
    }
}

/// Decodes so many bytes from one character on, of which the bits before the byte at `place` belong to earlier bytes.
fn decode(bytes: &[u8], start: usize, place: usize, n_bytes: usize) -> Option<Vec<u8>> {
    let whole = Decoded { bytes: &[], start, place }.range(n_bytes);
    let (_, skipped, _) = PLACES.get(place)?;
    let mut decoded = Vec::with_capacity(n_bytes);
    let (mut bits, mut n_bits) = (0_u32, 0_usize);
    for (at, byte) in bytes.get(whole)?.iter().enumerate() {
        bits = bits.wrapping_shl(6) | u32::from(value_of(*byte)?);
        n_bits = n_bits.saturating_add(if at == 0 { BITS.saturating_sub(*skipped) } else { BITS });
        if 8 <= n_bits {
            n_bits = n_bits.saturating_sub(8);
            decoded.push(low_byte(bits.wrapping_shr(u32::try_from(n_bits).ok()?)));
        }
    }
    decoded.truncate(n_bytes);
    Some(decoded)
}

fn low_byte(bits: u32) -> u8 {
    let [.., low] = bits.to_be_bytes();
    low
}

/// Decodes every stretch of base64 that may hold `n_bytes` and begins before the end of `starts`, once for each way in
/// which it may be cut into groups, and shows the decoded bytes with what says where each was written. For formats that
/// have no prefix to look for.
pub(super) fn scan_stretches(
    bytes: &[u8],
    starts: Range<usize>,
    n_bytes: Range<usize>,
    see: &mut impl FnMut(&Stretch),
) {
    let least = n_bytes.start.saturating_mul(8).div_ceil(BITS).max(1);
    let seen = starts.end.saturating_add(encoded_len(n_bytes.end)).min(bytes.len());
    let Some(bytes) = bytes.get(..seen) else { return };
    let mut from = starts.start;
    while from < starts.end {
        // What starts at `from` or up to `least` places after it covers the probed byte.
        let probe = from.saturating_add(least).saturating_sub(1);
        let Some(byte) = bytes.get(probe) else { return };
        if value_of(*byte).is_none() {
            from = probe.saturating_add(1);
            continue;
        }
        let is_part = |byte: &&u8| value_of(**byte).is_some();
        let n_before = bytes.get(from..probe).unwrap_or_default().iter().rev().take_while(is_part).count();
        let n_after = bytes.get(probe..).unwrap_or_default().iter().take_while(is_part).count();
        let run = probe.saturating_sub(n_before)..probe.saturating_add(n_after);
        if least <= run.len() {
            // The stretch may begin with each character of a group; no byte begins with the fourth.
            for (skipped, place) in [(0, 0), (0, 1), (0, 2), (1, 0)] {
                let run = run.start.saturating_add(skipped)..run.end;
                see(&Stretch::decode(bytes, run, place, starts.end));
            }
        }
        from = run.end.saturating_add(1);
    }
}

/// A decoded stretch.
pub(super) struct Stretch {
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// The character in which the first of them begins.
    start: usize,
    /// Where in that character's group it stands.
    place: usize,
    /// How many of the bytes begin before the end of the places that are tried.
    pub(super) n_starts: usize,
}

impl Stretch {
    fn decode(text: &[u8], run: Range<usize>, place: usize, starts_end: usize) -> Self {
        let skipped = PLACES.get(place).map_or(0, |(_, bits, _)| *bits);
        let n_bits = run.len().saturating_mul(BITS).saturating_sub(skipped);
        let bytes = decode(text, run.start, place, n_bits.checked_div(8).unwrap_or(0)).unwrap_or_default();
        let mut stretch = Self { n_starts: 0, start: run.start, place, bytes };
        stretch.n_starts = (0..stretch.bytes.len()).filter(|at| stretch.begin_of(*at).0 < starts_end).count();
        stretch
    }

    /// The character that holds the first bit of a byte, and where in that character's group the byte stands.
    fn begin_of(&self, byte: usize) -> (usize, usize) {
        let first_of = |place: usize| PLACES.get(place).map_or(0, |(first, ..)| *first);
        let nth = self.place.saturating_add(byte);
        let (group, place) = (nth.checked_div(3).unwrap_or(0), nth.checked_rem(3).unwrap_or(0));
        let at =
            group.saturating_mul(GROUP).saturating_add(first_of(place)).saturating_sub(first_of(self.place));
        (self.start.saturating_add(at), place)
    }

    /// The characters that hold some of the bytes.
    pub(super) fn range(&self, bytes: &Range<usize>) -> Range<usize> {
        let (start, place) = self.begin_of(bytes.start);
        Decoded { bytes: &[], start, place }.range(bytes.len())
    }
}
