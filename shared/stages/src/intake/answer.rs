//! What callers are told. No word of it comes from what they sent.

use lethe_domain::command::{Problem, Rejected};
use lethe_domain::fan_out::FanOut;
use lethe_domain::lifecycle::{Change, Why};
use serde::Serialize;
use serde_json::{Value, json};

use crate::deeds::{Done, n_waiting};
use crate::fan_out::report_of;

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// As an HTTP status.
    pub status: u16,
    /// What to tell the caller; no token in it.
    pub body: Value,
    /// What it came to, for the metrics.
    #[serde(skip)]
    pub report: IntakeReport,
}

/// What one command came to, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IntakeReport {
    /// Changed.
    pub n_changed: u64,
    /// Used although they are out of service for good: the alarm.
    pub n_late: u64,
    /// Out of service now, and waiting for a person's approval to leave.
    pub n_waiting: u64,
    /// Spent refresh tokens that were used again: the alarm.
    pub n_reused: u64,
    /// Tenants that the late-use alarm paused: the alarm.
    pub n_paused: u64,
    /// Asked for after they had left the vault: the alarm.
    pub n_gone: u64,
    /// Whether the command was refused.
    pub is_refused: bool,
}

/// When reconcile will have gone over what waits.
const RETRY_AFTER_SECONDS: u32 = 60;

/// The word of one token's outcome, the status that goes with it, and why.
struct Told {
    status: u16,
    result: &'static str,
    why: Option<&'static str>,
}

impl Answer {
    fn new(status: u16, body: Value) -> Self {
        Self { status, body, report: IntakeReport::default() }
    }

    /// The command as a whole was not carried out.
    pub(super) fn problem(problem: Problem) -> Self {
        let body = json!({ "error": problem.as_str(), "do": problem.what_to_do() });
        let answer = Self::new(problem.status(), body);
        Self { report: IntakeReport { is_refused: true, ..answer.report }, ..answer }
    }

    pub(super) fn rejected(rejected: Rejected) -> Self {
        match rejected {
            Rejected::TooLarge(_) => Self::problem(Problem::TooLarge),
            Rejected::Faults(faults) => {
                let mut answer = Self::problem(Problem::BadCommand);
                if let Some(body) = answer.body.as_object_mut() {
                    body.insert("faults".to_owned(), json!(faults));
                }
                answer
            }
        }
    }

    pub(super) fn try_later() -> Self {
        let mut answer = Self::problem(Problem::TryLater);
        if let Some(body) = answer.body.as_object_mut() {
            body.insert("retry_after_seconds".to_owned(), json!(RETRY_AFTER_SECONDS));
        }
        answer
    }

    /// An answer that was given before.
    pub(super) fn kept(status: u16, body: &str) -> Self {
        Self::new(status, serde_json::from_str(body).unwrap_or_default())
    }

    /// A group was reached, or will be.
    pub(super) fn reached(fan_out: &FanOut, is_complete: bool) -> Self {
        let (n_changed, n_waiting) = (fan_out.n_changed, fan_out.n_waiting);
        let answer = Self::new(if is_complete { 200 } else { 202 }, report_of(fan_out, is_complete));
        Self { report: IntakeReport { n_changed, n_waiting, ..answer.report }, ..answer }
    }

    /// One outcome a token, in order. Where all have the same status that one is the answer's.
    pub(super) fn of_tokens(done: &[Done]) -> Self {
        if done.contains(&Done::ReportMode) {
            return Self::problem(Problem::ReportMode);
        }
        Self::told(done.iter().map(told).collect(), done)
    }

