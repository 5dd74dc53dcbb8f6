//! Whether the read feed was alive. That nobody told of a read means that nobody read only where somebody would have
//! told: an hour counts when the tenant's canary was read in it, from the reader's end of the feed to this one, and as
//! much else as is usual at that hour. What cannot be counted on extends every idle window by its length.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lifecycle::Unread;
use crate::time::EpochSeconds;

/// The kind of a canary's row, which no config may name, so that no policy ever decides over one.
pub const CANARY_KIND: &str = "canary";

/// Hours of a day: how much is usual is asked of the same hour of earlier days, since nights are quiet.
const HOURS_A_DAY: i64 = 24;

/// How many earlier days the usual volume is the median of. Only proven ones: a feed that is dead for long must not
/// become what is usual.
const DAYS_OF_MEDIAN: usize = 14;

/// With fewer days than this there is no usual volume yet, and the canary alone proves the hour.
const FEWEST_DAYS: usize = 3;

/// The reads that a tenant told of in one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourOfReads {
    /// Tokens that were told to be read.
    pub n_reads: u64,
    /// Reads of its canaries, which stand for no use.
    pub n_canaries: u64,
}

/// Reads by hour, under the hour's first second.
pub type ReadsByHour = BTreeMap<EpochSeconds, HourOfReads>;

/// What a tenant's config says about its read feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedPolicy {
    /// Silence counts only where the feed is proven alive, with so much of the usual volume, in percent.
    Proven {
        /// See above.
        least_percent: u8,
    },
    /// Somebody vouches for the feed: silence is idleness.
    Trusted,
}

/// What is known of the reads of a tenant's tokens: which silence is idleness.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Silence {
    /// Nothing, so nothing is idle.
    #[default]
    Unknown,
    /// Somebody vouches for the feed: whatever nobody told of did not happen.
    Trusted,
    /// What the feed proves.
    Proven {
        /// The hours in which it was alive.
        feed: ReadFeed,
        /// In what steps more gets known.
        step: Duration,
    },
}

impl Silence {
    /// For how long, up to now, nobody is known to have read a token since a moment; `None` where nobody can know.
    pub fn since(&self, moment: EpochSeconds, now: EpochSeconds) -> Option<Unread> {
        match self {
            Self::Unknown => None,
            Self::Trusted => Some(Unread::by_clock(moment, now)),
            Self::Proven { feed, step } => {
                Some(Unread { proven_for: feed.proven_since(moment), step: *step })
            }
        }
    }
}

/// The hours in which the feed was proven alive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadFeed {
    /// Spans of proven hours, in order, neighbours joined.
    spans: Vec<(EpochSeconds, EpochSeconds)>,
}

impl ReadFeed {
    /// Judges every whole hour up to now. One that nothing was counted in is an hour without a canary.
    pub fn of(reads: &ReadsByHour, hour: Duration, least_percent: u8, now: EpochSeconds) -> Self {
        let mut feed = Self::default();
        let Some((first, _)) = reads.first_key_value() else { return feed };
        let mut usual: BTreeMap<i64, VecDeque<u64>> = BTreeMap::new();
        let length = i64::try_from(hour.as_secs()).unwrap_or(i64::MAX).max(1);
        let mut from = *first;
        loop {
            let to = EpochSeconds(from.0.saturating_add(length));
            if now < to {
                return feed;
            }
            let counted = reads.get(&from).copied().unwrap_or_default();
            let of_day = from.0.div_euclid(length).rem_euclid(HOURS_A_DAY);
            let earlier = usual.entry(of_day).or_default();
            if counted.proves(earlier, least_percent) {
                feed.add(from, to);
                earlier.push_back(counted.n_reads);
                if DAYS_OF_MEDIAN < earlier.len() {
                    earlier.pop_front();
                }
            }
            from = to;
        }
    }

    fn add(&mut self, from: EpochSeconds, to: EpochSeconds) {
        match self.spans.last_mut() {
            Some((_, end)) if *end == from => *end = to,
            Some(_) | None => self.spans.push((from, to)),
        }
    }

    /// For how long since a moment the feed was proven alive, its gaps left out.
    pub fn proven_since(&self, since: EpochSeconds) -> Duration {
        let lengths = self.spans.iter().rev().map_while(|(from, to)| {
            let length = to.0.saturating_sub((*from).max(since).0);
            u64::try_from(length).ok().filter(|length| 0 < *length)
        });
        Duration::from_secs(lengths.fold(0, u64::saturating_add))
    }

