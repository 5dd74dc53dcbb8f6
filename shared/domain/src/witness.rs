//! Witnesses: tokens that somebody read a short time ago are known to be alive, so a good scan must find them. The share
//! that it found is its recall, the one figure that tells a scan that looked in the wrong place, or in the wrong
//! format, from a vault that is really unused.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::marks::Dangling;
use crate::policy::KindPolicy;
use crate::row::{Phase, VaultRow};
use crate::time::EpochSeconds;

/// The standard normal quantile of 95 %.
const Z: f64 = 1.644_853_626_951_472_2;

/// A hundred percent in millionths.
const WHOLE: u32 = 1_000_000;

/// Whether a row of a scanned kind is a witness for a run whose scan began then: in service, read within the window, and
/// not younger than the grace, since a token that was just issued may not be in a store yet.
///
/// The row knows its last read only, so one that was read again while the scan ran is a witness too.
pub fn is_witness(
    row: &VaultRow,
    kind: &KindPolicy,
    scan_started_at: EpochSeconds,
    window: Duration,
) -> bool {
    row.phase() == Phase::Active
        && row.expires_at.is_none_or(|end| scan_started_at < end)
        && row.created_at.to_seconds() < scan_started_at.minus(kind.grace)
        && row.last_read_at.is_some_and(|read| scan_started_at.minus(window) <= read)
}

/// The witnesses of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witnesses {
    /// How many there were.
    pub n_witnesses: u64,
    /// How many of them a store holds.
    pub n_found: u64,
}

impl Witnesses {
    /// Counts one witness.
    pub fn count(&mut self, is_found: bool) {
        self.n_witnesses = self.n_witnesses.saturating_add(1);
        self.n_found = self.n_found.saturating_add(u64::from(is_found));
    }

    /// Whether there were none, so that nothing is measured.
    pub fn is_none(self) -> bool {
        self.n_witnesses == 0
    }

    /// How many are known to be alive and are in no store: a store that nobody registered holds them.
    pub fn n_elsewhere(self) -> u64 {
        self.n_witnesses.saturating_sub(self.n_found)
    }

    /// The recall; `None` without witnesses.
    pub fn recall(self) -> Option<Share> {
        Share::of(self.n_found, self.n_witnesses)
    }

    /// The recall's lower bound at 95 % confidence, one-sided: the true share is below it once in twenty times.
    ///
    /// The Wilson score interval, which holds also for a share near 1 and for few witnesses, where the usual
    /// approximation does not: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    /// Journal of the American Statistical Association 22 (1927), 209–212; its merits against others: L. D. Brown,
    /// T. T. Cai, A. `DasGupta`, "Interval Estimation for a Binomial Proportion", Statistical Science 16 (2001), 101–133.
    pub fn lower_bound(self) -> Option<Share> {
        self.wilson(-Z)
    }

    /// Its upper bound, by the same score: the true share is above it once in twenty times.
    pub fn upper_bound(self) -> Option<Share> {
        self.wilson(Z)
    }

    /// The bound that lies so many standard deviations off.
    fn wilson(self, z: f64) -> Option<Share> {
        if self.is_none() {
            return None;
        }
        let n = count_of(self.n_witnesses);
        let share = count_of(self.n_found.min(self.n_witnesses)) / n;
        let (z2, middle) = (z * z, share + z * z / (2.0 * n));
        let spread = z * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
        Some(Share::from_fraction((middle + spread) / (1.0 + z2 / n)))
    }

    #[must_use]
    fn plus(self, other: Self) -> Self {
        Self {
            n_witnesses: self.n_witnesses.saturating_add(other.n_witnesses),
            n_found: self.n_found.saturating_add(other.n_found),
        }
    }
}

/// A count as a number to calculate with; a tenant has fewer tokens than a `u32` holds.
fn count_of(n: u64) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// A share in millionths, so that two of them are compared without a rounding error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(u32);

