//! A run: one epoch of survey, scan, plan, gate and apply for one tenant, as the control table keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::marks::MarkHash;
use crate::source::SourceTotals;
use crate::time::EpochSeconds;
use crate::token::TenantId;
use crate::witness::Measured;

/// A run's id: the campaign's slot and the run's number in it, so that the same slot makes the same id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId {
    /// When the campaign's cadence fell due.
    pub slot: EpochSeconds,
    /// 1 for the discovery run, then upwards.
    pub ordinal: u8,
}

impl RunId {
    /// Reads `{slot}-{ordinal:02}`.
    pub fn parse(text: &str) -> Option<Self> {
        let (slot, ordinal) = text.split_once('-')?;
        let id = Self { slot: EpochSeconds(slot.parse().ok()?), ordinal: ordinal.parse().ok()? };
        // Guard: one run has one name, since runs are found by it.
        (id.to_string() == text).then_some(id)
    }

    /// The run after this one in the same campaign; `None` when a campaign has had 255.
    pub fn following(&self) -> Option<Self> {
        Some(Self { slot: self.slot, ordinal: self.ordinal.checked_add(1)? })
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.slot.0, self.ordinal)
    }
}

impl TryFrom<String> for RunId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a run id is {slot}-{ordinal}")
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.to_string()
    }
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// The campaign's first look: every miss is a strike.
    Discovery,
    /// A further look at least the run spacing later: a further strike.
    Confirm,
    /// The look after the cool-off: only this one sentences what a scan condemned.
    Verdict,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// To be opened at `resume_at`.
    Booked,
    /// Units are being listed and sent out; scanning has begun. Again before each further round.
    Surveying,
    /// Every unit is sent out.
    Scanning,
    /// Every unit is scanned; writes that were in flight meanwhile may still land until `resume_at`, when the sources are
    /// looked at again.
    Draining,
    /// Sealed; shards are being planned.
    Planning,
    /// The plan waits for a person.
    Gated,
    /// The plan is being carried out.
    Applying,
    /// Done.
    Applied,
    /// The plan was made and goes no further: report mode, or `--plan-only`.
    Reported,
    /// Nothing follows from it: something was missing.
    Void,
}

impl Stage {
    /// Whether nothing more will happen to the run.
    pub fn is_final(self) -> bool {
        match self {
            Self::Applied | Self::Reported | Self::Void => true,
            Self::Booked
            | Self::Surveying
            | Self::Scanning
            | Self::Draining
            | Self::Planning
            | Self::Gated
            | Self::Applying => false,
        }
    }

    /// Whether the run holds the tenant's one place for a run in progress.
    pub fn is_open(self) -> bool {
        !self.is_final() && self != Self::Booked
    }

    /// The word that people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Surveying => "surveying",
            Self::Scanning => "scanning",
            Self::Draining => "draining",
            Self::Planning => "planning",
            Self::Gated => "waiting for approval",
            Self::Applying => "applying",
            Self::Applied => "applied",
            Self::Reported => "reported",
            Self::Void => "void",
        }
    }
}

/// The row of a run. Every write is conditional on `revision`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Whose run it is.
    pub tenant: TenantId,
    /// Which run it is.
    pub id: RunId,
    /// What it is for.
    pub purpose: Purpose,
    /// Which look of its campaign it is, from 1; a void look is taken again.
    pub look: u8,
    /// How far it has come.
    pub stage: Stage,
    /// One more with every write of this row.
    pub revision: u64,
    /// The config version that it pins.
    pub config: u64,
    /// The tenant's fence when it was opened: rows written under a later one refuse it.
    pub fence: u64,
    /// Make the plan and stop.
    pub plan_only: bool,
    /// Whether the messages of the present stage were all sent.
    pub dispatched: bool,
    /// When it was booked.
    pub booked_at: EpochSeconds,
    /// When its scan began; zero while booked.
    pub scan_started_at: EpochSeconds,
    /// When a waiting run goes on.
    pub resume_at: Option<EpochSeconds>,
    /// When it last came further.
    pub progressed_at: EpochSeconds,
    /// Where listing goes on.
    pub listing: Listing,
    /// How many units were listed so far; all of them once it is scanning.
    pub n_units: u32,
    /// Which round of reading it is in: 0 reads everything, each further one what a new look at the sources shows to be
    /// different.
    #[serde(default)]
    pub round: u32,
    /// The first unit of that round.
    #[serde(default)]
    pub round_from: u32,
    /// What each source held in round 0, from its end on.
    #[serde(default)]
    pub sources: BTreeMap<String, SourceTotals>,
    /// What it is compared with, as far as was known when it was opened.
    #[serde(default)]
    pub baseline: Option<Baseline>,
    /// The run whose candidates this one goes on from.
    pub previous: Option<RunId>,
    /// The digest over all its evidence, from the seal on.
    pub evidence: Option<String>,
    /// The hash over the plan of all shards, from the gate on.
    pub plan_hash: Option<String>,
    /// When that plan was made; zero before.
    #[serde(default)]
    pub planned_at: EpochSeconds,
    /// The canaries that were seen in their sources, from the seal on.
    #[serde(default)]
    pub canaries_seen: Vec<MarkHash>,
    /// How many persons must approve that plan before it goes on; see [`crate::approval`].
    #[serde(default)]
    pub n_persons: u8,
    /// What the plan says.
    pub tally: PlanTally,
    /// What the plan measured about the scan.
    #[serde(default)]
    pub measured: Measured,
    /// The kinds whose recall, or the want of one, a person had accepted before this run.
    #[serde(default)]
    pub recall_accepted: BTreeSet<String>,
    /// What applying did.
    pub applied: ApplyTally,
    /// The digest of what it depends on; see [`crate::shape`].
    #[serde(default)]
    pub shape: Option<String>,
    /// Which shadow run it is after a change of that, from 1: it reports, and nothing follows from it.
    #[serde(default)]
    pub shadow: Option<u8>,
    /// Why it waits or is void, for people.
    pub note: Option<String>,
    /// What its plan rests on that is not as it should be: what was not measured, what is switched off.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What the sources held when a run saw them whole that nobody doubts. Every later run carries it on its row, so that
