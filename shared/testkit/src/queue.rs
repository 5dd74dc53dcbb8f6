//! A queue in memory; its messages stay until a test takes them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lethe_domain::message::Wake;
use lethe_domain::time::EpochSeconds;
use lethe_stages::error::PortError;
use lethe_stages::ports::{MAX_DELAY, Queue};

use crate::clock::HandClock;
use crate::faults::Faults;

/// A fake queue. Clones share their messages.
#[derive(Clone, Debug)]
pub struct FakeQueue {
    /// Each with the time from which it can be taken.
    waiting: Arc<Mutex<VecDeque<(EpochSeconds, Wake)>>>,
    faults: Faults,
    clock: HandClock,
    name: &'static str,
}

impl FakeQueue {
    /// `name` is what its sends are counted under.
    pub(crate) fn new(faults: Faults, clock: HandClock, name: &'static str) -> Self {
        Self { waiting: Arc::default(), faults, clock, name }
    }

    /// Takes every message that has arrived, oldest first.
    pub fn drain(&self) -> Vec<Wake> {
        std::iter::from_fn(|| self.take()).collect()
    }

    /// Takes the oldest message that has arrived.
    pub fn take(&self) -> Option<Wake> {
        let mut waiting = self.lock();
        let now = self.clock.now();
        let at = waiting.iter().position(|(from, _)| *from <= now)?;
        waiting.remove(at).map(|(_, wake)| wake)
    }

    /// Puts a message behind the others, as a redelivery does.
    pub fn put_back(&self, wake: Wake) {
        self.lock().push_back((self.clock.now(), wake));
    }

    /// How many messages wait, those that have not arrived included.
    pub fn n_waiting(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(EpochSeconds, Wake)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue for FakeQueue {
    async fn send(&self, wakes: &[Wake]) -> Result<(), PortError> {
        let call = self.faults.begin(self.name).await?;
        let now = self.clock.now();
        self.lock().extend(wakes.iter().map(|wake| (now, wake.clone())));
        call.end(())
    }

    async fn send_later(&self, wake: &Wake, delay: Duration) -> Result<(), PortError> {
        let call = self.faults.begin(self.name).await?;
        let from = self.clock.now().plus(delay.min(MAX_DELAY));
        self.lock().push_back((from, wake.clone()));
        call.end(())
    }
}
