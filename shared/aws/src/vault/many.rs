//! Many rows in one call.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use lethe_domain::row::RowRead;
use lethe_domain::token::RowKey;
use lethe_stages::error::PortError;
use lethe_stages::ports::MAX_ROWS_AT_ONCE;

use super::{DynamoVault, place_of, read};
use crate::failure::{port_error, wait_before};
use crate::item::{Item, text_of};

const DOING: &str = "read many vault rows";
/// How often the rows that the service left out are asked for again.
const MAX_ROUNDS: u32 = 5;

/// Rows that the service had no throughput left for, round after round.
#[derive(Debug, thiserror::Error)]
#[error("{0} rows were left out")]
struct LeftOut(usize);

impl DynamoVault {
    pub(super) async fn read_many(&self, keys: &[RowKey]) -> Result<Vec<Option<RowRead>>, PortError> {
        if MAX_ROWS_AT_ONCE < keys.len() {
            return Err(PortError::never(DOING, "more keys than one call takes"));
        }
        let mut found = HashMap::new();
        let mut asked: Vec<Item> = keys.iter().map(place_of).collect();
        for round in 0..MAX_ROUNDS {
            if asked.is_empty() {
                break;
            }
            if let Some(pause) = round.checked_sub(1) {
                wait_before(pause).await;
            }
            let (items, left) = self.read_some(asked).await?;
            found.extend(items.into_iter().filter_map(|item| Some((keys_of(&item)?, item))));
            asked = left;
        }
        // Guard: a row that was not read is not one that is not there.
        if !asked.is_empty() {
            return Err(PortError::later(DOING, LeftOut(asked.len())));
        }
        let row = |key: &RowKey| found.remove(&(key.pk(), key.token.expose().to_owned())).map(read);
        Ok(keys.iter().map(row).collect())
    }

    /// What one call brings, and the keys that it left out.
    async fn read_some(&self, keys: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), PortError> {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
        let wanted = wanted.build().map_err(|error| PortError::never(DOING, error))?;
        let get = self.client.batch_get_item().request_items(&self.table, wanted);
        let answer = get.send().await.map_err(|error| port_error(DOING, &error))?;
        // The service may name the table by its ARN, and there is only one.
        let items = answer.responses.unwrap_or_default().into_values().flatten().collect();
        let left = answer.unprocessed_keys.unwrap_or_default().into_values();
        Ok((items, left.flat_map(|left| left.keys).collect()))
    }
}

fn keys_of(item: &Item) -> Option<(String, String)> {
    Some((text_of(item, "pk")?.to_owned(), text_of(item, "sk")?.to_owned()))
}

#[cfg(test)]
mod tests {
    use lethe_domain::row::RowFault;
    use lethe_stages::error::Retry;

    use super::*;
    use crate::client::{Timeouts, dynamodb};
    use crate::script::Script;

    const B_ONLY: &str = r#"{"Responses":{"vault":[{"pk":{"S":"acme#0001"},"sk":{"S":"tok_b"}}]},
        "UnprocessedKeys":{"vault":{"Keys":[{"pk":{"S":"acme#0001"},"sk":{"S":"tok_a"}}]}}}"#;
    const A_ONLY: &str = r#"{"Responses":{"vault":[{"pk":{"S":"acme#0001"},"sk":{"S":"tok_a"}}]},
        "UnprocessedKeys":{}}"#;

    async fn read_two(script: &Script) -> Result<Vec<Option<RowRead>>, PortError> {
        let client = dynamodb(&script.config(), &Timeouts::PRODUCTION);
        let vault = DynamoVault::new(client, "vault".to_owned(), "control".to_owned());
        let keys = ["tok_a", "tok_b"].map(|token| RowKey::parse("acme#0001", token).unwrap());
        vault.read_many(&keys).await
    }

    #[tokio::test]
    async fn only_what_was_left_out_is_asked_for_again() {
        let script = Script::default();
        script.answer(200, B_ONLY).answer(200, A_ONLY);
        let torn = Some(RowRead::Unreadable(RowFault::Attributes));
        assert_eq!(read_two(&script).await.unwrap(), [torn.clone(), torn]);
        let asked = script.asked();
        assert!(asked[0].contains("tok_a") && asked[0].contains("tok_b"), "{}", asked[0]);
        assert!(asked[1].contains("tok_a") && !asked[1].contains("tok_b"), "{}", asked[1]);
        assert!(asked.iter().all(|asked| asked.contains(r#""ConsistentRead":true"#)), "{asked:?}");
    }

    #[tokio::test]
    async fn rows_that_are_left_out_to_the_end_are_not_taken_for_absent() {
        let script = Script::default();
        for _ in 0..MAX_ROUNDS {
            script.answer(200, B_ONLY);
        }
        assert_eq!(read_two(&script).await.map_err(|error| error.retry()), Err(Retry::Later));
    }
}
