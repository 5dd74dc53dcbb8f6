//! Takes tokens out of service whose time has come.
// The SDK's futures nest deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod settings;

use lethe_aws::Clients;
use lethe_lambda::handlers;
use lethe_stages::expire::Expire;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = lethe_lambda::start(settings::read)?;
    let clients = Clients::load(settings.is_local).await;
    let control = &clients.control(settings.control_table.clone());
    let vault = &clients.vault(settings.vault_table, settings.control_table);
    let stage = Expire { control, vault, settings: &settings.stage };
    lethe_lambda::serve(async |_event, at| handlers::expire(&stage, at).await).await?;
    Ok(())
}
