//! Where a token stands, in a word and a sentence.

use lethe_domain::policy::Trigger;
use lethe_domain::reader::{ReaderAnswer, ReaderState};
use lethe_domain::row::{Phase, RowRead, VaultRow};
use lethe_domain::run::RunId;
use lethe_domain::time::EpochSeconds;
use lethe_stages::ports::BudgetDay;

use super::history::HistoryEvent;

/// What the removal of a token that commands ended waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// For no person.
    No,
    /// For a person's yes to the commands of the day that begins then.
    ForApproval(EpochSeconds),
    /// A person said yes; it is its turn when lifecycle looks at it next.
    ForItsTurn,
}

impl Waits {
    /// What a row waits for, with the account of the day that it names.
    pub(crate) fn of(row: &VaultRow, account: Option<&BudgetDay>) -> Self {
        let Some(day) = row.waits_for.filter(|_| row.phase() == Phase::Cooling) else { return Self::No };
        // An approval is for what waited when it was given.
        let approved_at = account.and_then(|account| account.approved_at);
        if approved_at.is_some_and(|at| row.cooling_since.is_none_or(|since| since <= at)) {
            return Self::ForItsTurn;
        }
        Self::ForApproval(day)
    }
}

/// The word and the sentence for what was found, or for what is on record where nothing was.
pub(crate) fn stands(
    read: Option<&RowRead>,
    reader: ReaderAnswer,
    waits: Waits,
    history: &[HistoryEvent],
) -> (&'static str, String) {
    match read {
        Some(RowRead::Token(row)) => of_row(row, reader.state, waits),
        Some(RowRead::Subject) => ("subject", "this is a subject's row, not a token".to_owned()),
        Some(RowRead::Unreadable(fault)) => ("unreadable", format!("the row is kept, because {fault}")),
        None => of_history(history),
    }
}

fn of_row(row: &VaultRow, state: ReaderState, waits: Waits) -> (&'static str, String) {
    let reason = row.reason.map_or("unknown", Trigger::as_str);
    let by = run_of(row).map_or_else(String::new, |run| format!(", by run {run}"));
    let since = row.cooling_since.map_or_else(String::new, |since| format!(" since {since}"));
    match (row.phase(), row.purge_at) {
        (Phase::Active, _) if state == ReaderState::Expired => {
            ("expired", "it is past its end and waits for expire".to_owned())
        }
        (Phase::Active, _) if state == ReaderState::CutOff => {
            let why = "everything that its subject had when a command cut it off is out of service";
            ("cut off", why.to_owned())
        }
        (Phase::Active, Some(at)) => {
            ("active", format!("it is in service, and leaves the vault at its known end, {at}"))
        }
        (Phase::Active, None) => ("active", "it is in service".to_owned()),
        (Phase::Cooling, _) => {
            let next = next_of(row, waits);
            ("cooling", format!("it is out of service{since}: {reason}{by}; {next}"))
        }
        (Phase::Sentenced, at) => {
            let leaves = at.map_or_else(String::new, |at| format!("; it leaves the vault from {at} on"));
            ("sentenced", format!("it is out of service{since}: {reason}{by}{leaves}"))
        }
    }
}

/// The run that judged it. Other ends are not a run's, also where a run wrote the row before.
fn run_of(row: &VaultRow) -> Option<&RunId> {
    row.run.as_ref().filter(|_| row.by.is_none() && row.reason.is_some_and(Trigger::is_revivable))
}

/// What comes next for a token that has no date of removal.
fn next_of(row: &VaultRow, waits: Waits) -> String {
    if row.hold.is_some() {
        return "it stays in the vault while a legal hold stands".to_owned();
    }
    match waits {
        Waits::ForApproval(day) => {
            format!("it leaves the vault after a person approves the commands of the day from {day} on")
        }
        Waits::ForItsTurn => "its removal is approved, and follows when its cool-off is over".to_owned(),
        Waits::No if row.reason.is_some_and(Trigger::is_revivable) => {
            "a reference or a read brings it back".to_owned()
        }
        Waits::No => "it is not revived".to_owned(),
    }
}

fn of_history(history: &[HistoryEvent]) -> (&'static str, String) {
    let last = history.iter().rev().find_map(|event| Some((event.to?, event)));
    match last {
        Some((to, event)) => {
            let kept = event.retain_until.map_or_else(String::new, |until| format!(", locked until {until}"));
            (
                to,
                format!(
                    "it left the vault; the last that is on record is `{}` at {}{kept}",
                    event.event.as_str(),
                    event.at
                ),
            )
        }
        None => ("unknown", "the vault does not hold it and nothing is on record about it".to_owned()),
    }
}
