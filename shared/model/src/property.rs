//! The properties: what must hold in every state, and what must happen in some.

use stateright::Property;

use crate::protocol::Protocol;
use crate::world::{Archived, World};

/// What must never happen. The first six are the design's invariants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// A token with a reference, a read or an issue since its verdict's scan began left the vault.
    LiveLoss,
    /// A plan was made over a source that was not read whole.
    MissingIsEmpty,
    /// A sentence was not by the lease's holder, a verdict run, and a scan wholly after the cool-off.
    StaleVerdict,
    /// What was issued, read or given back within the grace before a scan was taken out of service for its sake.
    AgeFloor,
    /// A row left the vault and did not come into the archive.
    Lost,
    /// A token that nobody needs, or its archived version, is still there when it should be gone.
    HangsOn,
    /// One row is in the archive more than once.
    ArchivedTwice,
    /// A token under a legal hold was sentenced or left.
    HoldBroken,
    /// A single miss took a token out of service that a store holds.
    LiveDemotion,
    /// A token was condemned while a pause stood, or by a plan that is older than the end of one.
    PauseBroken,
    /// A token was condemned by a plan that waited for a person, and is not the one that a person approved.
    Unapproved,
    /// A token that was revoked came back into service.
    Resurrected,
    /// A run condemned a token after the order to undo it was done.
    UndoneAgain,
    /// An undo brought back what another run had taken.
    OthersUndone,
    /// A worker wrote over what one with a later fence had written.
    Overwritten,
}

impl Invariant {
    /// The property's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::LiveLoss => "no live loss",
            Self::MissingIsEmpty => "missing is not empty",
            Self::StaleVerdict => "fresh verdict",
            Self::AgeFloor => "age floor",
            Self::Lost => "nothing is lost",
            Self::HangsOn => "nothing hangs on",
            Self::ArchivedTwice => "archived once",
            Self::HoldBroken => "a held token stays",
            Self::LiveDemotion => "one miss cools nothing",
            Self::PauseBroken => "a pause stops what condemns",
            Self::Unapproved => "only approved plans condemn",
            Self::Resurrected => "what was revoked stays out",
            Self::UndoneAgain => "an undone run takes nothing",
            Self::OthersUndone => "an undo brings back its own",
            Self::Overwritten => "no older run writes over a later one",
        }
    }

    fn property(self) -> Property<Protocol> {
        let holds: fn(&Protocol, &World) -> bool = match self {
            Self::LiveLoss => |_, world| !world.broken.has(Self::LiveLoss),
            Self::MissingIsEmpty => |_, world| !world.broken.has(Self::MissingIsEmpty),
            Self::StaleVerdict => |_, world| !world.broken.has(Self::StaleVerdict),
            Self::AgeFloor => |_, world| !world.broken.has(Self::AgeFloor),
            Self::Lost => |_, world| !world.broken.has(Self::Lost),
            Self::HangsOn => |_, world| !world.broken.has(Self::HangsOn),
            Self::ArchivedTwice => |_, world| !world.broken.has(Self::ArchivedTwice),
            Self::HoldBroken => |_, world| !world.broken.has(Self::HoldBroken),
            Self::LiveDemotion => |_, world| !world.broken.has(Self::LiveDemotion),
            Self::PauseBroken => |_, world| !world.broken.has(Self::PauseBroken),
            Self::Unapproved => |_, world| !world.broken.has(Self::Unapproved),
            Self::Resurrected => |_, world| !world.broken.has(Self::Resurrected),
            Self::UndoneAgain => |_, world| !world.broken.has(Self::UndoneAgain),
            Self::OthersUndone => |_, world| !world.broken.has(Self::OthersUndone),
            Self::Overwritten => |_, world| !world.broken.has(Self::Overwritten),
        };
        Property::always(self.name(), holds)
    }
}

/// The invariants that an action broke. Noted where it happens, so that a counter-example ends at its cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Broken(u16);

impl Broken {
    pub(crate) fn note(&mut self, invariant: Invariant, is_broken: bool) {
        self.0 |= u16::from(is_broken) << (invariant as u8);
    }

    pub(crate) fn has(self, invariant: Invariant) -> bool {
        self.0 & (1 << (invariant as u8)) != 0
    }
}

/// What must happen in some state of a scene, or the scene would prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sometimes {
    /// A token went the whole way.
    Purged,
    /// A token that was out of service came back.
    Revived,
    /// A token is out of service though a store holds it: what the verdict run is for.
    WronglyCooled,
    /// A read is noted in the row of a token in service.
    Stamped,
    /// A token whose id left the vault is in it again.
    Reborn,
    /// A run that made a plan is booked again because of a pause.
    CutShort,
    /// A run is undone.
    Undone,
}

impl Sometimes {
    /// The property's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Purged => "a token is purged",
            Self::Revived => "a token is revived",
            Self::WronglyCooled => "a live token cools",
            Self::Stamped => "a read is noted",
            Self::Reborn => "an id is used again",
            Self::CutShort => "a run is cut short",
            Self::Undone => "a run is undone",
        }
    }

    fn property(self) -> Property<Protocol> {
        let happens: fn(&Protocol, &World) -> bool = match self {
            Self::Purged => |_, world| world.archived == Archived::Purged,
            Self::Revived => |_, world| world.is_revived,
            Self::WronglyCooled => |_, world| {
                world.reference.is_live() && world.row.is_some_and(|row| row.cooling_since.is_some())
            },
            Self::Stamped => |_, world| world.row.is_some_and(|row| row.last_read_at.is_some()),
            Self::Reborn => |_, world| world.row.is_some() && world.archived != Archived::Never,
            Self::CutShort => |_, world| world.is_cut_short,
            Self::Undone => |_, world| {
                let is_back = world.row.is_some_and(|row| row.released_at.is_some());
                is_back && world.order.is_some_and(|order| order.is_done)
            },
        };
        Property::sometimes(self.name(), happens)
    }
}

/// Every invariant, and what the scene must show.
pub(crate) fn properties(sometimes: &[Sometimes]) -> Vec<Property<Protocol>> {
    let invariants = [
        Invariant::LiveLoss,
        Invariant::MissingIsEmpty,
        Invariant::StaleVerdict,
        Invariant::AgeFloor,
        Invariant::Lost,
        Invariant::HangsOn,
        Invariant::ArchivedTwice,
        Invariant::HoldBroken,
        Invariant::LiveDemotion,
        Invariant::PauseBroken,
        Invariant::Unapproved,
        Invariant::Resurrected,
        Invariant::UndoneAgain,
        Invariant::OthersUndone,
        Invariant::Overwritten,
    ];
    let always = invariants.into_iter().map(Invariant::property);
    always.chain(sometimes.iter().map(|witness| witness.property())).collect()
}
