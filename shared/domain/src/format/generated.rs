//! Well-formed ids of a format, made from a seed: for canaries, which must look to every scan like the tenant's own
//! tokens.

use sha2::{Digest, Sha256};

use super::{Alphabet, Pattern, TokenFormat, UUID_DASHES, UUID_DIGITS};

/// Where a UUID says that its other digits are random, and how.
const UUID_VERSION: (usize, u8) = (12, b'4');
/// Where a UUID names its layout.
const UUID_VARIANT: (usize, u8) = (16, b'a');

impl TokenFormat {
    /// The id of this format that a seed makes: the same seed, the same id. It is spread evenly over all ids, so that
    /// nobody without the seed can guess it.
    pub fn id_of(&self, seed: &[u8; 32]) -> String {
        match self {
            Self::Pattern(pattern) => pattern.id_of(seed),
            Self::Uuid => uuid_of(seed),
        }
    }

    /// How many ids the format has; of more than a `u128` holds, that.
    pub fn n_ids(&self) -> u128 {
        let (alphabet, length) = match self {
            Self::Pattern(pattern) => (pattern.alphabet, pattern.free_length()),
            Self::Uuid => (Alphabet::Hex, UUID_DIGITS),
        };
        let n_symbols = u128::try_from(alphabet.symbols().len()).unwrap_or(1);
        n_symbols.saturating_pow(u32::try_from(length).unwrap_or(u32::MAX))
    }
}

impl Pattern {
    fn id_of(&self, seed: &[u8; 32]) -> String {
        let mut body = symbols_of(self.alphabet, self.free_length(), seed);
        if self.checksum.is_some() {
            body.extend(self.alphabet.luhn_check(&body));
        }
        self.prefix.chars().chain(body.into_iter().map(char::from)).collect()
    }

    /// How many characters after the prefix are free: the check character follows from the others.
    fn free_length(&self) -> usize {
        self.length.saturating_sub(usize::from(self.checksum.is_some()))
    }
}

fn uuid_of(seed: &[u8; 32]) -> String {
    let mut digits = symbols_of(Alphabet::Hex, UUID_DIGITS, seed);
    for (at, digit) in [UUID_VERSION, UUID_VARIANT] {
        if let Some(place) = digits.get_mut(at) {
            *place = digit;
        }
    }
    for at in UUID_DASHES {
        digits.insert(at.min(digits.len()), b'-');
    }
    digits.into_iter().map(char::from).collect()
}

/// Characters of an alphabet, each as likely as any other.
fn symbols_of(alphabet: Alphabet, length: usize, seed: &[u8; 32]) -> Vec<u8> {
    let symbols = alphabet.symbols();
    // Bytes past the last whole multiple of the alphabet would make its first characters likelier.
    let n_uneven = 256_usize.checked_rem(symbols.len()).unwrap_or(0);
    let n_even = 256_usize.saturating_sub(n_uneven);
    let even = stream_of(seed).map(usize::from).filter(|byte| *byte < n_even);
    even.filter_map(|byte| symbols.get(byte.checked_rem(symbols.len())?).copied()).take(length).collect()
}

/// As many bytes as anybody wants, all from one seed.
fn stream_of(seed: &[u8; 32]) -> impl Iterator<Item = u8> {
    (0_u32..).flat_map(move |block| {
        let digest: [u8; 32] =
            Sha256::new().chain_update(seed).chain_update(block.to_be_bytes()).finalize().into();
        digest
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::{Checksum, LENGTH};
    use super::*;
    use crate::extract::Extractor;
    use crate::source::Encodings;

    fn formats() -> impl Strategy<Value = TokenFormat> {
        let pattern = (
            "[!#-\\[\\]-~]{1,64}",
            prop::sample::select(Alphabet::ALL.to_vec()),
            LENGTH,
            prop::option::of(Just(Checksum::Luhn)),
        );
        let pattern = pattern.prop_map(|(prefix, alphabet, length, checksum)| {
            TokenFormat::pattern(prefix, alphabet, length, checksum).unwrap()
        });
        prop_oneof![4 => pattern, 1 => Just(TokenFormat::Uuid)]
    }

    #[test]
    fn a_seed_makes_one_id_and_another_seed_another() {
        for format in [
            TokenFormat::Uuid,
            TokenFormat::pattern("tok_", Alphabet::Base36, 24, Some(Checksum::Luhn)).unwrap(),
        ] {
            assert_eq!(format.id_of(&[7; 32]), format.id_of(&[7; 32]));
            let ids: BTreeSet<String> = (0..=255).map(|byte| format.id_of(&[byte; 32])).collect();
            assert_eq!(ids.len(), 256);
        }
    }

    #[test]
    fn a_small_format_has_every_id_it_can_have() {
        let format = TokenFormat::pattern("t", Alphabet::Digits, 4, Some(Checksum::Luhn)).unwrap();
        assert_eq!(format.n_ids(), 1000);
        let seed = |n: u32| {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&n.to_be_bytes());
            seed
        };
        let ids: BTreeSet<String> = (0..20_000).map(|n| format.id_of(&seed(n))).collect();
        assert_eq!(ids.len(), 1000);
        assert_eq!(TokenFormat::Uuid.n_ids(), u128::MAX);
    }

    proptest! {
        #[test]
        fn every_id_is_found_by_a_scan_and_is_of_its_format(format in formats(), seed: [u8; 32]) {
            let id = format.id_of(&seed);
            let canonical = format.canonical(&id).unwrap();
            prop_assert!(id.len() <= format.max_len());
            let text = format!("{{\"note\":\"paid with {id}, thanks\"}}");
            let mut found = Vec::new();
            Extractor::new(std::slice::from_ref(&format), &Encodings::none())
                .scan(text.as_bytes(), &mut |token| found.push(token.canonical.to_vec()));
            prop_assert!(found.iter().any(|found| found == canonical.as_bytes()));
        }
    }
}
