//! Carries out commands and notices from the queue and the function's URL.
// The SDK's futures nest deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod settings;

use lethe_aws::Clients;
use lethe_lambda::handlers;
use lethe_stages::announce::Announced;
use lethe_stages::intake::Intake;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = lethe_lambda::start(settings::read)?;
    let clients = Clients::load(settings.is_local).await;
    let control = &clients.control(settings.control_table.clone());
    let audit =
        &Announced { audit: clients.audit(settings.audit_table), bus: clients.event_bus(settings.event_bus) };
    let vault = &clients.vault(settings.vault_table, settings.control_table);
    let stage = Intake { control, audit, vault, settings: &settings.stage };
    lethe_lambda::serve(async |event, at| handlers::intake(&event, &stage, at).await).await?;
    Ok(())
}
