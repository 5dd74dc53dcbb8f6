//! What a token looks like, so that one rule decides everywhere: in the config, in the vault and in a data store.

mod generated;

use std::fmt;

use thiserror::Error;

/// The longest prefix of a pattern, in characters.
pub const MAX_PREFIX: usize = 64;
/// The fewest and the most characters after the prefix of a pattern.
pub const LENGTH: std::ops::RangeInclusive<usize> = 4..=256;

/// The characters of a UUID without its dashes.
const UUID_DIGITS: usize = 32;
/// Where a UUID has its dashes.
const UUID_DASHES: [usize; 4] = [8, 13, 18, 23];
/// The characters of a UUID with its dashes.
const UUID_DASHED: usize = 36;

/// Why a format was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FormatError {
    /// Quotes and backslashes would be written differently in every kind of file.
    #[error("a prefix has 1 to 64 visible ASCII characters other than '\"' and '\\'")]
    Prefix,
    /// See [`LENGTH`].
    #[error("a length is 4 to 256 characters after the prefix")]
    Length,
}

/// The characters that a token is made of after its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// 0-9
    Digits,
    /// 0-9 a-f
    Hex,
    /// a-z 2-7
    Base32,
    /// 0-9 a-z
    Base36,
    /// Letters and digits without 0, O, I and l.
    Base58,
    /// 0-9 A-Z a-z
    Base62,
    /// A-Z a-z 0-9 - _
    Base64url,
}

impl Alphabet {
    /// Every alphabet.
    pub const ALL: [Self; 7] =
        [Self::Digits, Self::Hex, Self::Base32, Self::Base36, Self::Base58, Self::Base62, Self::Base64url];

    /// The characters in the order that gives each its value in a check sum.
    pub const fn symbols(self) -> &'static [u8] {
        match self {
            Self::Digits => b"0123456789",
            Self::Hex => b"0123456789abcdef",
            Self::Base32 => b"abcdefghijklmnopqrstuvwxyz234567",
            Self::Base36 => b"0123456789abcdefghijklmnopqrstuvwxyz",
            Self::Base58 => b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
            Self::Base62 => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            Self::Base64url => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        }
    }

    /// The same characters as ranges, both ends included, which is what a vector unit can compare.
    pub(crate) fn ranges(self) -> &'static [(u8, u8)] {
        match self {
            Self::Digits => &[(b'0', b'9')],
            Self::Hex => &[(b'0', b'9'), (b'a', b'f')],
            Self::Base32 => &[(b'a', b'z'), (b'2', b'7')],
            Self::Base36 => &[(b'0', b'9'), (b'a', b'z')],
            Self::Base58 => {
                &[(b'1', b'9'), (b'A', b'H'), (b'J', b'N'), (b'P', b'Z'), (b'a', b'k'), (b'm', b'z')]
            }
            Self::Base62 => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
            Self::Base64url => &[(b'A', b'Z'), (b'a', b'z'), (b'0', b'9'), (b'-', b'-'), (b'_', b'_')],
        }
    }

    /// Whether a byte is one of the characters.
    pub fn contains(self, byte: u8) -> bool {
        value_in(self.values(), byte).is_some()
    }

    /// The check character that makes `body` followed by it pass Luhn mod N; `None` if `body` has other characters.
    pub fn luhn_check(self, body: &[u8]) -> Option<u8> {
        let n = self.symbols().len();
        let sum = luhn_sum(self, body, true)?;
        let check = n.checked_sub(sum.checked_rem(n)?)?.checked_rem(n)?;
        self.symbols().get(check).copied()
    }

    /// What each byte counts for in a check sum: its place among the symbols, or [`NO_VALUE`].
    fn values(self) -> &'static [u8; 256] {
        match self {
            Self::Digits => const { &values_of(Self::Digits.symbols()) },
            Self::Hex => const { &values_of(Self::Hex.symbols()) },
            Self::Base32 => const { &values_of(Self::Base32.symbols()) },
            Self::Base36 => const { &values_of(Self::Base36.symbols()) },
            Self::Base58 => const { &values_of(Self::Base58.symbols()) },
            Self::Base62 => const { &values_of(Self::Base62.symbols()) },
            Self::Base64url => const { &values_of(Self::Base64url.symbols()) },
        }
    }
}

