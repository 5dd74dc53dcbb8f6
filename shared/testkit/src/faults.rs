//! Makes one chosen call of all the calls to all fakes fail, so that a test can do so for each call in turn; or makes
//! every call wait for its turn, so that a simulation decides in which order the calls of many workers happen.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use lethe_stages::error::PortError;
use thiserror::Error;

/// When the chosen call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Before it did anything.
    BeforeEffect,
    /// After it did everything: the answer was lost.
    AfterEffect,
    /// Before it did anything, and every later call too: the worker was killed.
    Killed,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::BeforeEffect, Self::AfterEffect, Self::Killed];
}

/// A fake that is broken for good. What checks the stages must notice each, or it would not notice a broken stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The vault's conditional writes and removals ignore their condition.
    WritesWithoutCondition,
    /// A listing of objects leaves out its last one.
    HidesObjects,
    /// The first page of a table passes for all of it.
    CutsTables,
    /// The record says yes to every other item and does not keep it.
    LosesAuditItems,
    /// The archive says yes to an object and does not keep it.
    LosesArchivedObjects,
    /// Every seventh record of the vault's stream never reaches its reader. Whoever drives the stream has to see to it.
    LosesStreamRecords,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Self; 6] = [
        Self::WritesWithoutCondition,
        Self::HidesObjects,
        Self::CutsTables,
        Self::LosesAuditItems,
        Self::LosesArchivedObjects,
        Self::LosesStreamRecords,
    ];
}

/// The cause inside an injected error.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("injected fault at {0}")]
pub struct Injected(pub &'static str);

/// Counts the calls of all fakes and fails the chosen one.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    counter: Arc<Mutex<Counter>>,
    flaw: Arc<OnceLock<Flaw>>,
}

#[derive(Debug, Default)]
struct Counter {
    chosen: Option<(u64, FaultKind)>,
    n_calls: u64,
    by_name: BTreeMap<&'static str, u64>,
    fired: Option<&'static str>,
    turns: Option<Turns>,
}

/// Turns, where calls wait for them.
#[derive(Debug, Default)]
struct Turns {
    /// What becomes of the one call that may happen now: it works, or it fails like this.
    #[expect(
        clippy::option_option,
        reason = "the outer one says whether a call may happen, the inner one how it fails"
    )]
    given: Option<Option<FaultKind>>,
    /// The call that took the last turn.
    taken: Option<&'static str>,
}

/// A call that has begun; a fake ends it after its effect.
#[must_use]
#[derive(Debug)]
pub struct Call {
    name: &'static str,
    loses_answer: bool,
}

impl Faults {
    /// Fails the n-th call from now on, counted from 1 over all fakes.
    pub fn fail_call(&self, n: u64, kind: FaultKind) {
        *self.lock() = Counter { chosen: Some((n, kind)), ..Counter::default() };
    }

    /// Fails nothing any more and counts from zero again.
    pub fn calm(&self) {
        *self.lock() = Counter::default();
    }

