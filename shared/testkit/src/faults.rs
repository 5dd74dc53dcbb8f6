//! Makes one chosen call of all the calls to all fakes fail, so that a test can do so for each call in turn.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// The cause inside an injected error.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("injected fault at {0}")]
pub struct Injected(pub &'static str);

/// Counts the calls of all fakes and fails the chosen one.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Counter>>);

#[derive(Debug, Default)]
struct Counter {
    chosen: Option<(u64, FaultKind)>,
    n_calls: u64,
    by_name: BTreeMap<&'static str, u64>,
    fired: Option<&'static str>,
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

    /// Begins a call of a fake whose errors are not [`PortError`].
    pub fn try_begin(&self, name: &'static str) -> Result<Call, Injected> {
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
    pub fn begin(&self, name: &'static str) -> Result<Call, PortError> {
        self.try_begin(name).map_err(|injected| PortError::later(name, injected))
    }

    fn lock(&self) -> MutexGuard<'_, Counter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    use super::*;

    fn outcomes(faults: &Faults) -> Vec<bool> {
        (0..4).map(|_| faults.begin("a").and_then(|call| call.end(())).is_ok()).collect()
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
    fn a_call_beyond_the_last_never_fires() {
        let faults = Faults::default();
        faults.fail_call(9, FaultKind::BeforeEffect);
        assert_eq!((outcomes(&faults), faults.fired()), (vec![true; 4], None));
    }
}
