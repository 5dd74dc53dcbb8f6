//! Brings the marks of all units together, and with the rows of the vault.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::vec;

use super::{Mark, MarkHash};

/// Merges ascending sections into one ascending run; counts of the same token add up.
pub fn merge(sections: Vec<Vec<Mark>>) -> Merge {
    let mut sections: Vec<_> = sections.into_iter().map(|marks| marks.into_iter().peekable()).collect();
    let firsts = sections.iter_mut().enumerate();
    let heads = firsts.filter_map(|(at, marks)| marks.peek().map(|mark| Reverse((mark.hash, at)))).collect();
    Merge { sections, heads }
}

/// See [`merge`].
pub struct Merge {
    sections: Vec<Peekable<vec::IntoIter<Mark>>>,
    /// The next hash of each section that has one.
    heads: BinaryHeap<Reverse<(MarkHash, usize)>>,
}

impl Merge {
    /// The next mark of the section that has the smallest one.
    fn pop(&mut self) -> Option<Mark> {
        let Reverse((_, at)) = self.heads.pop()?;
        let section = self.sections.get_mut(at)?;
        let mark = section.next();
        if let Some(next) = section.peek() {
            self.heads.push(Reverse((next.hash, at)));
        }
        mark
    }
}

impl Iterator for Merge {
    type Item = Mark;

    fn next(&mut self) -> Option<Mark> {
        let mut mark = self.pop()?;
        while self.heads.peek().is_some_and(|Reverse((hash, _))| *hash == mark.hash) {
            let same = self.pop()?;
            mark.count = mark.count.saturating_add(same.count);
        }
        Some(mark)
    }
}

/// Counts the references to a set of tokens: their hashes on one side, any number of sections, one after another, on
/// the other. It takes the memory of the tokens and of one section, however many units there are.
pub struct Tally {
    /// Ascending, each once.
    hashes: Vec<u64>,
    counts: Vec<u64>,
    /// Where the hashes with the same leading bits begin. Hashes are spread evenly, so there are about two of each.
    starts: Vec<u32>,
    shift: u32,
}

