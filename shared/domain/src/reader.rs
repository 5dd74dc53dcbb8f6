//! What a reader of the vault answers its own callers: one function, with test vectors for other languages in
//! `vectors/reader.json`.

use serde::{Deserialize, Serialize};

use crate::policy::Trigger;
use crate::row::{Phase, RowRead, VaultRow, is_good};
use crate::subject::SubjectRow;
use crate::time::EpochSeconds;

/// What a reader found under a token.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// Its row.
    Row(&'a RowRead),
    /// Nothing, and the reader knows from elsewhere that the token was once issued.
    NothingAnyMore,
    /// Nothing.
    Nothing,
}

/// What stands there, as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReaderState {
    /// In service.
    Active,
    /// In service, but its own end has passed.
    Expired,
    /// In service, but its subject was cut off after it was issued.
    CutOff,
    /// Out of service, no date of removal.
    Cooling,
    /// Out of service, with a date of removal.
    Sentenced,
    /// It was here once.
    Gone,
    /// It never was, as far as anybody here knows.
    Unknown,
    /// Something is there that nobody understands: not for use, and not gone.
    Unreadable,
}

/// What a reader answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderAnswer {
    /// As an HTTP status: 200 in service, 403 there but out of service, 410 gone, 404 unknown, 500 unreadable.
    pub status: u16,
    /// What stands there.
    pub state: ReaderState,
    /// Whether the token may be used.
    pub valid: bool,
    /// Whether a notice that it was read brings it back into service.
    pub may_return: bool,
}

/// The answer of a reader who found this, with the subject's row if there is one.
pub fn answer(found: Found<'_>, subject: Option<&SubjectRow>, now: EpochSeconds) -> ReaderAnswer {
    let row = match found {
        Found::Row(RowRead::Token(row)) => row,
        Found::Row(RowRead::Unreadable(_)) => return out(500, ReaderState::Unreadable, false),
        // A subject's row is no token, whoever asks for it.
        Found::Row(RowRead::Subject) | Found::Nothing => return out(404, ReaderState::Unknown, false),
        Found::NothingAnyMore => return out(410, ReaderState::Gone, false),
    };
    if is_good(row, subject, now) {
        return ReaderAnswer { status: 200, state: ReaderState::Active, valid: true, may_return: false };
    }
    // Whoever removes rows may take days; past its date a token that cannot come back is gone for every reader at the
    // same moment. One that can is saved by a read as long as it is there.
    let may_return = row.reason.is_some_and(Trigger::is_revivable);
    if !may_return
        && row.hold.is_none()
        && row.phase() == Phase::Sentenced
        && row.purge_at.is_some_and(|at| at <= now)
    {
        return out(410, ReaderState::Gone, false);
    }
    match row.phase() {
        Phase::Active => out(403, ended_by(row, now), false),
        Phase::Cooling => out(403, ReaderState::Cooling, may_return),
        Phase::Sentenced => out(403, ReaderState::Sentenced, may_return),
    }
}

fn ended_by(row: &VaultRow, now: EpochSeconds) -> ReaderState {
    if row.expires_at.is_some_and(|end| end <= now) { ReaderState::Expired } else { ReaderState::CutOff }
}

fn out(status: u16, state: ReaderState, may_return: bool) -> ReaderAnswer {
    ReaderAnswer { status, state, valid: false, may_return }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::StoredRow;
    use crate::subject::StoredSubject;

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        row: Option<serde_json::Value>,
        subject: Option<StoredSubject>,
        was_known: bool,
        now: i64,
        expect: ReaderAnswer,
    }

    #[test]
    fn the_vectors_for_other_languages_hold() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../vectors/reader.json")).unwrap();
        assert!(20 <= vectors.len());
        for vector in vectors {
            let row =
                vector.row.map(|row| RowRead::from_stored(serde_json::from_value::<StoredRow>(row).ok()));
            let subject = vector.subject.map(|subject| SubjectRow::from_stored(Some(subject)));
            let found = match (&row, vector.was_known) {
                (Some(row), _) => Found::Row(row),
                (None, true) => Found::NothingAnyMore,
                (None, false) => Found::Nothing,
            };
            assert_eq!(
                answer(found, subject.as_ref(), EpochSeconds(vector.now)),
                vector.expect,
                "{}",
                vector.name
            );
        }
    }
}
