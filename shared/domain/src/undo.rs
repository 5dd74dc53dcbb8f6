//! The order to take back what a run did: written down first, worked off in bounded pieces, and kept with its outcome.

use serde::{Deserialize, Serialize};

use crate::row::By;
use crate::run::RunId;
use crate::time::EpochSeconds;
use crate::token::TenantId;

/// One order. Every write of it is conditional on `revision`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// Whose tokens.
    pub tenant: TenantId,
    /// The run that is taken back.
    pub run: RunId,
    /// Who ordered it, and why: both go on record with each token.
    pub by: By,
    /// When.
    pub ordered_at: EpochSeconds,
    /// Where it goes on.
    pub position: UndoPosition,
    /// What became of the tokens that are behind it.
    pub tally: UndoTally,
    /// When it was done.
    pub done_at: Option<EpochSeconds>,
    /// One more with every write of it.
    pub revision: u64,
}

/// How far an order has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum UndoPosition {
    /// In the run's plan, which names every token that it could write.
    Plan {
        /// How many of the plan's shards are done.
        n_shards_done: u32,
        /// The part of the next shard.
        part: u32,
        /// How many of its entries are done.
        n_entries_done: u32,
    },
    /// The plan is gone: in the tenant's shards, row by row.
    Walk {
        /// How many shards are done.
        n_shards_done: u32,
        /// The last row of the next shard that is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
}

impl UndoPosition {
    /// Where every order begins.
    pub const START: Self = Self::Plan { n_shards_done: 0, part: 0, n_entries_done: 0 };
    /// Where it begins again when the plan cannot be read.
    pub const WALK: Self = Self::Walk { n_shards_done: 0, after: None };
}

/// What became of tokens, by count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoTally {
    /// Back in service by this order.
    pub n_reinstated: u64,
    /// In service already: the run did not get to them, or somebody brought them back.
    pub n_in_service: u64,
    /// Kept out of service, because they ended for another reason since.
    pub n_ended: u64,
    /// Kept out of service, because another run or idleness took them out.
    pub n_of_others: u64,
    /// Not in the vault any more.
    pub n_gone: u64,
    /// Kept, because their row cannot be understood or written.
    pub n_unreadable: u64,
}

impl UndoTally {
    /// The counts of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            n_reinstated: self.n_reinstated.saturating_add(other.n_reinstated),
            n_in_service: self.n_in_service.saturating_add(other.n_in_service),
            n_ended: self.n_ended.saturating_add(other.n_ended),
            n_of_others: self.n_of_others.saturating_add(other.n_of_others),
            n_gone: self.n_gone.saturating_add(other.n_gone),
            n_unreadable: self.n_unreadable.saturating_add(other.n_unreadable),
        }
    }
}

impl Undo {
    /// A new order.
    pub fn new(tenant: TenantId, run: RunId, (actor, why): (&str, Option<&str>), now: EpochSeconds) -> Self {
        let said = why.map_or_else(String::new, |why| format!(": {why}"));
        let by = By { actor: actor.to_owned(), reason_text: Some(format!("undo of run {run}{said}")) };
        Self {
            tenant,
            run,
            by,
            ordered_at: now,
            position: UndoPosition::START,
            tally: UndoTally::default(),
            done_at: None,
            revision: 0,
        }
    }

    /// This order from the beginning, without the plan.
    #[must_use]
    pub fn walking(&self) -> Self {
        Self { position: UndoPosition::WALK, tally: UndoTally::default(), ..self.clone() }
    }
}