    /// Up to when the feed is proven; `None` before the first proven hour.
    pub fn proven_until(&self) -> Option<EpochSeconds> {
        self.spans.last().map(|(_, to)| *to)
    }
}

impl HourOfReads {
    fn proves(self, earlier: &VecDeque<u64>, least_percent: u8) -> bool {
        if self.n_canaries == 0 {
            return false;
        }
        let Some(median) = median_of(earlier) else { return true };
        median.saturating_mul(u64::from(least_percent)) <= self.n_reads.saturating_mul(100)
    }
}

fn median_of(counts: &VecDeque<u64>) -> Option<u64> {
    if counts.len() < FEWEST_DAYS {
        return None;
    }
    let mut sorted: Vec<u64> = counts.iter().copied().collect();
    sorted.sort_unstable();
    sorted.get(sorted.len().div_euclid(2)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const H: i64 = 3600;

    /// So many hours from the epoch on, each with a canary and so many reads.
    fn hours(n: i64, n_reads: u64) -> ReadsByHour {
        (0..n).map(|hour| (EpochSeconds(hour * H), HourOfReads { n_reads, n_canaries: 1 })).collect()
    }

    fn proven(reads: &ReadsByHour, hours: i64) -> Duration {
        ReadFeed::of(reads, HOUR, 50, EpochSeconds(hours * H)).proven_since(EpochSeconds(0))
    }

    #[test]
    fn nothing_counted_proves_nothing() {
        let feed = ReadFeed::of(&ReadsByHour::new(), HOUR, 50, EpochSeconds(1_000 * H));
        assert_eq!((feed.proven_since(EpochSeconds(0)), feed.proven_until()), (Duration::ZERO, None));
    }

    #[test]
    fn an_hour_is_proven_when_it_is_over() {
        let reads = hours(3, 0);
        let until = |now| ReadFeed::of(&reads, HOUR, 50, EpochSeconds(now)).proven_until();
        assert_eq!(until(3 * H - 1), Some(EpochSeconds(2 * H)));
        assert_eq!(until(3 * H), Some(EpochSeconds(3 * H)));
        // Nothing was counted afterwards.
        assert_eq!(until(9 * H), Some(EpochSeconds(3 * H)));
    }

    #[test]
    fn an_hour_without_a_canary_is_a_gap_of_its_length() {
        let mut reads = hours(10, 7);
        reads.get_mut(&EpochSeconds(4 * H)).unwrap().n_canaries = 0;
        reads.remove(&EpochSeconds(6 * H));
        assert_eq!(proven(&reads, 10), HOUR * 8);
        let feed = ReadFeed::of(&reads, HOUR, 50, EpochSeconds(10 * H));
        for (since, proven) in
            [(0, 8 * H), (4 * H, 4 * H), (4 * H + 1, 4 * H), (5 * H + 1, 4 * H - 1), (9 * H, H), (10 * H, 0)]
        {
            let proven = Duration::from_secs(u64::try_from(proven).unwrap());
            assert_eq!(feed.proven_since(EpochSeconds(since)), proven, "{since}");
        }
    }

    #[test]
    fn an_hour_below_half_of_what_is_usual_then_is_a_gap() {
        for (n_reads, is_proven) in [(50, true), (49, false), (0, false), (500, true)] {
            let mut reads = hours(24 * 5, 100);
            let hour = EpochSeconds((24 * 4 + 7) * H);
            reads.insert(hour, HourOfReads { n_reads, n_canaries: 1 });
            let expected = if is_proven { HOUR * 24 * 5 } else { HOUR * (24 * 5 - 1) };
            assert_eq!(proven(&reads, 24 * 5), expected, "{n_reads}");
        }
    }

    #[test]
    fn a_quiet_night_is_usual() {
        let mut reads = hours(24 * 10, 1_000);
        for (hour, counted) in &mut reads {
            if hour.0.div_euclid(H) % 24 < 6 {
                counted.n_reads = 3;
            }
        }
        assert_eq!(proven(&reads, 24 * 10), HOUR * 24 * 10);
    }

    #[test]
    fn a_feed_that_is_dead_for_long_does_not_become_usual() {
        let mut reads = hours(24 * 60, 100);
        for (hour, counted) in &mut reads {
            if 24 * 10 * H <= hour.0 {
                counted.n_reads = 0;
            }
        }
        assert_eq!(proven(&reads, 24 * 60), HOUR * 24 * 10);
    }
}
