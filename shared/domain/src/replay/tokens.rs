//! One bucket of a tenant's tokens: what is on record of each, joined with what stands in the vault.

use crate::audit::{Entry, Event, Standing};
use crate::fingerprint::Fingerprint;
use crate::policy::Trigger;
use crate::row::{Phase, RowVersion, VaultRow};

use super::{About, Fault, Finding};
use Standing::{Active, Archived, Cooling, Erased, None as Nowhere, Sentenced};

/// One entry of the record, with its item's event. Small and flat: a bucket holds millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    fingerprint: Fingerprint,
    version: RowVersion,
    // After the version, so that a token leaves after everything else that happened at that version.
    leaves: bool,
    event: Event,
    from: Standing,
    to: Standing,
    reason: Option<Trigger>,
}

impl Told {
    /// What an item of this event says of one token.
    pub fn new(event: Event, entry: &Entry) -> Self {
        let Entry { fingerprint, version, from, to, reason } = *entry;
        let leaves = matches!(event, Event::Archived | Event::Erased);
        Self { fingerprint, version, leaves, event, from, to, reason }
    }

    /// A row that nobody could read left under the version 0, whatever its version was.
    fn is_unreadable(&self) -> bool {
        self.leaves && self.from == Nowhere
    }
}

/// What stands in the vault, without the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    fingerprint: Fingerprint,
    version: RowVersion,
    phase: Phase,
    reason: Option<Trigger>,
    is_held: bool,
}

impl Seen {
    /// What a row says.
    pub fn new(fingerprint: Fingerprint, row: &VaultRow) -> Self {
        let (phase, is_held) = (row.phase(), row.hold.is_some());
        Self { fingerprint, version: row.version, phase, reason: row.reason, is_held }
    }

    /// Which token's row it is.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

/// Judges every token of a bucket that is on record or in the vault.
///
/// Entries may be doubled and in any order: a retry makes the same item, a batch that was cut anew an overlapping one.
pub fn judge_bucket(mut told: Vec<Told>, mut seen: Vec<Seen>) -> Vec<Finding> {
    told.sort_unstable();
    told.dedup();
    seen.sort_unstable();
    let mut findings = Vec::new();
    let mut rows = seen.as_slice();
    for history in told.chunk_by(|a, b| a.fingerprint == b.fingerprint) {
        let Some(first) = history.first() else { continue };
        let n_before = rows.partition_point(|row| row.fingerprint < first.fingerprint);
        let (before, rest) = rows.split_at(n_before);
        for row in before {
            judge_unrecorded(row, &mut findings);
        }
        let n_of_token = rest.partition_point(|row| row.fingerprint == first.fingerprint);
        let (of_token, rest) = rest.split_at(n_of_token);
        judge_token(history, of_token, &mut findings);
        rows = rest;
    }
    for row in rows {
        judge_unrecorded(row, &mut findings);
    }
    findings
}

/// An issue is not on record, only what changes afterwards.
fn judge_unrecorded(row: &Seen, findings: &mut Vec<Finding>) {
    if row.phase != Phase::Active {
        findings.push(row.found(Fault::EndNotOnRecord));
    }
}

fn judge_token(history: &[Told], rows: &[Seen], findings: &mut Vec<Finding>) {
    let mut replay = Replay::default();
    for same_version in history.chunk_by(|a, b| a.version == b.version) {
        replay.take(same_version, findings);
    }
    if rows.is_empty()
        && let Some(last) = history.last()
        && replay.is_in_the_vault()
    {
        findings.push(last.found(Fault::GoneWithoutRecord));
    }
    let faults = rows.iter().filter_map(|row| Some(row.found(replay.fault_of(row)?)));
    findings.extend(faults);
}

/// Where a token stands, as far as its entries were replayed.
struct Replay {
    stands: Standing,
    /// The version of the last entry; `None` before the first.
    version: Option<RowVersion>,
    /// What else it may be at that version: who writes a row without a step of its version makes several entries of
    /// one version, whose order nobody knows.
    also: Vec<Standing>,
    /// The reason of the last entry.
    reason: Option<Trigger>,
    is_held: bool,
    /// Its row could not be read when it left, so that no version tells when that was.
    left_unreadable: bool,
}

impl Default for Replay {
    fn default() -> Self {
        Self {
            stands: Active,
            version: None,
            also: Vec::new(),
            reason: None,
            is_held: false,
            left_unreadable: false,
        }
    }
}

impl Replay {
    /// Replays the entries of one version, in the order in which they join.
    fn take(&mut self, entries: &[Told], findings: &mut Vec<Finding>) {
        if self.has_left() {
            // Handed out again: a new life, whose issue is not on record.
            *self = Self { left_unreadable: self.left_unreadable, ..Self::default() };
        }
        let (unreadable, readable): (Vec<Told>, Vec<Told>) =
            entries.iter().partition(|told| told.is_unreadable());
        self.left_unreadable |= !unreadable.is_empty();
        let (leaving, mut steps): (Vec<Told>, Vec<Told>) = readable.iter().partition(|told| told.leaves);
        self.also = steps.iter().filter(|_| 1 < steps.len()).map(|told| told.to).collect();
        while !steps.is_empty() {
            let place = next_of(&steps, self.stands);
            let told = steps.remove(place.unwrap_or(0));
            self.step(&told, place.is_none(), findings);
        }
        // A copy of a batch may have found its retention over and erased what the first one archived.
        if let Some(told) = leaving.first() {
            let joins = told.from == self.stands || self.also.contains(&told.from);
            self.step(told, !joins, findings);
        }
    }

