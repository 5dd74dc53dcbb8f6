//! Hostile inputs for tests: arbitrary bytes, and good ones after careless or ill-meaning hands.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What is done to bytes.
#[derive(Clone, Debug)]
enum Injury {
    /// One bit is turned.
    Flip(Index, u8),
    /// A stretch is lost.
    Cut(Index, Index),
    /// Everything from here on is lost.
    Truncate(Index),
    /// A stretch stands twice.
    Duplicate(Index, Index),
    /// A stretch is overwritten.
    Overwrite(Index, Vec<u8>),
    /// A stretch of another good input stands in the middle.
    Splice(Index, Vec<u8>, Index, Index),
}

impl Injury {
    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Flip(at, bit) => {
                let at = at.index(bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Self::Cut(one, other) => drop(bytes.drain(stretch(bytes, one, other))),
            Self::Truncate(at) => bytes.truncate(at.index(bytes.len() + 1)),
            Self::Duplicate(one, other) => {
                let range = stretch(bytes, one, other);
                let copy = bytes[range.clone()].to_vec();
                drop(bytes.splice(range.end..range.end, copy));
            }
            Self::Overwrite(at, with) => {
                let at = at.index(bytes.len() + 1);
                let end = bytes.len().min(at + with.len());
                drop(bytes.splice(at..end, with));
            }
            Self::Splice(at, other, from, to) => {
                let at = at.index(bytes.len() + 1);
                let range = stretch(&other, from, to);
                drop(bytes.splice(at..at, other[range].to_vec()));
            }
        }
    }
}

fn stretch(bytes: &[u8], one: Index, other: Index) -> std::ops::Range<usize> {
    let (one, other) = (one.index(bytes.len() + 1), other.index(bytes.len() + 1));
    one.min(other)..one.max(other)
}

/// One of these good inputs, injured up to five times; now and then it is still good.
pub(crate) fn injured(good: &[&[u8]]) -> BoxedStrategy<Vec<u8>> {
    let good: Vec<Vec<u8>> = good.iter().map(|bytes| bytes.to_vec()).collect();
    let index = any::<Index>;
    let injury = prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, bit)| Injury::Flip(at, bit)),
        (index(), index()).prop_map(|(one, other)| Injury::Cut(one, other)),
        index().prop_map(Injury::Truncate),
        (index(), index()).prop_map(|(one, other)| Injury::Duplicate(one, other)),
        (index(), vec(any::<u8>(), 1..5)).prop_map(|(at, with)| Injury::Overwrite(at, with)),
        (index(), select(good.clone()), index(), index())
            .prop_map(|(at, other, from, to)| Injury::Splice(at, other, from, to)),
    ];
    (select(good), vec(injury, 1..6))
        .prop_map(|(mut bytes, injuries)| {
            for injury in injuries {
                injury.apply(&mut bytes);
            }
            bytes
        })
        .boxed()
}

/// The same for texts; what is not UTF-8 any more shows as the replacement character.
pub(crate) fn injured_text(good: &[&str]) -> BoxedStrategy<String> {
    let good: Vec<&[u8]> = good.iter().map(|text| text.as_bytes()).collect();
    injured(&good).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).boxed()
}

/// Any bytes, as text.
pub(crate) fn any_text() -> BoxedStrategy<String> {
    vec(any::<u8>(), 0..400).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).boxed()
}
