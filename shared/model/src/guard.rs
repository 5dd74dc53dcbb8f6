//! The guards, each with the scene in which the protocol fails without it. A guard is switched off by what a rule is
//! fed or by a step that is left out, never by a second copy of the rule.

use crate::property::Invariant;
use crate::scene::Scene;

/// What keeps an invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The sources are looked at again before a plan is made, and what is different is read.
    Barrier,
    /// What was in flight while the sources were read has landed when they are looked at again.
    Drain,
    /// A source that cannot be read voids the run.
    Completeness,
    /// A read brings a token back and is a sign of life.
    ReadBarrier,
    /// A sentence is written only while the lease is provably the worker's.
    Lease,
    /// A write names the version that was read.
    Version,
    /// A write names what its verdict rests on, too.
    ExpectedFields,
    /// Only what existed, unread, for the grace before a scan can be missed by it.
    AgeFloor,
    /// One miss is not enough.
    Strikes,
    /// What a scan condemned leaves only by a further run after the cool-off.
    VerdictRun,
    /// A token cools long enough for whoever reads it now and then.
    CoolOff,
    /// A date of removal lies ahead: what is read meanwhile comes back.
    Notice,
    /// React lifts the date of a token that was read without coming back.
    Lift,
    /// What was read since it cooled is not removed.
    SeenSinceCooling,
    /// A removal names what was read.
    RemovalCondition,
    /// A removed row is acknowledged only once it is in the archive.
    ArchiveBeforeAcknowledging,
    /// The archive's object has a key that a retry makes again.
    DerivedKey,
    /// A legal hold is looked at before anything else.
    Hold,
    /// Reconcile sends again what a queue lost.
    Resend,
    /// Reconcile removes what is overdue where nobody else does.
    Overdue,
    /// A void run is booked again.
    BookedAgain,
    /// A lease ends, so that a dead worker's shard is taken over.
    LeaseEnds,
    /// The kill switch is read before each batch of writes, and never remembered.
    KillSwitch,
    /// A plan from before a pause is not carried out after it.
    PlanFromBefore,
    /// A run that a pause cut short is taken again.
    CutShort,
    /// An approval names the hash of the plan that was looked at.
    ApprovalHash,
    /// What is carried out is held to the hash that was approved.
    PlanHash,
    /// An undo names what was read.
    UndoCondition,
    /// An undo waits for the workers of its run.
    Stopped,
    /// An undo brings back what its own run took.
    OwnTokens,
    /// What was given back is missed anew, after a whole grace.
    MissedAnew,
    /// A write names the fence that the row must not be past: the second lock behind [`Guard::Version`].
    Fence,
}

impl Guard {
    /// Every guard that something breaks without. The fence is not one of them: every write that sets a later one steps the
    /// version, too, so while the version is named the fence decides nothing.
    pub const ALL: [Self; 31] = [
        Self::Barrier,
        Self::Drain,
        Self::Completeness,
        Self::ReadBarrier,
        Self::Lease,
        Self::Version,
        Self::ExpectedFields,
        Self::AgeFloor,
        Self::Strikes,
        Self::VerdictRun,
        Self::CoolOff,
        Self::Notice,
        Self::Lift,
        Self::SeenSinceCooling,
        Self::RemovalCondition,
        Self::ArchiveBeforeAcknowledging,
        Self::DerivedKey,
        Self::Hold,
        Self::Resend,
        Self::Overdue,
        Self::BookedAgain,
        Self::LeaseEnds,
        Self::KillSwitch,
        Self::PlanFromBefore,
        Self::CutShort,
        Self::ApprovalHash,
        Self::PlanHash,
        Self::UndoCondition,
        Self::Stopped,
        Self::OwnTokens,
        Self::MissedAnew,
    ];