fn value_in(values: &[u8; 256], byte: u8) -> Option<usize> {
    values.get(usize::from(byte)).filter(|value| **value != NO_VALUE).map(|value| usize::from(*value))
}

/// What the table of values has for bytes outside the alphabet.
const NO_VALUE: u8 = u8::MAX;

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler only, which refuses an index or a sum out of bounds"
)]
const fn values_of(symbols: &[u8]) -> [u8; 256] {
    let mut table = [NO_VALUE; 256];
    let mut value = 0;
    while value < symbols.len() {
        table[symbols[value] as usize] = value as u8;
        value += 1;
    }
    table
}

/// How a pattern's last character is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Luhn mod N over the alphabet in its stated order; the last character is the check character.
    Luhn,
}

impl Checksum {
    /// Whether a body, its check character included, passes.
    pub(crate) fn holds(self, alphabet: Alphabet, body: &[u8]) -> bool {
        match self {
            Self::Luhn => luhn_sum(alphabet, body, false)
                .and_then(|sum| sum.checked_rem(alphabet.symbols().len()))
                .is_some_and(|rest| rest == 0),
        }
    }
}

/// The Luhn sum from the right, where every second value is doubled and the digits of the result are added up.
fn luhn_sum(alphabet: Alphabet, body: &[u8], mut doubled: bool) -> Option<usize> {
    let n = alphabet.symbols().len();
    let values = alphabet.values();
    let mut sum = 0_usize;
    for byte in body.iter().rev() {
        let value = value_in(values, *byte)?;
        let value = if doubled { value.checked_mul(2)? } else { value };
        // Twice a value is below 2 n, so its digits are 1 and what is left, or only itself.
        let digits = if value < n { value } else { value.checked_sub(n)?.checked_add(1)? };
        sum = sum.checked_add(digits)?;
        doubled = !doubled;
    }
    Some(sum)
}

/// Prefix, then a stated number of characters of one alphabet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    prefix: String,
    alphabet: Alphabet,
    length: usize,
    checksum: Option<Checksum>,
}

impl Pattern {
    /// Checks and takes a pattern; `length` counts the characters after the prefix, check character included.
    pub fn new(
        prefix: impl Into<String>,
        alphabet: Alphabet,
        length: usize,
        checksum: Option<Checksum>,
    ) -> Result<Self, FormatError> {
        let prefix = prefix.into();
        let good = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if prefix.is_empty() || prefix.len() > MAX_PREFIX || !prefix.bytes().all(good) {
            return Err(FormatError::Prefix);
        }
        if !LENGTH.contains(&length) {
            return Err(FormatError::Length);
        }
        Ok(Self { prefix, alphabet, length, checksum })
    }

    /// What every token of the pattern begins with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What follows the prefix.
    pub fn alphabet(&self) -> Alphabet {
        self.alphabet
    }

    /// How many characters follow the prefix.
    pub fn length(&self) -> usize {
        self.length
    }

    /// How the last character is checked.
    pub fn checksum(&self) -> Option<Checksum> {
        self.checksum
    }

    fn matches(&self, id: &[u8]) -> bool {
        id.strip_prefix(self.prefix.as_bytes()).is_some_and(|body| {
            body.len() == self.length
                && body.iter().all(|byte| self.alphabet.contains(*byte))
                && self.checksum.is_none_or(|checksum| checksum.holds(self.alphabet, body))
        })
    }
}

/// What tokens of one kind look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenFormat {
    /// Prefix, alphabet, length, perhaps a check character.
    Pattern(Pattern),
    /// A UUID in any case, with its four dashes or without any.
    Uuid,
}

impl TokenFormat {
    /// The pattern with these parts.
    pub fn pattern(
        prefix: impl Into<String>,
        alphabet: Alphabet,
        length: usize,
        checksum: Option<Checksum>,
    ) -> Result<Self, FormatError> {
        Pattern::new(prefix, alphabet, length, checksum).map(Self::Pattern)
    }

    /// The most bytes that a token of this format spans where it is written without escapes.
    pub fn max_len(&self) -> usize {
        match self {
            Self::Pattern(pattern) => pattern.prefix.len().saturating_add(pattern.length),
            Self::Uuid => UUID_DASHED,
        }
    }