    /// The name of the first call that was failed since the last [`Faults::fail_call`]; `None` tells a loop over n
    /// that the work makes fewer calls than that.
    pub fn fired(&self) -> Option<&'static str> {
        self.lock().fired
    }

    /// How many calls there were since the last [`Faults::fail_call`] or [`Faults::calm`].
    pub fn n_calls(&self) -> u64 {
        self.lock().n_calls
    }

    /// How many of them had this name, such as `vault.write`.
    pub fn n_calls_of(&self, name: &str) -> u64 {
        self.lock().by_name.get(name).copied().unwrap_or(0)
    }

    /// How many of them each name had.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.lock().by_name.clone()
    }

    /// Lets exactly one call happen, whichever asks next; it works, or it fails like this. All others wait for a turn of
    /// their own until [`Faults::calm`].
    pub fn give_turn(&self, fate: Option<FaultKind>) {
        let turns = Turns { given: Some(fate), taken: None };
        self.lock().turns = Some(turns);
    }

    /// The call that took the last turn that was given. One that nobody took is taken back.
    pub fn turn_taken(&self) -> Option<&'static str> {
        let mut counter = self.lock();
        let turns = counter.turns.as_mut()?;
        turns.given = None;
        turns.taken
    }

    /// Breaks the fakes like this, for good.
    pub fn break_by(&self, flaw: Flaw) {
        self.flaw.get_or_init(|| flaw);
    }

    /// Whether the fakes are broken like this.
    pub fn has(&self, flaw: Flaw) -> bool {
        self.flaw.get() == Some(&flaw)
    }

    /// Begins a call of a fake whose errors are not [`PortError`].
    pub async fn try_begin(&self, name: &'static str) -> Result<Call, Injected> {
        match self.turn(name).await {
            Some(FaultKind::BeforeEffect | FaultKind::Killed) => return Err(Injected(name)),
            Some(FaultKind::AfterEffect) => return Ok(Call { name, loses_answer: true }),
            None => {}
        }
        let mut counter = self.lock();
        counter.n_calls += 1;
        *counter.by_name.entry(name).or_default() += 1;
        let Some((n, kind)) = counter.chosen else { return Ok(Call { name, loses_answer: false }) };
        let is_chosen = match kind {
            FaultKind::BeforeEffect | FaultKind::AfterEffect => counter.n_calls == n,
            FaultKind::Killed => n <= counter.n_calls,
        };
        if is_chosen && counter.fired.is_none() {
            counter.fired = Some(name);
        }
        match kind {
            FaultKind::BeforeEffect | FaultKind::Killed if is_chosen => Err(Injected(name)),
            FaultKind::AfterEffect => Ok(Call { name, loses_answer: is_chosen }),
            FaultKind::BeforeEffect | FaultKind::Killed => Ok(Call { name, loses_answer: false }),
        }
    }

    /// Begins a call.
    pub async fn begin(&self, name: &'static str) -> Result<Call, PortError> {
        self.try_begin(name).await.map_err(|injected| PortError::later(name, injected))
    }

    /// Waits for a turn where calls take turns, and returns how the call is to fail.
    async fn turn(&self, name: &'static str) -> Option<FaultKind> {
        poll_fn(|context| {
            let mut counter = self.lock();
            let Some(turns) = &mut counter.turns else { return Poll::Ready(None) };
            if let Some(fate) = turns.given.take() {
                turns.taken = Some(name);
                return Poll::Ready(fate);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, Counter> {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    /// Ends a call of a fake whose errors are not [`PortError`].
    pub fn try_end<T>(self, value: T) -> Result<T, Injected> {
        if self.loses_answer { Err(Injected(self.name)) } else { Ok(value) }
    }

    /// Ends the call: its value, or the lost answer.
    pub fn end<T>(self, value: T) -> Result<T, PortError> {
        let name = self.name;
        self.try_end(value).map_err(|injected| PortError::later(name, injected))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use futures::executor::block_on;

    use super::*;

    fn outcomes(faults: &Faults) -> Vec<bool> {
        let call = async || faults.begin("a").await?.end(());
        (0..4).map(|_| block_on(call()).is_ok()).collect()
    }

    #[test]
    fn nothing_fails_by_itself() {
        assert_eq!(outcomes(&Faults::default()), [true; 4]);
    }

    #[test]
    fn only_the_chosen_call_fails() {
        let faults = Faults::default();
        for kind in [FaultKind::BeforeEffect, FaultKind::AfterEffect] {
            faults.fail_call(2, kind);
            assert_eq!(outcomes(&faults), [true, false, true, true], "{kind:?}");
            assert_eq!((faults.fired(), faults.n_calls_of("a")), (Some("a"), 4));
        }
    }

    #[test]
    fn a_killed_worker_calls_nothing_more() {
        let faults = Faults::default();
        faults.fail_call(3, FaultKind::Killed);
        assert_eq!(outcomes(&faults), [true, true, false, false]);
    }

    #[test]
    fn a_turn_is_for_one_call_and_says_how_it_fails() {
        let faults = Faults::default();
        let mut both = pin!(async { (faults.begin("a").await.is_ok(), faults.begin("b").await.is_ok()) });
        let mut poll = || both.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        faults.give_turn(None);
        assert!(poll().is_pending());
        assert_eq!(faults.turn_taken(), Some("a"));
        assert!(poll().is_pending());
        faults.give_turn(Some(FaultKind::BeforeEffect));
        assert_eq!(poll(), Poll::Ready((true, false)));
        assert_eq!(faults.turn_taken(), Some("b"));
        faults.calm();
        assert_eq!(outcomes(&faults), [true; 4]);
    }

    #[test]
    fn a_call_beyond_the_last_never_fires() {
        let faults = Faults::default();
        faults.fail_call(9, FaultKind::BeforeEffect);
        assert_eq!((outcomes(&faults), faults.fired()), (vec![true; 4], None));
    }
}
