//! An event bus in memory: what was published stays until a test takes it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lethe_domain::event::OutEvent;
use lethe_stages::error::PortError;
use lethe_stages::ports::EventBus;

use crate::faults::Faults;

/// A fake bus. Clones share their events.
#[derive(Clone, Debug)]
pub struct FakeBus {
    published: Arc<Mutex<Vec<OutEvent>>>,
    faults: Faults,
}

impl FakeBus {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { published: Arc::default(), faults }
    }

    /// Every event, oldest first; one that was published twice is there twice.
    pub fn published(&self) -> Vec<OutEvent> {
        self.lock().clone()
    }

    /// Takes every event, oldest first.
    pub fn drain(&self) -> Vec<OutEvent> {
        self.lock().drain(..).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<OutEvent>> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventBus for FakeBus {
    async fn publish(&self, events: &[OutEvent]) -> Result<(), PortError> {
        let call = self.faults.begin("bus.publish").await?;
        self.lock().extend(events.iter().cloned());
        call.end(())
    }
}
