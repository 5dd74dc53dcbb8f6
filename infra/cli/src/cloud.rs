//! temporary
use crate::{args::Global, commands::Caller, error::CliError, input};
use lethe_testkit::*;
pub(crate) struct Cloud {
    pub(crate) caller: Caller,
    pub(crate) control: FakeControl,
    pub(crate) audit: FakeAudit,
    pub(crate) vault: FakeVault,
    pub(crate) work: FakeWork,
}
impl Cloud {
    pub(crate) async fn connect(_: &Global) -> Result<Self, CliError> {
        let c = FakeCloud::new();
        Ok(Self {
            caller: Caller { actor: String::new(), now: input::now() },
            control: c.control,
            audit: c.audit,
            vault: c.vault,
            work: c.work,
        })
    }
}