    /// The one form of an id that is hashed; `None` when the id is not of this format.
    pub fn canonical(&self, id: &str) -> Option<Canonical> {
        match self {
            Self::Pattern(pattern) => {
                pattern.matches(id.as_bytes()).then(|| Canonical(id.as_bytes().to_vec()))
            }
            Self::Uuid => canonical_uuid(id.as_bytes()).map(|digits| Canonical(digits.to_vec())),
        }
    }

    /// Whether one text could begin with a token of both formats. Check characters are left out of account: they
    /// make such a text rarer and not impossible.
    pub fn overlaps(&self, other: &Self) -> bool {
        let shapes = other.shapes();
        self.shapes().iter().any(|mine| shapes.iter().any(|theirs| may_agree(mine, theirs)))
    }

    /// For every way to write a token, the set of bytes that each place may hold.
    fn shapes(&self) -> Vec<Vec<ByteSet>> {
        let hex = ByteSet::of(b"0123456789abcdefABCDEF");
        match self {
            Self::Pattern(pattern) => {
                let prefix = pattern.prefix.bytes().map(|byte| ByteSet::of(&[byte]));
                let body = std::iter::repeat_n(ByteSet::of(pattern.alphabet.symbols()), pattern.length);
                vec![prefix.chain(body).collect()]
            }
            Self::Uuid => {
                let place = |at| if UUID_DASHES.contains(&at) { ByteSet::of(b"-") } else { hex };
                vec![vec![hex; UUID_DIGITS], (0..UUID_DASHED).map(place).collect()]
            }
        }
    }
}

/// A set of ASCII characters, one bit each.
#[derive(Clone, Copy)]
struct ByteSet(u128);

impl ByteSet {
    fn of(bytes: &[u8]) -> Self {
        let bit = |byte: &u8| 1_u128.checked_shl(u32::from(*byte)).unwrap_or(0);
        Self(bytes.iter().map(bit).fold(0, |set, bit| set | bit))
    }
}

fn may_agree(mine: &[ByteSet], theirs: &[ByteSet]) -> bool {
    mine.iter().zip(theirs).all(|(mine, theirs)| mine.0 & theirs.0 != 0)
}

/// The 32 lower-case digits of a UUID in either form.
fn canonical_uuid(id: &[u8]) -> Option<[u8; UUID_DIGITS]> {
    match id.len() {
        UUID_DIGITS => uuid_digits(id),
        UUID_DASHED => dashed_uuid_digits(id),
        _ => None,
    }
}

/// The lower-case digits of 32 characters, `None` unless each is a hexadecimal digit.
pub(crate) fn uuid_digits(plain: &[u8]) -> Option<[u8; UUID_DIGITS]> {
    let mut digits: [u8; UUID_DIGITS] = plain.try_into().ok()?;
    digits.make_ascii_lowercase();
    digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)
}

/// The lower-case digits of 36 characters, `None` unless they are a UUID with its dashes.
pub(crate) fn dashed_uuid_digits(dashed: &[u8]) -> Option<[u8; UUID_DIGITS]> {
    let whole: &[u8; UUID_DASHED] = dashed.try_into().ok()?;
    let mut digits = [0; UUID_DIGITS];
    let mut places = digits.iter_mut();
    for (at, byte) in whole.iter().enumerate() {
        if UUID_DASHES.contains(&at) {
            if *byte != b'-' {
                return None;
            }
        } else {
            *places.next()? = *byte;
        }
    }
    uuid_digits(&digits)
}

/// A token id in the one form that is hashed. It is a secret: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Canonical(Vec<u8>);

