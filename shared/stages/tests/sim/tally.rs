//! What happened over many seeds: a simulation in which something never happens is blind to it.

use std::collections::BTreeMap;
use std::fmt;

/// Counts of one seed, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub n_turns: u64,
    pub n_lost: u64,
    pub n_late: u64,
    pub n_doubled: u64,
    /// Anything else, by name.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        self.n_turns += other.n_turns;
        self.n_lost += other.n_lost;
        self.n_late += other.n_late;
        self.n_doubled += other.n_doubled;
        for (what, n) in &other.counts {
            *self.counts.entry(what).or_default() += n;
        }
    }

    /// What never happened of what must.
    pub fn missing(&self, must: &[&'static str]) -> Vec<&'static str> {
        must.iter().copied().filter(|what| !self.counts.contains_key(what)).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n_turns, n_lost, n_late, n_doubled, counts } = self;
        write!(f, "{n_turns} calls; messages: {n_lost} lost, {n_late} late, {n_doubled} doubled")?;
        counts.iter().try_for_each(|(what, n)| write!(f, "; {what} {n}"))
    }
}