    /// The words that the table of mutations uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Barrier => "barrier",
            Self::Drain => "drain",
            Self::Completeness => "completeness",
            Self::ReadBarrier => "read barrier",
            Self::Lease => "lease check",
            Self::Version => "version in the condition",
            Self::ExpectedFields => "fields in the condition",
            Self::AgeFloor => "age floor",
            Self::Strikes => "strikes",
            Self::VerdictRun => "verdict run",
            Self::CoolOff => "cool-off",
            Self::Notice => "removal notice",
            Self::Lift => "lift by react",
            Self::SeenSinceCooling => "seen since cooling",
            Self::RemovalCondition => "condition of a removal",
            Self::ArchiveBeforeAcknowledging => "archive before acknowledging",
            Self::DerivedKey => "derived object key",
            Self::Hold => "legal hold",
            Self::Resend => "reconcile sends again",
            Self::Overdue => "reconcile removes overdue rows",
            Self::BookedAgain => "void runs are booked again",
            Self::LeaseEnds => "leases end",
            Self::KillSwitch => "kill switch before each batch",
            Self::PlanFromBefore => "no plan from before a pause",
            Self::CutShort => "runs cut short are taken again",
            Self::ApprovalHash => "hash in the approval",
            Self::PlanHash => "hash of the plan",
            Self::UndoCondition => "condition of an undo",
            Self::Stopped => "an undo waits for its run's workers",
            Self::OwnTokens => "an undo by run and moment",
            Self::MissedAnew => "given back is missed anew",
            Self::Fence => "fence in the condition",
        }
    }

    /// What breaks without it, and in which scene; of the fence what breaks without it and the version.
    pub fn mutation(self) -> (Invariant, Scene) {
        match self {
            Self::Barrier | Self::Drain => (Invariant::LiveLoss, Scene::MOVER),
            Self::Completeness => (Invariant::MissingIsEmpty, Scene::BAD_STORE),
            Self::ReadBarrier => (Invariant::LiveLoss, Scene::FAST_MOVER),
            Self::Lease => (Invariant::StaleVerdict, Scene::TWO_SWEEPERS),
            Self::Version | Self::AgeFloor => (Invariant::AgeFloor, Scene::ISSUER),
            Self::ExpectedFields => (Invariant::AgeFloor, Scene::READER),
            Self::Strikes => (Invariant::LiveDemotion, Scene::BAD_STORE),
            Self::VerdictRun => (Invariant::LiveLoss, Scene::BAD_STORE),
            Self::CoolOff => (Invariant::LiveLoss, Scene::UNKNOWN_STORE),
            Self::Notice | Self::Lift => (Invariant::LiveLoss, Scene::READER),
            Self::SeenSinceCooling | Self::RemovalCondition => (Invariant::LiveLoss, Scene::LATE_STREAM),
            Self::ArchiveBeforeAcknowledging => (Invariant::Lost, Scene::TWO_SWEEPERS),
            Self::DerivedKey => (Invariant::ArchivedTwice, Scene::TWO_SWEEPERS),
            Self::Hold => (Invariant::HoldBroken, Scene::HOLDER),
            Self::Resend | Self::Overdue | Self::BookedAgain | Self::LeaseEnds => {
                (Invariant::HangsOn, Scene::FAULTS)
            }
            Self::KillSwitch | Self::PlanFromBefore => (Invariant::PauseBroken, Scene::PAUSER),
            Self::CutShort => (Invariant::HangsOn, Scene::HELD_UP),
            Self::ApprovalHash | Self::PlanHash => (Invariant::Unapproved, Scene::APPROVER),
            Self::Fence => (Invariant::Overwritten, Scene::OLD_RUN),
            Self::UndoCondition => (Invariant::Resurrected, Scene::UNDOER),
            Self::Stopped => (Invariant::UndoneAgain, Scene::UNDOER),
            Self::OwnTokens => (Invariant::OthersUndone, Scene::NEXT_CAMPAIGN),
            Self::MissedAnew => (Invariant::AgeFloor, Scene::NEXT_CAMPAIGN),
        }
    }
}
