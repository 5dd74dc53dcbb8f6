//! A change and its condition as attributes of the vault's table: the one mapping that every writer of rows uses.

use super::{Change, Decided, Expected};
use crate::row::{State, due_partition};
use crate::time::EpochSeconds;
use crate::token::TokenId;

/// The value of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredValue {
    /// A string.
    Text(String),
    /// A whole number, wide enough for versions and for times before the epoch.
    Number(i128),
    /// A boolean.
    Flag(bool),
}

/// An attribute with its value; `None` means that it must be absent, or is taken away.
pub type StoredAttribute = (&'static str, Option<StoredValue>);

impl Expected {
    /// What the row must look like. Where a run decided, the row's `fence` must not be past the change's as well.
    pub fn attributes(&self) -> Vec<StoredAttribute> {
        vec![
            ("version", Some(number(self.version.0))),
            ("state", Some(text(self.state.as_str()))),
            ("expires_at", self.expires_at.map(seconds)),
            ("last_read_at", self.last_read_at.map(seconds)),
            ("purge_at", self.purge_at.map(seconds)),
        ]
        .into_iter()
        // Where a hold stood, the version alone says that the row is as it was read.
        .chain((!self.is_held).then_some(("hold", None)))
        .collect()
    }
}

impl Change {
    /// What the row must look like for this change. A read stamp names only what it may write: in report mode its
    /// role is allowed no other attribute, and a condition counts as naming one (IAM `dynamodb:Attributes`).
    pub fn condition(&self, expected: &Expected) -> Vec<StoredAttribute> {
        let mut named = expected.attributes();
        if let Self::Stamp { .. } = self {
            named.retain(|(name, _)| matches!(*name, "version" | "last_read_at"));
        }
        named
    }

    /// What the write of this change sets and takes away: exactly what [`Change::apply`] changes.
    pub fn attributes(&self, expected: &Expected, token: &TokenId, due_shards: u16) -> Vec<StoredAttribute> {
        let mut set = vec![("version", Some(number(expected.version.next().0)))];
        let due = |at: Option<EpochSeconds>| {
            let partition = at.map(|_| StoredValue::Text(due_partition(token, due_shards)));
            [("due_at", at.map(seconds)), ("due_pk", partition)]
        };
        match self {
            Self::Cool { reason, since, then, decided } => {
                set.extend(state(State::Cooling));
                set.push(("reason", Some(text(reason.as_str()))));
                set.push(("cooling_since", Some(seconds(*since))));
                set.push(("purge_at", then.purge_at().map(seconds)));
                set.push(("waits_for", then.waits_for().map(seconds)));
                set.extend(due(then.due_at()));
                set.extend(decision_of_caller(decided));
            }
            Self::Sentence { purge_at, decided } => {
                set.push(("purge_at", Some(seconds(*purge_at))));
                set.push(("waits_for", None));
                set.extend(due(None));
                set.extend(decision(decided));
                if decided.by.is_some() {
                    set.extend(caller(decided));
                }
            }
            Self::Reinstate { due_at, read_at, decided } => {
                set.extend(read_at.map(|at| ("last_read_at", Some(seconds(at)))));
                set.extend(in_service());
                set.extend(due(*due_at));
                set.extend(decision_of_caller(decided));
            }
            Self::Undo { due_at, undone_at, decided } => {
                set.push(("released_at", Some(seconds(*undone_at))));
                set.extend(in_service());
                set.extend(due(*due_at));
                set.extend(decision_of_caller(decided));
            }
            Self::Hold { hold, decided } => {
                set.push(("hold", Some(text(hold))));
                set.push(("purge_at", None));
                set.extend(due(None));
                set.extend(decision_of_caller(decided));
            }
            Self::Release { hold, purge_at, due_at, released_at, decided } => {
                set.push(("released_at", Some(seconds(*released_at))));
                set.push(("hold", hold.as_deref().map(text)));
                set.push(("purge_at", purge_at.map(seconds)));
                set.extend(due(*due_at));
                set.extend(decision_of_caller(decided));
            }
            Self::Stamp { last_read_at } => set.push(("last_read_at", Some(seconds(*last_read_at)))),
            Self::Rearm { due_at } => set.extend(due(*due_at)),
            Self::Lift { due_at } => {
                set.push(("purge_at", None));
                set.extend(due(Some(*due_at)));
            }
        }
        set
    }
}

fn state(state: State) -> [StoredAttribute; 2] {
    [("state", Some(text(state.as_str()))), ("isValid", Some(StoredValue::Flag(state == State::Active)))]
}

fn in_service() -> impl Iterator<Item = StoredAttribute> {
    let gone = ["reason", "cooling_since", "purge_at", "waits_for"].map(|name| (name, None));
    state(State::Active).into_iter().chain(gone)
}

fn decision(decided: &Decided) -> Vec<StoredAttribute> {
    let mut set = vec![("policy", Some(number(decided.policy)))];
    if let Some((run, fence)) = &decided.run {
        set.push(("run", Some(text(&run.to_string()))));
        set.push(("fence", Some(number(*fence))));
    }
    set
}

fn decision_of_caller(decided: &Decided) -> Vec<StoredAttribute> {
    decision(decided).into_iter().chain(caller(decided)).collect()
}

/// Who asked; nobody, where lifecycle or a run decided.
fn caller(decided: &Decided) -> [StoredAttribute; 2] {
    let by = decided.by.as_ref();
    let reason_text = by.and_then(|by| by.reason_text.as_deref());
    [("actor", by.map(|by| text(&by.actor))), ("reason_text", reason_text.map(text))]
}

fn text(text: &str) -> StoredValue {
    StoredValue::Text(text.to_owned())
}

fn number(number: u64) -> StoredValue {
    StoredValue::Number(i128::from(number))
}

fn seconds(at: EpochSeconds) -> StoredValue {
    StoredValue::Number(i128::from(at.0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::super::Then;
    use super::*;
    use crate::policy::Trigger;
    use crate::row::{By, Owner, RowVersion, StoredRow, VaultRow};
    use crate::run::RunId;
    use crate::time::EpochMillis;
    use crate::token::RowKey;

    fn row() -> VaultRow {
        VaultRow {
            key: RowKey::parse("acme#0001", "tok_a").unwrap(),
            kind: "vault".into(),
            state: State::Cooling,
            version: RowVersion(7),
            created_at: EpochMillis(1),
            expires_at: Some(EpochSeconds(2)),
            last_read_at: Some(EpochSeconds(3)),
            purge_at: Some(EpochSeconds(4)),
            due_at: Some(EpochSeconds(5)),
            reason: Some(Trigger::Idle),
            cooling_since: Some(EpochSeconds(6)),
            run: None,
            fence: None,
            policy: None,
            hold: None,
            by: Some(by("before")),
            waits_for: Some(EpochSeconds(7)),
            released_at: None,
            owner: Owner::default(),
        }
    }

    fn by(actor: &str) -> By {
        By { actor: actor.into(), reason_text: Some("ticket 7".into()) }
    }

    fn stored(row: &VaultRow) -> BTreeMap<String, Value> {
        serde_json::from_value(serde_json::to_value(StoredRow::from(row)).unwrap()).unwrap()
    }

    fn written(change: &Change) -> BTreeMap<String, Value> {
        let row = row();
        let mut after = stored(&row);
        for (name, value) in change.attributes(&Expected::of(&row), &row.key.token, 16) {
            // `due_pk` is the index's and no attribute of the row type.
            if name == "due_pk" {
                continue;
            }
            match value {
                None => after.remove(name),
                Some(StoredValue::Text(text)) => after.insert(name.into(), text.into()),
                Some(StoredValue::Number(number)) => {
                    after.insert(name.into(), json!(i64::try_from(number).unwrap()))
                }
                Some(StoredValue::Flag(flag)) => after.insert(name.into(), flag.into()),
            };
        }
        after
    }

    #[test]
    fn writing_the_attributes_is_applying_the_change() {
        let by_run = Decided::by_run(3, RunId::parse("100-01").unwrap(), 9);
        let by_timer = Decided::by_timer(3);
        let by_caller = Decided::by_caller(3, &by("app"));
        let at = EpochSeconds(50);
        let reason = Trigger::Unreferenced;
        for change in [
            Change::Cool { reason, since: at, then: Then::Wait, decided: by_run.clone() },
            Change::Cool { reason, since: at, then: Then::Leave(at), decided: by_timer.clone() },
            Change::Cool { reason, since: at, then: Then::LookAgain(at), decided: by_caller.clone() },
            Change::Cool {
                reason,
                since: at,
                then: Then::Approval { day: at, look_at: at },
                decided: by_caller.clone(),
            },
            Change::Sentence { purge_at: at, decided: by_caller.clone() },
            Change::Hold { hold: "case-1".into(), decided: by_caller.clone() },
            Change::Release {
                hold: None,
                purge_at: Some(at),
                due_at: None,
                released_at: at,
                decided: by_caller.clone(),
            },
            Change::Release {
                hold: Some("b".into()),
                purge_at: None,
                due_at: Some(at),
                released_at: at,
                decided: by_caller,
            },
            Change::Sentence { purge_at: at, decided: by_run.clone() },
            Change::Reinstate { due_at: None, read_at: None, decided: by_run },
            Change::Reinstate { due_at: Some(at), read_at: Some(at), decided: by_timer },
            Change::Undo { due_at: Some(at), undone_at: at, decided: Decided::by_caller(3, &by("ops")) },
            Change::Stamp { last_read_at: at },
            Change::Rearm { due_at: Some(at) },
            Change::Rearm { due_at: None },
            Change::Lift { due_at: at },
        ] {
            assert_eq!(written(&change), stored(&change.apply(&row())), "{change:?}");
        }
    }

    #[test]
    fn the_partition_of_the_due_index_comes_and_goes_with_the_time() {
        let row = row();
        let due_pk = |change: Change| {
            let set = change.attributes(&Expected::of(&row), &row.key.token, 16);
            set.into_iter().find(|(name, _)| *name == "due_pk").map(|(_, value)| value)
        };
        let partition = StoredValue::Text(due_partition(&row.key.token, 16));
        assert_eq!(due_pk(Change::Rearm { due_at: Some(EpochSeconds(9)) }), Some(Some(partition)));
        assert_eq!(due_pk(Change::Rearm { due_at: None }), Some(None));
        assert_eq!(due_pk(Change::Stamp { last_read_at: EpochSeconds(9) }), None);
    }

    #[test]
    fn a_read_stamp_names_only_what_report_mode_allows() {
        let stamp = Change::Stamp { last_read_at: EpochSeconds(9) };
        let expected = Expected::of(&row());
        let mut named = stamp.condition(&expected);
        named.extend(stamp.attributes(&expected, &row().key.token, 16));
        assert!(named.iter().all(|(name, _)| ["version", "last_read_at"].contains(name)), "{named:?}");
    }

    #[test]
    fn a_condition_names_everything_that_the_verdict_rests_on() {
        let mut row = row();
        row.purge_at = None;
        let names: Vec<_> = Expected::of(&row).attributes();
        assert_eq!(
            names,
            [
                ("version", Some(StoredValue::Number(7))),
                ("state", Some(StoredValue::Text("cooling".into()))),
                ("expires_at", Some(StoredValue::Number(2))),
                ("last_read_at", Some(StoredValue::Number(3))),
                ("purge_at", None),
                ("hold", None),
            ]
        );
        row.hold = Some("case-1".into());
        assert!(Expected::of(&row).attributes().iter().all(|(name, _)| *name != "hold"));
    }
}
