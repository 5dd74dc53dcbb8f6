//! Looks for tokens in one value of an item: as it stands, and unpacked where it is gzip.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use lethe_domain::extract::{Extractor, Stream, Syntax};
use lethe_domain::marks::MarkBuilder;
use lethe_domain::source::Encoding;

/// What gzip begins with (RFC 1952, section 2.3.1): its magic number and the one method of compression there is.
const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];
/// The same in base64, as far as these bytes decide it.
const GZIP_IN_BASE64: &[u8] = b"H4sI";
/// How much is unpacked at a time.
const PIECE: usize = 64 << 10;

/// A value begins as gzip and cannot be unpacked: a token may be in what cannot be seen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Marks every token in a value.
pub(crate) fn mark_value(
    value: &[u8],
    extractor: &Extractor,
    marks: &mut MarkBuilder,
) -> Result<(), Unreadable> {
    extractor.scan(value, &mut |found| marks.add(found.canonical));
    if !extractor.encodings().has(Encoding::Gzip) {
        return Ok(());
    }
    if value.starts_with(GZIP) {
        return mark_packed(value, extractor, marks);
    }
    if value.starts_with(GZIP_IN_BASE64)
        && let Ok(decoded) = STANDARD.decode(value)
        && decoded.starts_with(GZIP)
    {
        return mark_packed(&decoded, extractor, marks);
    }
    Ok(())
}

/// Unpacks piece by piece: an item is small, what it may grow to is not.
fn mark_packed(packed: &[u8], extractor: &Extractor, marks: &mut MarkBuilder) -> Result<(), Unreadable> {
    let mut unpacked = MultiGzDecoder::new(packed);
    let mut text = Stream::new(extractor, Syntax::Raw, 0);
    let mut piece = vec![0; PIECE];
    loop {
        let n_read = unpacked.read(&mut piece).map_err(|_| Unreadable)?;
        if n_read == 0 {
            text.finish(&mut |found| marks.add(found.canonical));
            return Ok(());
        }
        text.push(piece.get(..n_read).unwrap_or_default(), &mut |found| marks.add(found.canonical));
    }
}