impl Share {
    /// `n` of `of`, rounded down; `None` of nothing.
    pub fn of(n: u64, of: u64) -> Option<Self> {
        let millionths =
            u128::from(n.min(of)).saturating_mul(u128::from(WHOLE)).checked_div(u128::from(of))?;
        u32::try_from(millionths).ok().map(Self)
    }

    /// So many percentage points less; nothing is less than none.
    #[must_use]
    pub fn minus_points(self, points: u8) -> Self {
        Self(self.0.saturating_sub(u32::from(points).saturating_mul(WHOLE / 100)))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the fraction is brought between 0 and 1 first, and rounded down"
    )]
    fn from_fraction(fraction: f64) -> Self {
        Self((fraction.clamp(0.0, 1.0) * f64::from(WHOLE)) as u32)
    }

    /// The middle one of some shares, or the mean of the two middle ones; `None` of none.
    pub fn median(shares: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut shares: Vec<Self> = shares.into_iter().collect();
        shares.sort_unstable();
        let upper = shares.get(shares.len() / 2)?;
        let lower = shares.get(shares.len().saturating_sub(1) / 2)?;
        // Two of them fit into a `u32`: each is at most a million.
        Some(Self(lower.0.saturating_add(upper.0) / 2))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = self.0 / (WHOLE / 10_000);
        write!(f, "{}.{:02} %", hundredths / 100, hundredths % 100)
    }
}

/// What a plan measured about the scan behind it. It decides over no token; the rails read it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measured {
    /// The witnesses of each kind that has active tokens.
    pub witnesses: BTreeMap<String, Witnesses>,
    /// The references that no row answers.
    pub dangling: Dangling,
}

impl Measured {
    /// Notes an active token of a kind, which may be a witness.
    pub fn note_active(&mut self, kind: &str, is_witness: bool, is_found: bool) {
        if !self.witnesses.contains_key(kind) {
            self.witnesses.insert(kind.to_owned(), Witnesses::default());
        }
        if let Some(witnesses) = self.witnesses.get_mut(kind).filter(|_| is_witness) {
            witnesses.count(is_found);
        }
    }

