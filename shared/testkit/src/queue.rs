//! A queue in memory; its messages stay until a test takes them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lethe_domain::message::Wake;
use lethe_stages::error::PortError;
use lethe_stages::ports::Queue;

use crate::faults::Faults;

/// A fake queue. Clones share their messages.
#[derive(Clone, Debug)]
pub struct FakeQueue {
    waiting: Arc<Mutex<VecDeque<Wake>>>,
    faults: Faults,
    name: &'static str,
}

impl FakeQueue {
    /// `name` is what its sends are counted under.
    pub(crate) fn new(faults: Faults, name: &'static str) -> Self {
        Self { waiting: Arc::default(), faults, name }
    }

    /// Takes every message, oldest first.
    pub fn drain(&self) -> Vec<Wake> {
        self.lock().drain(..).collect()
    }

    /// Takes the oldest message.
    pub fn take(&self) -> Option<Wake> {
        self.lock().pop_front()
    }

    /// Puts a message behind the others, as a redelivery does.
    pub fn put_back(&self, wake: Wake) {
        self.lock().push_back(wake);
    }

    /// How many messages wait.
    pub fn n_waiting(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Wake>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue for FakeQueue {
    async fn send(&self, wakes: &[Wake]) -> Result<(), PortError> {
        let call = self.faults.begin(self.name)?;
        self.lock().extend(wakes.iter().cloned());
        call.end(())
    }
}