impl Tally {
    /// A tally of these tokens, all with a count of 0.
    pub fn new(hashes: impl IntoIterator<Item = MarkHash>) -> Self {
        let mut hashes: Vec<u64> = hashes.into_iter().map(|hash| hash.0).collect();
        hashes.sort_unstable();
        hashes.dedup();
        let n_groups = hashes.len().div_ceil(2).next_power_of_two().max(2);
        let shift = u64::BITS.saturating_sub(n_groups.trailing_zeros());
        let mut starts = Vec::with_capacity(n_groups.saturating_add(1));
        let mut at = 0_usize;
        for group in 0..=n_groups {
            let is_before = |hash: &u64| group_of(*hash, shift) < group;
            while hashes.get(at).is_some_and(is_before) {
                at = at.saturating_add(1);
            }
            starts.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        Self { counts: vec![0; hashes.len()], hashes, starts, shift }
    }

    /// Adds the marks of a section; tokens that are not of the set are left out.
    pub fn add(&mut self, marks: &[Mark]) {
        self.add_and_tell(marks, &mut |_| {});
    }

    /// Adds the marks of a section, and tells of those whose tokens are not of the set.
    pub fn add_and_tell(&mut self, marks: &[Mark], on_stranger: &mut impl FnMut(Mark)) {
        for mark in marks {
            match self.place_of(mark.hash).and_then(|at| self.counts.get_mut(at)) {
                Some(count) => *count = count.saturating_add(mark.count),
                None => on_stranger(*mark),
            }
        }
    }

    /// How often a token was found; `None` = it is not of the set.
    pub fn count_of(&self, hash: MarkHash) -> Option<u64> {
        self.place_of(hash).and_then(|at| self.counts.get(at)).copied()
    }

    /// Every token of the set that was found, ascending.
    pub fn into_marks(self) -> Vec<Mark> {
        let found = self.hashes.into_iter().zip(self.counts).filter(|(_, count)| 0 < *count);
        found.map(|(hash, count)| Mark { hash: MarkHash(hash), count }).collect()
    }

    fn place_of(&self, hash: MarkHash) -> Option<usize> {
        let group = group_of(hash.0, self.shift);
        let start = usize::try_from(*self.starts.get(group)?).ok()?;
        let end = usize::try_from(*self.starts.get(group.checked_add(1)?)?).ok()?;
        let at = self.hashes.get(start..end)?.iter().position(|known| *known == hash.0)?;
        start.checked_add(at)
    }
}

fn group_of(hash: u64, shift: u32) -> usize {
    usize::try_from(hash.wrapping_shr(shift)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marks(of: &[(u64, u64)]) -> Vec<Mark> {
        of.iter().map(|(hash, count)| Mark { hash: MarkHash(*hash), count: *count }).collect()
    }

    #[test]
    fn nothing_merges_to_nothing() {
        assert_eq!(merge(vec![]).count(), 0);
        assert_eq!(merge(vec![vec![], vec![]]).count(), 0);
    }

    #[test]
    fn counts_of_the_same_token_add_up_and_stay_at_the_end() {
        let sections = vec![marks(&[(1, 1), (5, u64::MAX)]), marks(&[(5, 2), (9, 3)]), marks(&[(1, 4)])];
        assert_eq!(merge(sections).collect::<Vec<_>>(), marks(&[(1, 5), (5, u64::MAX), (9, 3)]));
    }

    #[test]
    fn a_tally_knows_what_it_was_asked_for_and_nothing_else() {
        let mut tally = Tally::new([7, 7, 3, u64::MAX, 0].map(MarkHash));
        tally.add(&marks(&[(0, 1), (4, 9), (7, 2)]));
        tally.add(&marks(&[(7, 5), (u64::MAX, 1)]));
        let counts = [0, 3, 4, 7, u64::MAX].map(|hash| tally.count_of(MarkHash(hash)));
        assert_eq!(counts, [Some(1), Some(0), None, Some(7), Some(1)]);
        assert_eq!(tally.into_marks(), marks(&[(0, 1), (7, 7), (u64::MAX, 1)]));
    }

    #[test]
    fn a_tally_of_nothing_counts_nothing() {
        let mut tally = Tally::new([]);
        tally.add(&marks(&[(0, 1), (u64::MAX, 1)]));
        assert_eq!(tally.count_of(MarkHash(0)), None);
        assert_eq!(tally.into_marks(), vec![]);
    }

    /// Small numbers collide, large ones fill every group.
    fn hashes() -> impl Strategy<Value = u64> {
        prop_oneof![0_u64..20, any::<u64>(), (u64::MAX - 5)..=u64::MAX]
    }

    fn sections() -> impl Strategy<Value = Vec<Vec<Mark>>> {
        let section = prop::collection::btree_map(hashes(), 1_u64..100, 0..30);
        let section = section.prop_map(|marks| {
            marks.into_iter().map(|(hash, count)| Mark { hash: MarkHash(hash), count }).collect()
        });
        prop::collection::vec(section, 0..6)
    }

    proptest! {
        #[test]
        fn merge_and_tally_agree_with_a_map(
            sections in sections(),
            asked in prop::collection::vec(hashes(), 0..40),
        ) {
            let mut expected = std::collections::BTreeMap::new();
            for mark in sections.iter().flatten() {
                *expected.entry(mark.hash).or_insert(0) += mark.count;
            }
            let merged: Vec<_> = merge(sections.clone()).map(|mark| (mark.hash, mark.count)).collect();
            prop_assert_eq!(&merged, &expected.iter().map(|(hash, count)| (*hash, *count)).collect::<Vec<_>>());
            let mut tally = Tally::new(asked.iter().copied().map(MarkHash));
            for section in &sections {
                tally.add(section);
            }
            for hash in asked.into_iter().map(MarkHash) {
                prop_assert_eq!(tally.count_of(hash), Some(expected.get(&hash).copied().unwrap_or(0)));
            }
        }
    }
}