impl Canonical {
    /// The secret itself, for hashing only.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canonical(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> TokenFormat {
        TokenFormat::pattern("tok_", Alphabet::Base36, 8, None).unwrap()
    }

    #[test]
    fn a_prefix_and_a_length_have_two_sides() {
        for (prefix, good) in [
            ("", false),
            ("t", true),
            (&"p".repeat(64), true),
            (&"p".repeat(65), false),
            ("a b", false),
            ("a\"", false),
            ("a\\", false),
            ("tök_", false),
        ] {
            assert_eq!(Pattern::new(prefix, Alphabet::Hex, 8, None).is_ok(), good, "{prefix:?}");
        }
        for (length, good) in [(0, false), (3, false), (4, true), (256, true), (257, false)] {
            assert_eq!(Pattern::new("p", Alphabet::Hex, length, None).is_ok(), good, "{length}");
        }
    }

    #[test]
    fn symbols_and_ranges_are_the_same_set() {
        for alphabet in Alphabet::ALL {
            for byte in 0..=255_u8 {
                assert_eq!(
                    alphabet.contains(byte),
                    alphabet.symbols().contains(&byte),
                    "{alphabet:?} {byte}"
                );
            }
        }
    }

    #[test]
    fn a_pattern_takes_exactly_its_own() {
        let shown = |id| card().canonical(id).map(|found| found.as_bytes().to_vec());
        assert_eq!(shown("tok_abc12345"), Some(b"tok_abc12345".to_vec()));
        for other in
            ["", "tok_", "tok_abc1234", "tok_abc123456", "tok_ABC12345", "Tok_abc12345", "xtok_abc12345"]
        {
            assert_eq!(shown(other), None, "{other}");
        }
    }

    #[test]
    fn every_way_to_write_a_uuid_has_one_canonical_form() {
        let expected = b"0123456789abcdef0123456789abcdef".to_vec();
        for id in [
            "01234567-89ab-cdef-0123-456789abcdef",
            "01234567-89AB-CDEF-0123-456789ABCDEF",
            "0123456789abcdef0123456789abcdef",
            "0123456789ABCDEF0123456789aBcDeF",
        ] {
            let canonical = TokenFormat::Uuid.canonical(id).unwrap();
            assert_eq!(canonical.as_bytes(), expected, "{id}");
        }
        for other in [
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdeg",
            "012345678-9ab-cdef-0123-456789abcdef",
            "01234567-89ab-cdef-0123456789abcdef",
        ] {
            assert_eq!(TokenFormat::Uuid.canonical(other), None, "{other}");
        }
    }

    #[test]
    fn luhn_mod_ten_is_the_one_of_cards() {
        assert_eq!(Alphabet::Digits.luhn_check(b"7992739871"), Some(b'3'));
        let card = TokenFormat::pattern("c", Alphabet::Digits, 11, Some(Checksum::Luhn)).unwrap();
        assert!(card.canonical("c79927398713").is_some());
        assert!(card.canonical("c79927398714").is_none());
    }

    #[test]
    fn one_wrong_character_breaks_every_check_sum() {
        for alphabet in Alphabet::ALL {
            let symbols = alphabet.symbols();
            let mut id: Vec<u8> = symbols.iter().copied().cycle().skip(5).step_by(3).take(11).collect();
            id.push(alphabet.luhn_check(&id).unwrap());
            assert!(Checksum::Luhn.holds(alphabet, &id), "{alphabet:?}");
            for at in 0..id.len() {
                for symbol in symbols.iter().filter(|symbol| **symbol != id[at]) {
                    let mut wrong = id.clone();
                    wrong[at] = *symbol;
                    assert!(!Checksum::Luhn.holds(alphabet, &wrong), "{alphabet:?} {at}");
                }
            }
        }
    }

    #[test]
    fn a_check_character_needs_a_body_of_the_alphabet() {
        assert_eq!(Alphabet::Hex.luhn_check(b"xyz"), None);
    }

    #[test]
    fn formats_overlap_when_one_text_can_begin_with_both() {
        let pattern =
            |prefix: &str, alphabet, length| TokenFormat::pattern(prefix, alphabet, length, None).unwrap();
        let cases = [
            (card(), card(), true),
            (card(), pattern("tok_a", Alphabet::Hex, 20), true),
            (card(), pattern("tok_A", Alphabet::Hex, 20), false),
            (card(), pattern("key_", Alphabet::Base36, 8), false),
            (pattern("a", Alphabet::Hex, 40), TokenFormat::Uuid, true),
            (pattern("a", Alphabet::Base32, 40), TokenFormat::Uuid, true),
            (pattern("tok_", Alphabet::Hex, 40), TokenFormat::Uuid, false),
            (pattern("ab", Alphabet::Base64url, 40), TokenFormat::Uuid, true),
            (TokenFormat::Uuid, TokenFormat::Uuid, true),
        ];
        for (one, other, expected) in cases {
            assert_eq!(one.overlaps(&other), expected, "{one:?} {other:?}");
            assert_eq!(other.overlaps(&one), expected, "{other:?} {one:?}");
        }
    }

    #[test]
    fn a_canonical_id_never_shows_itself() {
        assert_eq!(format!("{:?}", card().canonical("tok_abc12345").unwrap()), "Canonical(secret)");
    }
}
