//! Invocations under way. A worker is one future; it comes one call further with each turn, and is killed by being
//! dropped.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::executor::block_on;
use lethe_domain::time::EpochSeconds;
use lethe_stages::error::StageError;
use lethe_testkit::{FaultKind, Faults};

use crate::deployment::{Deployment, End};
use crate::post::Parcel;

/// No function lives longer.
pub const TIMEOUT: Duration = Duration::from_mins(15);

/// An invocation under way.
pub struct Worker<'d> {
    /// Its number in the story.
    pub number: u64,
    pub began_at: EpochSeconds,
    /// What was delivered to it.
    pub parcel: Parcel,
    future: Pin<Box<dyn Future<Output = Result<End, StageError>> + 'd>>,
}

/// What one turn came to.
pub struct Turn {
    /// The call that happened.
    pub call: Option<&'static str>,
    /// How the invocation ended, if it did.
    pub end: Option<Result<End, StageError>>,
}

impl<'d> Worker<'d> {
    /// `patience` is how often the worker may ask before its deadline is near.
    pub fn start(deployment: &'d Deployment, number: u64, parcel: Parcel, patience: u64) -> Self {
        let began_at = deployment.now();
        let (work, attempt) = (parcel.work.clone(), parcel.n_receives);
        let future = Box::pin(async move {
            let left = Cell::new(patience);
            let should_pause = || {
                left.set(left.get().saturating_sub(1));
                left.get() == 0
            };
            deployment.invoke(&work, attempt, began_at, &should_pause).await
        });
        Self { number, began_at, parcel, future }
    }

    /// Lets one call happen, which works or fails like this.
    pub fn turn(&mut self, faults: &Faults, fate: Option<FaultKind>) -> Turn {
        faults.give_turn(fate);
        let polled = self.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let end = match polled {
            Poll::Ready(end) => Some(end),
            Poll::Pending => None,
        };
        Turn { call: faults.turn_taken(), end }
    }

    /// All of it at once, where no call takes turns.
    pub fn finish(&mut self) -> Result<End, StageError> {
        block_on(&mut self.future)
    }

    pub fn is_overdue(&self, now: EpochSeconds) -> bool {
        self.began_at.plus(TIMEOUT) <= now
    }
}
