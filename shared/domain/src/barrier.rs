//! The barrier before a seal: a reference that moves while its sources are read must not slip between two reads. Every
//! source is looked at again, and what is different is read in a further round, until a round meets nothing that was
//! removed or changed before it could be read.

use std::collections::BTreeMap;

use crate::source::UnitStats;

/// The most rounds after the first. A store that changes faster than this cannot be judged.
pub const MAX_ROUNDS: u32 = 5;

/// What follows from a round of reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoundEnd {
    /// The sources are looked at again, and what is different is read.
    Again,
    /// Everything that the last look showed was read as it was shown.
    Settled,
    /// Nothing can follow from the run; this is why.
    Void(String),
}

/// Judges a round, of which 0 reads everything. `met` is what its units met in each source, `weak` are the sources in
/// which a look cannot find what changed.
pub fn judge_round(round: u32, met: &BTreeMap<String, UnitStats>, weak: &[&str]) -> RoundEnd {
    let unsettled = met.iter().find(|(_, stats)| 0 < stats.n_gone || 0 < stats.n_changed);
    let Some((source, stats)) = unsettled else {
        return if round == 0 { RoundEnd::Again } else { RoundEnd::Settled };
    };
    // Guard: what an object held may have moved to where no further look can find it.
    if !weak.is_empty() {
        return RoundEnd::Void(moved_unseen(source, stats, &weak.join(", ")));
    }
    if MAX_ROUNDS <= round {
        return RoundEnd::Void(too_fast(source, stats));
    }
    RoundEnd::Again
}

fn moved_unseen(source: &str, stats: &UnitStats, weak: &str) -> String {
    format!(
        "source {source}: {} objects were removed and {} changed before they could be read, and what they held may have \
         moved unseen into {weak}, where a scan cannot tell what changed; the run is tried again by itself, and with \
         `changed_at` in the config of {weak} this cannot happen",
        stats.n_gone, stats.n_changed
    )
}

fn too_fast(source: &str, stats: &UnitStats) -> String {
    format!(
        "source {source} changes faster than it can be read: after {MAX_ROUNDS} further looks {} objects still were \
         removed and {} changed before they could be read; the run is tried again by itself, and if that does not help, \
         let what rewrites the objects rest meanwhile, or register only the prefixes that hold finished objects",
        stats.n_gone, stats.n_changed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(n_gone: u64, n_changed: u64) -> BTreeMap<String, UnitStats> {
        let calm = UnitStats { n_objects: 9, ..UnitStats::default() };
        BTreeMap::from([
            ("archive".to_owned(), calm),
            ("lake".to_owned(), UnitStats { n_changed, n_gone, ..calm }),
        ])
    }

    #[test]
    fn the_first_round_is_always_followed_by_a_second_look() {
        assert_eq!(judge_round(0, &BTreeMap::new(), &[]), RoundEnd::Again);
        assert_eq!(judge_round(0, &met(0, 0), &["orders"]), RoundEnd::Again);
        assert_eq!(judge_round(0, &met(3, 1), &[]), RoundEnd::Again);
    }

    #[test]
    fn a_round_settles_when_nothing_was_gone_or_changed() {
        assert_eq!(judge_round(1, &BTreeMap::new(), &[]), RoundEnd::Settled);
        assert_eq!(judge_round(MAX_ROUNDS, &met(0, 0), &["orders"]), RoundEnd::Settled);
        assert_eq!(judge_round(1, &met(1, 0), &[]), RoundEnd::Again);
        assert_eq!(judge_round(1, &met(0, 1), &[]), RoundEnd::Again);
    }

    #[test]
    fn a_store_that_never_settles_is_given_up_after_the_last_round() {
        assert_eq!(judge_round(MAX_ROUNDS - 1, &met(1, 0), &[]), RoundEnd::Again);
        let RoundEnd::Void(why) = judge_round(MAX_ROUNDS, &met(2, 1), &[]) else { panic!("not void") };
        assert!(why.starts_with("source lake changes faster than it can be read: "), "{why}");
    }

    #[test]
    fn what_vanished_beside_a_weak_source_proves_nothing() {
        for (n_gone, n_changed) in [(1, 0), (0, 1)] {
            let end = judge_round(0, &met(n_gone, n_changed), &["orders", "users"]);
            let RoundEnd::Void(why) = end else { panic!("{end:?}") };
            assert!(why.contains("moved unseen into orders, users"), "{why}");
        }
    }
}
