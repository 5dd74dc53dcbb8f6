//! What the command reads besides its arguments: files, standard input, the clock and randomness.

use std::io::Read;
use std::path::Path;

use lethe_domain::config::floors::FILE_MAX_BYTES;
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::time::EpochSeconds;

use crate::error::CliError;

/// The version of a tenant's first keys.
const FIRST_KEY_VERSION: u32 = 1;

/// The longest token that is read from standard input.
const TOKEN_MAX_BYTES: usize = 4096;

/// A file's text; `-` is standard input.
pub(crate) fn file(path: &Path) -> Result<String, CliError> {
    let name = path.display();
    let read = if path == Path::new("-") {
        read_limited(std::io::stdin().lock(), FILE_MAX_BYTES)
    } else {
        std::fs::File::open(path).and_then(|file| read_limited(file, FILE_MAX_BYTES))
    };
    let bytes = read
        .map_err(|error| CliError::BadInput(format!("{name} cannot be read: {error}; name another file")))?;
    String::from_utf8(bytes).map_err(|error| {
        CliError::BadInput(format!("{name} is not UTF-8: {}; save it as UTF-8", error.utf8_error()))
    })
}

/// A token; `-` reads the first line of standard input.
pub(crate) fn token(given: &str) -> Result<String, CliError> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let bytes = read_limited(std::io::stdin().lock(), TOKEN_MAX_BYTES)
        .map_err(|error| CliError::BadInput(format!("standard input cannot be read: {error}")))?;
    first_line(&bytes)
}

fn first_line(bytes: &[u8]) -> Result<String, CliError> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return Err(CliError::BadInput("standard input holds no token; write it in one line".to_owned()));
    }
    Ok(line.to_owned())
}

/// Reads one byte more than allowed, so that the reader's own check sees that there is too much.
fn read_limited(from: impl Read, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    from.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The present time.
#[expect(clippy::disallowed_methods, reason = "the command is the edge: below it time is an argument")]
pub(crate) fn now() -> EpochSeconds {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    EpochSeconds(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
}

/// Fresh keys for a tenant, from the operating system's generator.
pub(crate) fn new_keys() -> Result<TenantKeys, CliError> {
    let mut fingerprint_key = [0; 32];
    let mut mark_key = [0; 8];
    for bytes in [&mut fingerprint_key[..], &mut mark_key[..]] {
        getrandom::fill(bytes)
            .map_err(|error| CliError::Failed(format!("the system gives no random numbers: {error}")))?;
    }
    Ok(TenantKeys { mark_key: u64::from_be_bytes(mark_key), fingerprint_key, key_version: FIRST_KEY_VERSION })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_from_standard_input_is_its_first_line() {
        assert_eq!(first_line(b"tok_a\n").unwrap(), "tok_a");
        assert_eq!(first_line(b" tok_a \r\nmore\n").unwrap(), "tok_a");
        for empty in [&b""[..], b"\n", b"\xff\xff"] {
            assert_eq!(first_line(empty).unwrap_err().exit_code(), 2);
        }
    }

    #[test]
    fn a_missing_file_is_bad_input() {
        let error = file(Path::new("/nowhere/lethe.toml")).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with("/nowhere/lethe.toml cannot be read"), "{error}");
    }

    #[test]
    fn input_is_read_up_to_its_limit() {
        assert_eq!(read_limited(&b"abcdef"[..], 3).unwrap(), b"abcd");
    }

    #[test]
    fn no_two_tenants_get_the_same_keys() {
        assert!(new_keys().unwrap() != new_keys().unwrap());
    }
}
