//! The run's row, as small as the token's.

use std::hash::{Hash, Hasher};

use lethe_domain::run::{PlanTally, Purpose, Run, RunId, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use crate::plan::PlanHash;
use crate::row::{at, tick};

/// A run's name: the slot of its campaign, and its number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RunName {
    pub(crate) slot: u8,
    pub(crate) ordinal: u8,
}

impl RunName {
    /// The name of a run that the rules booked.
    pub(crate) fn of(id: &RunId) -> Self {
        Self { slot: tick(id.slot), ordinal: id.ordinal }
    }

    /// The name that the rules see.
    pub(crate) fn to_id(self) -> RunId {
        RunId { slot: at(self.slot), ordinal: self.ordinal }
    }
}

/// What of a run differs from state to state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunRow {
    pub(crate) name: RunName,
    pub(crate) purpose: Purpose,
    pub(crate) look: u8,
    pub(crate) stage: Stage,
    pub(crate) is_dispatched: bool,
    pub(crate) scan_started_at: u8,
    pub(crate) resume_at: Option<u8>,
    pub(crate) progressed_at: u8,
    /// When its plan was made; zero before.
    pub(crate) planned_at: u8,
    /// The hash of that plan.
    pub(crate) plan_hash: Option<PlanHash>,
    /// Which round of looking at the sources it is in.
    pub(crate) round: u8,
    /// Whether what a round read was not what its listing had shown.
    pub(crate) met_changes: bool,
    pub(crate) tally: Tally,
}

/// The counts of a plan over one token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tally {
    pub(crate) is_struck: bool,
    pub(crate) is_cooled: bool,
    /// When its cool-off ends, where only a later verdict run can sentence it.
    pub(crate) verdict_from: Option<u8>,
}

impl Hash for RunRow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { name, purpose, look, stage, is_dispatched, scan_started_at, .. } = self;
        (name, *purpose as u8, look, *stage as u8, is_dispatched, scan_started_at).hash(state);
        (self.resume_at, self.progressed_at, self.planned_at, self.plan_hash).hash(state);
        (self.round, self.met_changes, self.tally).hash(state);
    }
}

impl RunRow {
    /// A run that the rules booked.
    pub(crate) fn of(run: &Run) -> Self {
        Self {
            name: RunName::of(&run.id),
            purpose: run.purpose,
            look: run.look,
            stage: run.stage,
            is_dispatched: run.dispatched,
            scan_started_at: tick(run.scan_started_at),
            resume_at: run.resume_at.map(tick),
            progressed_at: tick(run.progressed_at),
            planned_at: tick(run.planned_at),
            plan_hash: None,
            round: 0,
            met_changes: false,
            tally: Tally::default(),
        }
    }

    /// The run that the rules see.
    pub(crate) fn to_run(self, tenant: &TenantId) -> Run {
        let Tally { is_struck, is_cooled, verdict_from } = self.tally;
        let booked = Run::booked(
            tenant.clone(),
            self.name.to_id(),
            self.purpose,
            EpochSeconds(0),
            at(self.progressed_at),
        );
        let is_sealed = matches!(self.stage, Stage::Planning | Stage::Gated | Stage::Applying);
        let mut run = Run {
            look: self.look,
            stage: self.stage,
            dispatched: self.is_dispatched,
            scan_started_at: at(self.scan_started_at),
            resume_at: self.resume_at.map(at),
            planned_at: at(self.planned_at),
            plan_hash: self.plan_hash.map(PlanHash::to_text),
            evidence: is_sealed.then(|| "evidence".to_owned()),
            tally: PlanTally {
                n_struck: u64::from(is_struck),
                n_awaiting_verdict: u64::from(verdict_from.is_some()),
                verdict_from: verdict_from.map(at),
                ..PlanTally::default()
            },
            ..booked
        };
        run.applied.n_cooled = u64::from(is_cooled);
        run
    }

    /// One stage on, its messages not sent yet.
    pub(crate) fn at_stage(self, stage: Stage, now: u8) -> Self {
        Self { stage, is_dispatched: false, resume_at: None, progressed_at: now, ..self }
    }

    /// Whether its look at the sources is under way: from the first listing to the last round.
    pub(crate) fn is_looking(&self) -> bool {
        match self.stage {
            Stage::Surveying | Stage::Scanning | Stage::Draining => true,
            Stage::Booked
            | Stage::Planning
            | Stage::Gated
            | Stage::Applying
            | Stage::Applied
            | Stage::Reported
            | Stage::Void => false,
        }
    }
}