/// however many void runs follow, it is not lost from sight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The run.
    pub run: RunId,
    /// When its scan began.
    pub scan_started_at: EpochSeconds,
    /// What each source held.
    pub sources: BTreeMap<String, SourceTotals>,
}

/// Where a run's listing stands: the source by its place in the config's order, and that source's own cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// How many sources are wholly listed.
    pub n_sources_done: u32,
    /// How many pages were listed so far, over all sources.
    pub n_pages: u32,
    /// The next source's cursor.
    pub cursor: Option<String>,
}

/// Counts of a plan, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTally {
    /// Rows read.
    pub n_rows: u64,
    /// Active tokens of scanned kinds.
    pub n_active: u64,
    /// Tokens found in a store.
    pub n_referenced: u64,
    /// Candidates whose strikes do not suffice yet.
    pub n_struck: u64,
    /// Tokens to take out of service.
    pub n_cool: u64,
    /// Tokens that would be, and are put off to a later slice of a first purge.
    #[serde(default)]
    pub n_deferred: u64,
    /// Tokens to sentence.
    pub n_sentence: u64,
    /// Tokens to take back into service.
    pub n_reinstate: u64,
    /// Cooling tokens that only a later verdict run can sentence.
    pub n_awaiting_verdict: u64,
    /// Tokens that are in no store and stay, because they are not known to be idle as well.
    #[serde(default)]
    pub n_not_idle: u64,
    /// Rows that could not be understood, kept.
    pub n_unreadable: u64,
    /// When the last of the waiting tokens' cool-off ends.
    pub verdict_from: Option<EpochSeconds>,
}

impl PlanTally {
    /// Whether it counts anything to write.
    pub fn has_writes(self) -> bool {
        self.n_cool > 0 || self.n_sentence > 0 || self.n_reinstate > 0
    }

    /// The counts of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            n_rows: self.n_rows.saturating_add(other.n_rows),
            n_active: self.n_active.saturating_add(other.n_active),
            n_referenced: self.n_referenced.saturating_add(other.n_referenced),
            n_struck: self.n_struck.saturating_add(other.n_struck),
            n_cool: self.n_cool.saturating_add(other.n_cool),
            n_deferred: self.n_deferred.saturating_add(other.n_deferred),
            n_sentence: self.n_sentence.saturating_add(other.n_sentence),
            n_reinstate: self.n_reinstate.saturating_add(other.n_reinstate),
            n_awaiting_verdict: self.n_awaiting_verdict.saturating_add(other.n_awaiting_verdict),
            n_not_idle: self.n_not_idle.saturating_add(other.n_not_idle),
            n_unreadable: self.n_unreadable.saturating_add(other.n_unreadable),
            verdict_from: self.verdict_from.max(other.verdict_from),
        }
    }
}

/// Counts of what applying did, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyTally {
    /// Taken out of service.
    pub n_cooled: u64,
    /// Sentenced.
    pub n_sentenced: u64,
    /// Taken back into service.
    pub n_reinstated: u64,
    /// Left alone because the row had changed since the plan.
    pub n_changed: u64,
    /// Not written, because the tenant was paused.
    #[serde(default)]
    pub n_paused: u64,
}

impl ApplyTally {
    /// The counts of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            n_cooled: self.n_cooled.saturating_add(other.n_cooled),
            n_sentenced: self.n_sentenced.saturating_add(other.n_sentenced),
            n_reinstated: self.n_reinstated.saturating_add(other.n_reinstated),
            n_changed: self.n_changed.saturating_add(other.n_changed),
            n_paused: self.n_paused.saturating_add(other.n_paused),
        }
    }
}

