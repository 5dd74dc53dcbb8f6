//! One small cloud in memory: every port, one clock, one count of calls.

use crate::archive::FakeArchive;
use crate::audit::FakeAudit;
use crate::bus::FakeBus;
use crate::clock::HandClock;
use crate::control::FakeControl;
use crate::faults::Faults;
use crate::queue::FakeQueue;
use crate::vault::FakeVault;
use crate::work::FakeWork;

/// All fakes of one cloud. Clones are the same cloud.
#[derive(Clone, Debug)]
pub struct FakeCloud {
    /// The clock that every fake goes by.
    pub clock: HandClock,
    /// Counts every fake's calls and fails the chosen one.
    pub faults: Faults,
    /// The vault.
    pub vault: FakeVault,
    /// Config, runs, leases, approvals, and what commands leave behind.
    pub control: FakeControl,
    /// The audit.
    pub audit: FakeAudit,
    /// The locked archive.
    pub archive: FakeArchive,
    /// The work bucket.
    pub work: FakeWork,
    /// The scan queue.
    pub scan_queue: FakeQueue,
    /// The sweep queue.
    pub sweep_queue: FakeQueue,
    /// The bus on which the outside learns of things.
    pub bus: FakeBus,
}

impl Default for FakeCloud {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeCloud {
    /// An empty cloud at [`crate::clock::START`].
    pub fn new() -> Self {
        let (faults, clock) = (Faults::default(), HandClock::default());
        let control = FakeControl::new(faults.clone());
        Self {
            vault: FakeVault::new(control.clone(), faults.clone(), clock.clone()),
            audit: FakeAudit::new(faults.clone()),
            archive: FakeArchive::new(faults.clone(), clock.clone()),
            work: FakeWork::new(faults.clone()),
            scan_queue: FakeQueue::new(faults.clone(), clock.clone(), "scan_queue.send"),
            sweep_queue: FakeQueue::new(faults.clone(), clock.clone(), "sweep_queue.send"),
            bus: FakeBus::new(faults.clone()),
            control,
            clock,
            faults,
        }
    }

    /// Makes every page end after `size` items, so that whatever reads pages has to go on.
    pub fn set_page_size(&self, size: u8) {
        self.vault.set_page_size(u32::from(size));
        self.audit.set_page_size(usize::from(size));
        self.archive.set_page_size(usize::from(size));
    }
}
