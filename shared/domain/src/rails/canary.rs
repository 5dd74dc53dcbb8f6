//! Live canaries: a token that the tenant keeps in a store on our behalf must be seen in that very store.

use super::Finding;
use crate::canary::Canary;
use crate::config::RecallRails;
use crate::run::Run;

/// A canary and those of its formats whose token a run did not see in its source.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The canary.
    pub canary: Canary,
    /// Formats, as the config named them when it was planted.
    pub unseen: Vec<String>,
}

/// Judges what a run saw of the canaries of its sources.
pub(super) fn judge(run: &Run, sources: &[&str], watched: &[Watched], rails: &RecallRails) -> Vec<Finding> {
    let of_source = |source: &str| watched.iter().find(|one| one.canary.source == source);
    let findings = sources.iter().map(|source| match of_source(source) {
        None => Some(Finding::Note(format!(
            "source {source} has no canary: nothing proves that it is read as it should be; plant one with `lethe canary \
             plant {} {source}`",
            run.tenant
        ))),
        Some(one) => unseen(run, one, rails),
    });
    findings.flatten().collect()
}

fn unseen(run: &Run, one: &Watched, rails: &RecallRails) -> Option<Finding> {
    if one.unseen.is_empty() {
        return None;
    }
    let Canary { source, planted_at, planted_by, .. } = &one.canary;
    let formats = one.unseen.join(", ");
    // The tenant needs time to put it where it belongs, and its exports need time to show it.
    if run.scan_started_at < planted_at.plus(rails.canary_grace) {
        return Some(Finding::Note(format!(
            "the canary of source {source} (format {formats}), planted at {planted_at}, was not seen yet; from {} on a \
             run that does not see it is void",
            planted_at.plus(rails.canary_grace)
        )));
    }
    Some(Finding::Void(format!(
        "the canary of source {source} (format {formats}) was not seen there; {planted_by} planted it at {planted_at}. \
         Either nobody has put it into the store, or that store is not read as it should be: usually it was emptied, moved \
         or replaced, or writes its tokens in another format or encoding now. Nothing was changed. `lethe canary list {}` \
         shows what must stand in the store; a canary that is wanted no more goes with `lethe canary retire {} {source}`",
        run.tenant, run.tenant
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canary::CanaryToken;
    use crate::run::{Purpose, RunId};
    use crate::time::EpochSeconds;
    use crate::token::{Shard, TenantId, TokenId};

    const PLANTED: EpochSeconds = EpochSeconds(1_800_000_000);
    const DAY: i64 = 86_400;

    fn run(scanned_at: i64) -> Run {
        let slot = EpochSeconds(PLANTED.0 + scanned_at);
        let id = RunId { slot, ordinal: 1 };
        let booked = Run::booked(TenantId::new("acme").unwrap(), id, Purpose::Discovery, slot, slot);
        Run { scan_started_at: slot, ..booked }
    }

    fn watched(source: &str, unseen: &[&str]) -> Watched {
        let tokens = vec![CanaryToken {
            format: "card".into(),
            token: TokenId::new("tok_secret").unwrap(),
            shard: Shard(0),
        }];
        let canary =
            Canary { source: source.into(), planted_at: PLANTED, planted_by: "arn:ops".into(), tokens };
        Watched { canary, unseen: unseen.iter().map(|format| (*format).to_owned()).collect() }
    }

    #[test]
    fn a_canary_that_was_seen_is_no_finding() {
        assert_eq!(judge(&run(9 * DAY), &["lake"], &[watched("lake", &[])], &RecallRails::DEFAULT), []);
    }

    #[test]
    fn a_source_without_a_canary_is_named_whatever_others_have() {
        let findings =
            judge(&run(9 * DAY), &["lake", "orders"], &[watched("lake", &[])], &RecallRails::DEFAULT);
        assert!(
            matches!(&findings[..], [Finding::Note(note)] if note.starts_with("source orders has no canary"))
        );
    }

    #[test]
    fn the_canary_of_a_source_that_is_no_more_is_not_asked_for() {
        assert_eq!(judge(&run(9 * DAY), &[], &[watched("lake", &["card"])], &RecallRails::DEFAULT), []);
    }

    #[test]
    fn a_canary_that_is_not_seen_voids_once_its_grace_is_over() {
        for (scanned_at, is_void) in [(0, false), (DAY - 1, false), (DAY, true), (9 * DAY, true)] {
            let findings =
                judge(&run(scanned_at), &["lake"], &[watched("lake", &["card"])], &RecallRails::DEFAULT);
            let [finding] = &findings[..] else { panic!("{findings:?}") };
            assert_eq!(matches!(finding, Finding::Void(_)), is_void, "{scanned_at}: {finding:?}");
        }
    }

    #[test]
    fn the_text_names_source_time_and_person_and_no_token() {
        let findings = judge(&run(9 * DAY), &["lake"], &[watched("lake", &["card"])], &RecallRails::DEFAULT);
        let Some(Finding::Void(why)) = findings.first() else { panic!("{findings:?}") };
        for part in ["source lake", "card", "arn:ops", "2027-01-15T08:00:00Z", "lethe canary list acme"] {
            assert!(why.contains(part), "{part}: {why}");
        }
        assert!(!why.contains("tok_secret"));
    }
}
