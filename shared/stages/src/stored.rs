//! What the stages store as JSON in the work bucket.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StageError;

/// The bytes of a value.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, StageError> {
    serde_json::to_vec(value).map_err(StageError::Encode)
}

/// A stored value; the error says what it should have been, for the reason of a void run.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|_| format!("{what} is damaged"))
}