impl Run {
    /// A run that waits until `resume_at`.
    pub fn booked(
        tenant: TenantId,
        id: RunId,
        purpose: Purpose,
        resume_at: EpochSeconds,
        now: EpochSeconds,
    ) -> Self {
        Self {
            tenant,
            id,
            purpose,
            look: 1,
            stage: Stage::Booked,
            revision: 1,
            config: 0,
            fence: 0,
            plan_only: false,
            dispatched: false,
            booked_at: now,
            scan_started_at: EpochSeconds(0),
            resume_at: Some(resume_at),
            progressed_at: now,
            listing: Listing::default(),
            n_units: 0,
            round: 0,
            round_from: 0,
            sources: BTreeMap::new(),
            baseline: None,
            previous: None,
            evidence: None,
            plan_hash: None,
            planned_at: EpochSeconds(0),
            canaries_seen: Vec::new(),
            n_persons: 0,
            tally: PlanTally::default(),
            measured: Measured::default(),
            recall_accepted: BTreeSet::new(),
            applied: ApplyTally::default(),
            shape: None,
            shadow: None,
            note: None,
            notes: Vec::new(),
        }
    }

    /// This run one stage on, its messages not sent yet.
    #[must_use]
    pub fn at(&self, stage: Stage, now: EpochSeconds) -> Self {
        Self { stage, dispatched: false, resume_at: None, progressed_at: now, ..self.clone() }
    }

    /// This run before a further look at its sources.
    #[must_use]
    pub fn next_round(&self, now: EpochSeconds) -> Self {
        let round = self.round.saturating_add(1);
        let listing = Listing::default();
        Self { round, round_from: self.n_units, listing, ..self.at(Stage::Surveying, now) }
    }

    /// Whether it goes on while its tenant is paused: what is under way comes to its end without a write that condemns,
    /// and a person may look. Nothing else is begun.
    pub fn goes_on_while_paused(&self) -> bool {
        self.stage != Stage::Booked || self.plan_only
    }

    /// This run with nothing following from it.
    #[must_use]
    pub fn voided(&self, why: &str, now: EpochSeconds) -> Self {
        Self { note: Some(why.to_owned()), ..self.at(Stage::Void, now) }
    }

    /// Whether a person may say that what it saw is right: it is void, but not before it had seen everything.
    pub fn is_acceptable(&self) -> bool {
        self.stage == Stage::Void && self.evidence.is_some()
    }

    /// The proof that this run may sentence: a verdict run whose plan is being made or carried out after its seal.
    pub fn verdict_proof(&self) -> Option<VerdictProof> {
        let sealed = match self.stage {
            Stage::Planning | Stage::Gated | Stage::Applying => self.evidence.is_some(),
            Stage::Booked
            | Stage::Surveying
            | Stage::Scanning
            | Stage::Draining
            | Stage::Applied
            | Stage::Reported
            | Stage::Void => false,
        };
        (sealed && self.purpose == Purpose::Verdict)
            .then_some(VerdictProof { scan_started_at: self.scan_started_at })
    }
}

/// Proof of a complete, sealed verdict run. Only [`Run::verdict_proof`] makes one, and no sentence for a token that
/// a scan condemned can be decided without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictProof {
    scan_started_at: EpochSeconds,
}

impl VerdictProof {
    /// When the scan behind the verdict began.
    pub fn scan_started_at(self) -> EpochSeconds {
        self.scan_started_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(purpose: Purpose, stage: Stage, evidence: Option<&str>) -> Run {
        let tenant = TenantId::new("acme").unwrap();
        let booked = Run::booked(
            tenant,
            RunId::parse("100-01").unwrap(),
            purpose,
            EpochSeconds(100),
            EpochSeconds(100),
        );
        Run { stage, evidence: evidence.map(str::to_owned), ..booked }
    }

    #[test]
    fn a_run_id_reads_back() {
        let id = RunId::parse("1700000000-02").unwrap();
        assert_eq!(id.to_string(), "1700000000-02");
        assert_eq!(id.following().unwrap().to_string(), "1700000000-03");
        for other in
            ["1700000000", "1700000000-2", "+1700000000-02", "01700000000-02", "1700000000-+2", "-1-02"]
        {
            assert_eq!(RunId::parse(other), None, "{other}");
        }
    }

    #[test]
    fn only_a_sealed_verdict_run_proves_a_verdict() {
        assert!(run(Purpose::Verdict, Stage::Planning, Some("e")).verdict_proof().is_some());
        assert!(run(Purpose::Verdict, Stage::Planning, None).verdict_proof().is_none());
        assert!(run(Purpose::Verdict, Stage::Scanning, Some("e")).verdict_proof().is_none());
        assert!(run(Purpose::Verdict, Stage::Void, Some("e")).verdict_proof().is_none());
        assert!(run(Purpose::Confirm, Stage::Planning, Some("e")).verdict_proof().is_none());
        assert!(run(Purpose::Discovery, Stage::Planning, Some("e")).verdict_proof().is_none());
    }
}