    fn step(&mut self, told: &Told, is_hole: bool, findings: &mut Vec<Finding>) {
        let fault = fault_of_step(told);
        findings
            .extend(is_hole.then_some(Fault::Hole).into_iter().chain(fault).map(|fault| told.found(fault)));
        self.stands = told.to;
        self.version = Some(told.version);
        self.reason = told.reason;
        // What somebody else wrote may have taken the hold along; it is on record as theirs.
        let may_lose_it = matches!(told.event, Event::Released | Event::OutOfBand);
        self.is_held = told.event == Event::Held || (self.is_held && !may_lose_it);
    }

    fn has_left(&self) -> bool {
        matches!(self.stands, Archived | Erased)
    }

    fn is_in_the_vault(&self) -> bool {
        !self.left_unreadable && self.version.is_some() && !self.has_left()
    }

    /// What is wrong with a row, by all that is on record of its token.
    fn fault_of(&self, row: &Seen) -> Option<Fault> {
        let is_active = row.phase == Phase::Active;
        let Some(version) = self.version else { return (!is_active).then_some(Fault::EndNotOnRecord) };
        if self.has_left() {
            let is_reissued = version < row.version;
            return match (is_reissued, is_active) {
                (true, true) => None,
                (true, false) => Some(Fault::EndNotOnRecord),
                (false, _) => Some(Fault::StillThere),
            };
        }
        if row.version < version {
            return Some(Fault::VersionBehind);
        }
        let stands = Standing::from(row.phase);
        if stands != self.stands && !self.also.contains(&stands) {
            return Some(if is_active { Fault::ReturnNotOnRecord } else { Fault::ChangeNotOnRecord });
        }
        // Several entries of one version may name several reasons.
        if !is_active && self.also.is_empty() && self.reason != row.reason {
            return Some(Fault::OtherReason);
        }
        (self.is_held && !row.is_held).then_some(Fault::HoldLost)
    }
}

/// Which of the entries of one version comes next: one that begins here, those first that end here too. One that begins
/// nowhere follows on anything: the row before it could not be read, or there was none.
fn next_of(steps: &[Told], stands: Standing) -> Option<usize> {
    let begins_here = |told: &Told| told.from == stands;
    let stays = steps.iter().position(|told| begins_here(told) && told.to == stands);
    let moves = || steps.iter().position(begins_here);
    let anew = || steps.iter().position(|told| told.from == Nowhere && told.event == Event::OutOfBand);
    stays.or_else(moves).or_else(anew)
}

const IN_THE_VAULT: &[Standing] = &[Active, Cooling, Sentenced];

/// The lifecycle's table as the record tells it: what may lead from where to where.
const STEPS: [(Event, &[Standing], &[Standing]); 10] = [
    // A further, graver reason is a step of its own.
    (Event::Cooled, IN_THE_VAULT, &[Cooling]),
    (Event::Sentenced, IN_THE_VAULT, &[Sentenced]),
    (Event::Reinstated, &[Cooling, Sentenced], &[Active]),
    (Event::OutOfBand, &[Nowhere, Active, Cooling, Sentenced], IN_THE_VAULT),
    // A hold takes the date of removal away; a release gives one.
    (Event::Held, &[Active], &[Active]),
    (Event::Held, &[Cooling, Sentenced], &[Cooling]),
    (Event::Released, &[Active], &[Active]),
    (Event::Released, &[Cooling], &[Cooling, Sentenced]),
    (Event::Archived, IN_THE_VAULT, &[Archived]),
    (Event::Erased, IN_THE_VAULT, &[Erased]),
];

/// Whether the lifecycle has this step.
fn fault_of_step(told: &Told) -> Option<Fault> {
    let is_step = STEPS
        .iter()
        .any(|(event, from, to)| *event == told.event && from.contains(&told.from) && to.contains(&told.to));
    let needs_reason = matches!(told.event, Event::Cooled | Event::Sentenced);
    if !is_step || (needs_reason && told.reason.is_none()) {
        return Some(Fault::NotAStep);
    }
    if told.leaves && told.from == Cooling {
        return Some(Fault::LeftUnsentenced);
    }
    let comes_back = matches!(told.from, Cooling | Sentenced) && told.to == Active;
    let may_come_back = told.reason.is_none_or(Trigger::is_revivable);
    (comes_back && !may_come_back).then_some(Fault::Revived)
}

impl Told {
    fn found(&self, fault: Fault) -> Finding {
        let about = About::Token { fingerprint: self.fingerprint, version: self.version };
        Finding { fault, about }
    }
}

impl Seen {
    fn found(&self, fault: Fault) -> Finding {
        let about = About::Token { fingerprint: self.fingerprint, version: self.version };
        Finding { fault, about }
    }
}