    /// The same for notices, which have words of their own.
    pub(super) fn of_notices(words: &[&'static str]) -> Self {
        let told = words.iter().map(|result| Told { status: 200, result, why: None }).collect();
        Self::told(told, &[])
    }

    /// The same for tokens of which some are known to be gone.
    pub(super) fn of_reinstated(done: &[Done], is_gone: &[bool]) -> Self {
        if done.contains(&Done::ReportMode) {
            return Self::problem(Problem::ReportMode);
        }
        let tell = |(done, is_gone): (&Done, &bool)| match done {
            Done::Unknown if *is_gone => Told { status: 410, result: "gone", why: Some("too_late") },
            Done::Kept(Why::OtherReason) => Told { status: 409, ..told(done) },
            Done::Changed(_)
            | Done::Kept(_)
            | Done::LateUse(_)
            | Done::Reuse(_)
            | Done::Unknown
            | Done::Unreadable
            | Done::ReportMode => told(done),
        };
        Self::told(done.iter().zip(is_gone).map(tell).collect(), done)
    }

    fn told(told: Vec<Told>, done: &[Done]) -> Self {
        let first = told.first().map_or(200, |told| told.status);
        let is_one = told.iter().all(|told| told.status == first);
        let count = |is: fn(&Done) -> bool| done.iter().filter(|done| is(done)).count() as u64;
        let results: Vec<Value> = told.into_iter().map(|told| told.json(is_one)).collect();
        let answer =
            Self::new(if is_one { first } else { 207 }, json!({ "result": "done", "results": results }));
        let report = IntakeReport {
            n_changed: count(|done| matches!(done, Done::Changed(_))),
            n_waiting: n_waiting(done),
            n_late: count(|done| matches!(done, Done::LateUse(_))),
            n_reused: count(|done| matches!(done, Done::Reuse(_))),
            n_paused: 0,
            n_gone: 0,
            is_refused: false,
        };
        Self { report, ..answer }
    }

    pub(super) fn is_report_mode(&self) -> bool {
        self.body.get("error").and_then(Value::as_str) == Some(Problem::ReportMode.as_str())
    }

    /// Whether the command that is sent again gets this answer again.
    pub(super) fn is_worth_keeping(&self) -> bool {
        matches!(self.status, 200 | 202 | 207)
    }

    /// Why a command was not carried out, for the record.
    pub(super) fn reason(&self) -> String {
        let error = self.body.get("error").and_then(Value::as_str).unwrap_or("refused");
        let faults = self.body.get("faults").and_then(Value::as_array);
        let faults: Vec<&str> = faults.into_iter().flatten().filter_map(Value::as_str).collect();
        if faults.is_empty() { error.to_owned() } else { format!("{error}: {}", faults.join("; ")) }
    }
}

impl Told {
    fn json(self, is_one: bool) -> Value {
        let mut result = json!({ "result": self.result });
        if let Some(object) = result.as_object_mut() {
            if let Some(why) = self.why {
                object.insert("why".to_owned(), json!(why));
            }
            if !is_one {
                object.insert("status".to_owned(), json!(self.status));
            }
        }
        result
    }
}

fn told(done: &Done) -> Told {
    let ok = |result| Told { status: 200, result, why: None };
    match done {
        Done::Changed(change) => ok(word_of_change(change)),
        Done::Kept(why) => Told { why: Some(word_of(*why)), ..ok("kept") },
        Done::LateUse(_) => Told { why: Some("out_of_service"), ..ok("late") },
        Done::Reuse(_) => Told { why: Some("family_compromised"), ..ok("reuse") },
        Done::Unknown => Told { status: 404, result: "unknown", why: None },
        Done::Unreadable => Told { status: 422, result: "unreadable", why: None },
        Done::ReportMode => Told { status: 409, result: "kept", why: Some("report_mode") },
    }
}

fn word_of_change(change: &Change) -> &'static str {
    match change {
        Change::Cool { .. } => "ended",
        Change::Sentence { .. } => "sentenced",
        Change::Reinstate { .. } | Change::Undo { .. } => "reinstated",
        Change::Stamp { .. } => "stamped",
        Change::Hold { .. } => "held",
        Change::Release { .. } => "released",
        Change::Rearm { .. } | Change::Lift { .. } => "noted",
    }
}

fn word_of(why: Why) -> &'static str {
    match why {
        Why::OnHold => "on_hold",
        Why::AlreadyDone | Why::AlreadySentenced | Why::Undone => "already_done",
        Why::Ignored => "ignored_by_policy",
        Why::OtherReason => "not_revivable",
        Why::IssuedLater => "issued_later",
        Why::Retry => "retry",
        Why::WaitsForApproval => "waits_for_approval",
        Why::Paused => "paused",
        Why::AnotherRun => "another_run",
        Why::UnknownKind
        | Why::NotScanned
        | Why::UnknownFormat
        | Why::WrongShard
        | Why::Referenced
        | Why::InGrace
        | Why::KnownEnd
        | Why::NotIdle
        | Why::CoolingOff
        | Why::NotDue => "not_due",
    }
}
