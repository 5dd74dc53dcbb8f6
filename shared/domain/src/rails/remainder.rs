//! A plan under which nothing would remain. A tenant that uses none of its tokens is rarer than a store that was read as
//! empty.

use super::Finding;
use crate::run::PlanTally;

/// Refuses a plan by which no active token of the scanned kinds stays in service, in this slice or in all of them.
pub(super) fn judge(tally: &PlanTally) -> Option<Finding> {
    let n_leaving = tally.n_cool.saturating_add(tally.n_deferred);
    if n_leaving == 0 || n_leaving < tally.n_active {
        return None;
    }
    Some(Finding::Void(format!(
        "all {} active tokens of the kinds that are scanned for look unused, so nothing would remain in service. This is \
         nearly always a source that was emptied, is read with the wrong format or is missing in the config: compare the \
         sources in lethe.toml with where the tenant keeps its tokens. A tenant that is truly at its end is emptied by \
         commands (`account_deleted`, `revoked`), not by a scan",
        tally.n_active
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_void(n_active: u64, n_cool: u64, n_deferred: u64) -> bool {
        judge(&PlanTally { n_active, n_cool, n_deferred, ..PlanTally::default() }).is_some()
    }

    #[test]
    fn one_token_must_remain() {
        assert!(!is_void(0, 0, 0));
        assert!(!is_void(20, 0, 0));
        assert!(!is_void(20, 19, 0));
        assert!(is_void(20, 20, 0));
        assert!(is_void(1, 1, 0));
    }

    #[test]
    fn what_later_slices_take_does_not_remain() {
        assert!(!is_void(20, 1, 18));
        assert!(is_void(20, 1, 19));
    }
}