    /// Whether nothing was measured, because there was nothing to measure.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The counts of both.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        for (kind, theirs) in &other.witnesses {
            let ours = self.witnesses.entry(kind.clone()).or_default();
            *ours = ours.plus(*theirs);
        }
        self.dangling = self.dangling.plus(other.dangling);
        self
    }

    /// How many tokens are known to be alive and are in no store.
    pub fn n_elsewhere(&self) -> u64 {
        self.witnesses.values().fold(0, |sum, kind| sum.saturating_add(kind.n_elsewhere()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;
    use crate::row::StoredRow;

    const SCAN: EpochSeconds = EpochSeconds(1_800_000_000);
    const DAY: i64 = 86_400;
    const WINDOW: Duration = Duration::from_hours(7 * 24);

    fn kind() -> KindPolicy {
        let text = "version = 1\n[formats.card]\ntype = \"uuid\"\n[kinds.vault]\nformat = \"card\"\ngrace = \"48h\"\n\
                    [tenants.acme]\nshards = 1\nkinds = [\"vault\"]\n\
                    [tenants.acme.sources.lake]\ntype = \"s3\"\nbucket = \"acme-lake\"\nformat = \"jsonl\"\n";
        Config::parse(text).unwrap().kinds["vault"].clone()
    }

    /// An active token, created and read so many seconds before the scan began.
    fn stored(created: i64, read: Option<i64>) -> StoredRow {
        StoredRow {
            pk: "acme#0000".into(),
            sk: "tok_a".into(),
            kind: "vault".into(),
            state: "active".into(),
            is_valid: true,
            created_at: (SCAN.0 - created) * 1000,
            last_read_at: read.map(|read| SCAN.0 - read),
            ..StoredRow::default()
        }
    }

    fn is(row: StoredRow) -> bool {
        is_witness(&VaultRow::try_from(row).unwrap(), &kind(), SCAN, WINDOW)
    }

    #[test]
    fn a_token_that_was_never_read_is_no_witness() {
        assert!(!is(stored(100 * DAY, None)));
    }

    #[test]
    fn the_last_read_lies_within_the_window() {
        for (read, expected) in [(-60, true), (0, true), (7 * DAY, true), (7 * DAY + 1, false)] {
            assert_eq!(is(stored(100 * DAY, Some(read))), expected, "{read}");
        }
    }

    #[test]
    fn a_token_younger_than_the_grace_is_no_witness() {
        for (created, expected) in [(2 * DAY - 1, false), (2 * DAY, false), (2 * DAY + 1, true)] {
            assert_eq!(is(stored(created, Some(60))), expected, "{created}");
        }
    }

    #[test]
    fn a_token_that_has_ended_is_no_witness() {
        for (ends, expected) in [(0, false), (1, true)] {
            let row = StoredRow { expires_at: Some(SCAN.0 + ends), ..stored(100 * DAY, Some(60)) };
            assert_eq!(is(row), expected, "{ends}");
        }
        let cooling = StoredRow {
            state: "cooling".into(),
            is_valid: false,
            reason: Some("unreferenced".into()),
            cooling_since: Some(SCAN.0 - DAY),
            ..stored(100 * DAY, Some(60))
        };
        assert!(!is(cooling));
    }

    fn witnesses(n_found: u64, n_witnesses: u64) -> Witnesses {
        Witnesses { n_witnesses, n_found }
    }

    #[test]
    fn recall_is_the_share_that_was_found() {
        assert_eq!(witnesses(0, 0).recall(), None);
        assert_eq!(witnesses(0, 0).lower_bound(), None);
        assert_eq!(witnesses(299, 300).recall().unwrap().to_string(), "99.66 %");
        assert_eq!(witnesses(300, 300).recall().unwrap().to_string(), "100.00 %");
        assert_eq!(witnesses(297, 300).n_elsewhere(), 3);
    }

    /// Against figures worked out by another program from the formula in the paper.
    #[test]
    fn the_lower_bound_is_wilsons() {
        for (n_found, n, expected) in [
            (300, 300, "99.10 %"),
            (10, 10, "78.70 %"),
            (5, 10, "26.92 %"),
            (0, 10, "0.00 %"),
            (95, 100, "90.08 %"),
        ] {
            assert_eq!(
                witnesses(n_found, n).lower_bound().unwrap().to_string(),
                expected,
                "{n_found} of {n}"
            );
        }
    }

    #[test]
    fn the_median_is_the_middle_one() {
        let share = |n| Share::of(n, 100).unwrap();
        assert_eq!(Share::median([]), None);
        assert_eq!(Share::median([share(90)]), Some(share(90)));
        assert_eq!(Share::median([share(100), share(50), share(90)]), Some(share(90)));
        assert_eq!(Share::median([share(100), share(90)]), Some(share(95)));
    }

    #[test]
    fn a_kind_without_witnesses_is_measured_as_none() {
        let mut measured = Measured::default();
        measured.note_active("vault", false, false);
        measured.note_active("card", true, true);
        measured.note_active("card", true, false);
        let sum = measured.clone().plus(&measured);
        assert_eq!(sum.witnesses["vault"], witnesses(0, 0));
        assert_eq!(sum.witnesses["card"], witnesses(2, 4));
        assert_eq!(sum.n_elsewhere(), 2);
    }

    proptest! {
        #[test]
        fn the_lower_bound_is_below_the_recall_and_grows_with_what_is_found(n in 1_u64..100_000, found in 0_u64..100_000) {
            let found = found.min(n);
            let of = |found| witnesses(found, n);
            prop_assert!(of(found).lower_bound() <= of(found).recall());
            prop_assert!(of(found.saturating_sub(1)).lower_bound() <= of(found).lower_bound());
        }
    }
}
