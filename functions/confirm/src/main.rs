//! Puts on record that an archived version is gone for good.
// The SDK's futures nest deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod settings;

use lethe_aws::{Clients, LockMode};
use lethe_lambda::handlers;
use lethe_stages::announce::Announced;
use lethe_stages::confirm::Confirm;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = lethe_lambda::start(settings::read)?;
    let clients = Clients::load(settings.is_local).await;
    let audit =
        &Announced { audit: clients.audit(settings.audit_table), bus: clients.event_bus(settings.event_bus) };
    // Nothing is written here, so the mode of the lock does not matter.
    let archive = &clients.archive(settings.archive_bucket, LockMode::Governance);
    let stage = Confirm { audit, archive };
    lethe_lambda::serve(async |event, at| handlers::confirm(&event, &stage, at).await).await?;
    Ok(())
}
