//! What every vault must do.

use lethe_domain::row::{RowRead, VaultRow};
use lethe_domain::token::RowKey;
use lethe_stages::ports::{Control, RowPage, ShardRef, Vault};

use crate::item::Item;
use crate::rows::RowBuilder;

mod leased;
mod many;
mod owned;
mod reads;
mod subjects;
mod writes;

/// Index reads are eventually consistent; a real one gets so many looks.
const MAX_LOOKS: usize = 50;

/// What a suite does to a vault's rows beside the port.
pub trait VaultSeed {
    /// Puts a row as an issuer does, whatever stands there.
    async fn put(&self, item: Item);
    /// All attributes of a row.
    async fn item(&self, key: &RowKey) -> Option<Item>;
}

/// A vault with everything that its checks need.
struct World<'a, V, C, S> {
    vault: &'a V,
    control: &'a C,
    seed: &'a S,
}

/// Holds a vault, and the leases of `control` that it checks, to what the stages count on.
pub async fn vault_suite<V: Vault, C: Control, S: VaultSeed>(vault: &V, control: &C, seed: &S) {
    let world = World { vault, control, seed };
    world.reads().await;
    world.many().await;
    world.owned_rows().await;
    world.subjects().await;
    world.writes().await;
    world.removals().await;
    world.leased_writes().await;
}

impl<V: Vault, C: Control, S: VaultSeed> World<'_, V, C, S> {
    async fn put(&self, row: &RowBuilder) -> VaultRow {
        self.seed.put(row.item()).await;
        row.build()
    }

    async fn row(&self, key: &RowKey) -> Option<VaultRow> {
        self.vault.get(key).await.unwrap().and_then(RowRead::token)
    }
}

fn shard_of(row: &RowBuilder) -> ShardRef {
    let key = row.key();
    ShardRef { tenant: key.tenant, shard: key.shard }
}

/// The token ids of a page, in its order.
fn ids(page: &RowPage) -> Vec<String> {
    let tokens = page.rows.iter().cloned().filter_map(RowRead::token);
    tokens.map(|row| row.key.token.expose().to_owned()).collect()
}
