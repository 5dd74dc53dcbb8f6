//! Tokens that stores hold and the vault does not have: references that nothing answers any more.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Mark, MarkHash};

/// How many different strangers of a shard are told apart. It bounds memory; a shard with more of them has a fault that
/// no exact count would explain better.
pub const MAX_STRANGERS: usize = 1 << 16;

/// References in stores that no row of the vault answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dangling {
    /// To how many different tokens.
    pub n_tokens: u64,
    /// Whether there are more than that: see [`MAX_STRANGERS`].
    pub is_cut: bool,
}

impl Dangling {
    /// The counts of two shards, which share no token.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { n_tokens: self.n_tokens.saturating_add(other.n_tokens), is_cut: self.is_cut || other.is_cut }
    }
}

/// Counts the strangers among a shard's marks, each once however many units hold it. Its memory is that of the rows which
/// answered other parts of the shard, and of [`MAX_STRANGERS`]: it does not grow with the units.
pub struct Strangers {
    /// Found in other parts of the shard, so no strangers; ascending.
    answered: Vec<MarkHash>,
    seen: BTreeSet<MarkHash>,
    is_cut: bool,
}

impl Strangers {
    /// None yet, where these are answered by rows of other parts.
    pub fn new(mut answered: Vec<MarkHash>) -> Self {
        answered.sort_unstable();
        Self { answered, seen: BTreeSet::new(), is_cut: false }
    }

    /// Notes a mark that no row of this part answers.
    pub fn note(&mut self, mark: Mark) {
        if self.is_cut || self.answered.binary_search(&mark.hash).is_ok() {
            return;
        }
        if self.seen.len() < MAX_STRANGERS || self.seen.contains(&mark.hash) {
            self.seen.insert(mark.hash);
        } else {
            self.is_cut = true;
        }
    }

    /// What there is.
    pub fn dangling(&self) -> Dangling {
        Dangling { n_tokens: u64::try_from(self.seen.len()).unwrap_or(u64::MAX), is_cut: self.is_cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(hash: u64) -> Mark {
        Mark { hash: MarkHash(hash), count: 1 }
    }

    #[test]
    fn a_stranger_counts_once_and_what_is_answered_does_not() {
        let mut strangers = Strangers::new(vec![MarkHash(9), MarkHash(2)]);
        assert_eq!(strangers.dangling(), Dangling::default());
        for hash in [1, 2, 9, 1, 5] {
            strangers.note(mark(hash));
        }
        assert_eq!(strangers.dangling(), Dangling { n_tokens: 2, is_cut: false });
    }

    #[test]
    fn more_than_the_most_are_told_as_more() {
        let mut strangers = Strangers::new(Vec::new());
        for hash in 0..MAX_STRANGERS as u64 {
            strangers.note(mark(hash));
        }
        strangers.note(mark(0));
        assert_eq!(strangers.dangling(), Dangling { n_tokens: 1 << 16, is_cut: false });
        strangers.note(mark(u64::MAX));
        assert_eq!(strangers.dangling(), Dangling { n_tokens: 1 << 16, is_cut: true });
    }
}
