//! Looks for tokens in one value of an item: as it stands, and unpacked where it is gzip.

use std::io::Read;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::MultiGzDecoder;
use lethe_domain::extract::{Extractor, Stream, Syntax};
use lethe_domain::marks::MarkBuilder;
use lethe_domain::source::Encoding;

/// What gzip begins with (RFC 1952, section 2.3.1): its magic number and the one method of compression there is.
const MAGIC: &[u8] = &[0x1f, 0x8b, 0x08];
/// The same in base64, as far as these bytes decide it.
const MAGIC_IN_BASE64: &[u8] = b"H4sI";
/// How much is unpacked at a time.
const PIECE: usize = 64 << 10;
/// How much a value may grow to, 64 MiB: an item has 400 KB, and a worker must come to its end.
const MAX_UNPACKED: usize = 64 << 20;

/// Both alphabets are one after [`base64_text`]; whether there is padding says nothing about what is written.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A value is gzip and cannot be unpacked: a token may be in what cannot be seen.
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
    if value.starts_with(MAGIC) {
        return mark_packed(value, extractor, marks);
    }
    match base64_text(value).and_then(|text| BASE64.decode(text).ok()) {
        Some(decoded) => mark_packed(&decoded, extractor, marks),
        None => Ok(()),
    }
}

/// The base64 in a value that would be gzip, wrapped into lines or not, in the standard alphabet, and no character longer
/// than can be decoded: what is cut must not pass for something else.
fn base64_text(value: &[u8]) -> Option<Vec<u8>> {
    let bytes = || value.iter().filter(|byte| !byte.is_ascii_whitespace());
    if !bytes().take(MAGIC_IN_BASE64.len()).eq(MAGIC_IN_BASE64) {
        return None;
    }
    let standard = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let mut text: Vec<u8> = bytes().map(standard).collect();
    if text.len() % 4 == 1 {
        text.pop();
    }
    Some(text)
}

/// Unpacks what begins as gzip. Of random bytes one value in millions does, so what cannot be unpacked is only held
/// against the source where its header is one that compressors write.
fn mark_packed(packed: &[u8], extractor: &Extractor, marks: &mut MarkBuilder) -> Result<(), Unreadable> {
    match unpack(packed, extractor, marks) {
        Err(Unreadable) if has_header(packed) => Err(Unreadable),
        Ok(()) | Err(Unreadable) => Ok(()),
    }
}

/// Whether flags, extra flags and system of a gzip header are such as RFC 1952 knows.
fn has_header(packed: &[u8]) -> bool {
    let [_, _, _, flags, _, _, _, _, extra, system, ..] = packed else { return false };
    flags & 0b1110_0000 == 0 && matches!(extra, 0 | 2 | 4) && (*system <= 13 || *system == u8::MAX)
}

fn unpack(packed: &[u8], extractor: &Extractor, marks: &mut MarkBuilder) -> Result<(), Unreadable> {
    let mut unpacked = MultiGzDecoder::new(packed);
    let mut text = Stream::new(extractor, Syntax::Raw, 0);
    let mut piece = vec![0; PIECE];
    let mut n_left = MAX_UNPACKED;
    loop {
        let n_read = unpacked.read(&mut piece).map_err(|_| Unreadable)?;
        if n_read == 0 {
            text.finish(&mut |found| marks.add(found.canonical));
            return Ok(());
        }
        n_left = n_left.checked_sub(n_read).ok_or(Unreadable)?;
        text.push(piece.get(..n_read).unwrap_or_default(), &mut |found| marks.add(found.canonical));
    }
}
