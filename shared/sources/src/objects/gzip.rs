//! Unpacks gzip (RFC 1952) piece by piece: one member after another, each with its check sum. flate2 has this as a
//! writer, but that one cannot tell a stream that ends early from a damaged one, and when it is dropped in the
//! middle it still hands out what it holds.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use memchr::memchr;

use super::decode::DecodeError;

/// How much is unpacked at a time.
const OUT: usize = 128 * 1024;
const FIXED_HEADER: usize = 10;
/// Far more than any name or comment in a header.
const MAX_HEADER: usize = 1 << 20;
const HAS_CHECK: u8 = 0b0_0010;
const HAS_EXTRA: u8 = 0b0_0100;
const HAS_NAME: u8 = 0b0_1000;
const HAS_COMMENT: u8 = 0b1_0000;

/// A stream of gzip members.
pub(super) struct Gunzip {
    state: State,
    inflate: Decompress,
    crc: Crc,
    out: Vec<u8>,
}

enum State {
    /// What has come of a member's header.
    Header(Vec<u8>),
    Body,
    /// What has come of the check sum and the length behind the body.
    Trailer(Vec<u8>),
}

impl Gunzip {
    pub(super) fn new() -> Self {
        let state = State::Header(Vec::new());
        Self { state, inflate: Decompress::new(false), crc: Crc::new(), out: vec![0; OUT] }
    }

    /// Whether the stream may end here.
    pub(super) fn is_complete(&self) -> bool {
        matches!(&self.state, State::Header(seen) if seen.is_empty())
    }

    /// Unpacks the next bytes.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        take: &mut impl FnMut(&[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Header(seen) => {
                    let n_before = seen.len();
                    seen.extend_from_slice(bytes);
                    let Some(length) = header_length(seen)? else { return Ok(()) };
                    self.state = State::Body;
                    bytes.get(length.saturating_sub(n_before)..).unwrap_or_default()
                }
                State::Body => self.push_body(bytes, take)?,
                State::Trailer(seen) => {
                    let (taken, rest) = bytes.split_at(bytes.len().min(8_usize.saturating_sub(seen.len())));
                    seen.extend_from_slice(taken);
                    if let Some(trailer) = seen.first_chunk::<8>() {
                        let expected = u64::from(self.crc.amount()) << 32 | u64::from(self.crc.sum());
                        if u64::from_le_bytes(*trailer) != expected {
                            return Err(DecodeError::Corrupt);
                        }
                        self.next_member();
                    }
                    rest
                }
            };
        }
        Ok(())
    }

    /// Unpacks the body as far as it goes; the bytes that are left.
    fn push_body<'b>(
        &mut self,
        bytes: &'b [u8],
        take: &mut impl FnMut(&[u8]) -> Result<(), DecodeError>,
    ) -> Result<&'b [u8], DecodeError> {
        let mut rest = bytes;
        loop {
            let (n_in, n_out) = (self.inflate.total_in(), self.inflate.total_out());
            let run = self.inflate.decompress(rest, &mut self.out, FlushDecompress::None);
            let status = run.map_err(|_| DecodeError::Corrupt)?;
            let n_in = usize::try_from(self.inflate.total_in().saturating_sub(n_in)).unwrap_or(usize::MAX);
            let n_out = usize::try_from(self.inflate.total_out().saturating_sub(n_out)).unwrap_or(usize::MAX);
            let unpacked = self.out.get(..n_out).unwrap_or_default();
            self.crc.update(unpacked);
            take(unpacked)?;
            rest = rest.get(n_in..).unwrap_or_default();
            if status == Status::StreamEnd {
                self.state = State::Trailer(Vec::new());
                return Ok(rest);
            }
            // A full buffer may hide that more is waiting, even when all input is taken.
            if rest.is_empty() && n_out < OUT {
                return Ok(rest);
            }
            if n_in == 0 && n_out == 0 {
                return Err(DecodeError::Corrupt);
            }
        }
    }

    fn next_member(&mut self) {
        self.state = State::Header(Vec::new());
        self.inflate.reset(false);
        self.crc.reset();
    }
}

/// How long a member's header is; `None` while it is not complete.
fn header_length(seen: &[u8]) -> Result<Option<usize>, DecodeError> {
    let is_gzip = seen.iter().zip([0x1f, 0x8b, 8]).all(|(byte, expected)| *byte == expected);
    let length = header_end(seen);
    if !is_gzip || (length.is_none() && MAX_HEADER < seen.len()) {
        return Err(DecodeError::Corrupt);
    }
    Ok(length)
}

fn header_end(seen: &[u8]) -> Option<usize> {
    let flags = *seen.get(3)?;
    let mut end = FIXED_HEADER;
    if flags & HAS_EXTRA != 0 {
        let length = seen.get(end..)?.first_chunk::<2>()?;
        end = end.checked_add(2)?.checked_add(usize::from(u16::from_le_bytes(*length)))?;
    }
    for text in [HAS_NAME, HAS_COMMENT] {
        if flags & text != 0 {
            end = end.checked_add(memchr(0, seen.get(end..)?)?)?.checked_add(1)?;
        }
    }
    if flags & HAS_CHECK != 0 {
        end = end.checked_add(2)?;
    }
    (end <= seen.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, GzBuilder};

    use super::*;

    fn gunzip(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), ()> {
        let mut gunzip = Gunzip::new();
        let mut unpacked = Vec::new();
        for piece in pieces {
            let mut take = |bytes: &[u8]| {
                unpacked.extend_from_slice(bytes);
                Ok(())
            };
            gunzip.push(piece, &mut take).map_err(|_| ())?;
        }
        Ok((unpacked, gunzip.is_complete()))
    }

    fn packed(builder: GzBuilder, bytes: &[u8]) -> Vec<u8> {
        let mut encoder = builder.write(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_kind_of_header_is_stepped_over_however_it_is_cut() {
        let full = GzBuilder::new().extra(vec![0, 1, 2]).filename("name").comment("comment");
        let mut checked = packed(GzBuilder::new(), b"body");
        checked[3] |= HAS_CHECK;
        checked.splice(10..10, [7, 7]);
        for member in [packed(GzBuilder::new(), b"body"), packed(full, b"body"), checked] {
            for at in 0..=member.len() {
                let (head, tail) = member.split_at(at);
                assert_eq!(gunzip(&[head, tail]), Ok((b"body".to_vec(), true)), "{at}");
            }
            let bytes: Vec<&[u8]> = member.chunks(1).collect();
            assert_eq!(gunzip(&bytes), Ok((b"body".to_vec(), true)));
        }
    }

    #[test]
    fn more_than_a_buffer_is_unpacked_from_a_few_bytes() {
        let zeros = vec![0; 3 * OUT + 5];
        assert_eq!(gunzip(&[&packed(GzBuilder::new(), &zeros)]), Ok((zeros, true)));
        let exactly = vec![0; 2 * OUT];
        assert_eq!(gunzip(&[&packed(GzBuilder::new(), &exactly)]), Ok((exactly, true)));
    }

    #[test]
    fn a_header_without_end_is_refused() {
        let mut header = vec![0x1f, 0x8b, 8, HAS_NAME, 0, 0, 0, 0, 0, 0];
        header.resize(MAX_HEADER, b'x');
        assert_eq!(gunzip(&[&header]), Ok((vec![], false)));
        assert_eq!(gunzip(&[&header, b"x"]), Err(()));
    }
}
