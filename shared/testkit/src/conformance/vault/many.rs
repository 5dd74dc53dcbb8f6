//! Many rows in one call.

use lethe_domain::row::{RowFault, RowRead};
use lethe_domain::token::RowKey;
use lethe_stages::error::Retry;
use lethe_stages::ports::{Control, MAX_ROWS_AT_ONCE, Vault};
use serde_json::json;

use super::{VaultSeed, World};
use crate::rows::row;
use crate::tokens::{key, token};

fn absent(seed: u64) -> RowKey {
    key("many", &token(seed), 2)
}

impl<V: Vault, C: Control, S: VaultSeed> World<'_, V, C, S> {
    pub(super) async fn many(&self) {
        self.rows_come_in_the_order_of_their_keys().await;
        self.a_call_takes_so_many_keys_and_none_twice().await;
    }

    async fn rows_come_in_the_order_of_their_keys(&self) {
        let (one, two) = (self.put(&row("many", &token(1))).await, self.put(&row("many", &token(2))).await);
        let mut torn = row("many", &token(3)).item();
        torn.insert("version".into(), json!({ "S": "7" }));
        self.seed.put(torn).await;
        let read = |row: &_| Some(RowRead::Token(Box::new(Clone::clone(row))));
        let torn = Some(RowRead::Unreadable(RowFault::Attributes));
        let keys = [absent(3), two.key.clone(), absent(9), one.key.clone(), absent(8)];
        let expected = [torn.clone(), read(&two), None, read(&one), None];
        assert_eq!(self.vault.get_many(&keys).await.unwrap(), expected);
        let reversed: Vec<_> = keys.iter().rev().cloned().collect();
        let expected = [None, read(&one), None, read(&two), torn];
        assert_eq!(self.vault.get_many(&reversed).await.unwrap(), expected);
        assert_eq!(self.vault.get_many(&[]).await.unwrap(), []);
    }

    async fn a_call_takes_so_many_keys_and_none_twice(&self) {
        let most = u64::try_from(MAX_ROWS_AT_ONCE).unwrap();
        let last = self.put(&row("many", &token(100 + most))).await;
        let mut keys: Vec<_> = (101..=100 + most).map(absent).collect();
        let rows = self.vault.get_many(&keys).await.unwrap();
        assert_eq!(rows.iter().position(Option::is_some), Some(MAX_ROWS_AT_ONCE - 1));
        keys.push(absent(1));
        let too_many = self.vault.get_many(&keys).await;
        assert_eq!(too_many.map_err(|error| error.retry()), Err(Retry::Never));
        let twice = self.vault.get_many(&[last.key.clone(), absent(1), last.key]).await;
        assert_eq!(twice.map_err(|error| error.retry()), Err(Retry::Never));
    }
}
