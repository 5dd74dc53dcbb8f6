//! Legal holds: several may stand on one token or subject, and each is released by its own id.

use std::collections::BTreeSet;

/// The ids in a `hold` attribute.
fn ids(hold: Option<&str>) -> BTreeSet<&str> {
    hold.unwrap_or_default().split_whitespace().collect()
}

fn text_of(ids: &BTreeSet<&str>) -> Option<String> {
    (!ids.is_empty()).then(|| ids.iter().copied().collect::<Vec<_>>().join(" "))
}

/// Whether this hold is among those that stand.
pub fn stands(hold: Option<&str>, id: &str) -> bool {
    ids(hold).contains(id)
}

/// The holds with one more.
pub fn with(hold: Option<&str>, id: &str) -> Option<String> {
    let mut ids = ids(hold);
    ids.insert(id);
    text_of(&ids)
}

/// The holds without this one; `None` when it was the last.
pub fn without(hold: Option<&str>, id: &str) -> Option<String> {
    let mut ids = ids(hold);
    ids.remove(id);
    text_of(&ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_come_and_go_by_their_own_id() {
        let one = with(None, "case-2");
        let two = with(one.as_deref(), "case-1");
        assert_eq!(two.as_deref(), Some("case-1 case-2"));
        assert_eq!(with(two.as_deref(), "case-1"), two);
        assert!(stands(two.as_deref(), "case-2") && !stands(two.as_deref(), "case"));
        assert_eq!(without(two.as_deref(), "case-1"), one);
        assert_eq!(without(one.as_deref(), "case-2"), None);
        assert_eq!(without(None, "case-2"), None);
    }
}
