//! The one file format of marks and counts.
//!
//! ```text
//! sections   per shard, ascending: marks in ascending order of their hashes
//! footer     n sections u32 · per section: shard u16, length u64, count u64, xxh3 of its bytes u64 · header as JSON
//! trailer    footer length u32 · xxh3 of the footer u64 · version u32 · "LETHEMRK"
//! ```
//! Numbers are little-endian. A mark is a byte with the length of the step from the hash before it (3 bits, 1 to 8
//! bytes) and the count (5 bits: 1 to 31, or 0 when it follows), then the step, then the count where it did not fit
//! (LEB128). Hashes are spread evenly, so the step of a full section is 6 to 7 bytes and a mark at most 9 while its
//! count is below 32.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{Mark, MarkError, MarkHash, PartHeader};
use crate::token::Shard;

const MAGIC: &[u8; 8] = b"LETHEMRK";
const VERSION: u32 = 1;
const TRAILER: usize = 24;
/// The bits of a mark's first byte that hold the length of the step.
const STEP_BITS: u32 = 3;
/// The largest count that fits into a mark's first byte.
const SMALL_COUNT: u64 = 31;

/// How much of a file's end to read first: it holds the footer of a file with up to 2,500 shards.
pub const FOOTER_GUESS: u64 = 64 * 1024;

/// Where the marks of one shard are, and how they are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionInfo {
    /// The shard.
    pub shard: Shard,
    /// The first byte in the file.
    pub offset: u64,
    /// How many bytes there are.
    pub length: u64,
    /// How many marks there are.
    pub count: u64,
    /// xxh3 of the bytes.
    pub checksum: u64,
}

impl SectionInfo {
    /// The bytes of the section in the file.
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.length)
    }
}

/// What the end of a mark file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    /// What the file says about itself.
    pub header: PartHeader,
    /// The shards that have marks, ascending.
    pub sections: Vec<SectionInfo>,
    file_len: u64,
}

impl Footer {
    /// Reads the footer from a file's last bytes.
    pub fn parse(suffix: &[u8]) -> Result<Self, MarkError> {
        let (before, trailer) = suffix.split_last_chunk::<TRAILER>().ok_or(MarkError::NotMarks)?;
        let mut trailer = Reader(trailer);
        let footer_len = u64::from(trailer.u32("trailer")?);
        let checksum = trailer.u64("trailer")?;
        let version = trailer.u32("trailer")?;
        if trailer.0 != MAGIC {
            return Err(MarkError::NotMarks);
        }
        if version != VERSION {
            return Err(MarkError::Version(version));
        }
        let need = footer_len.saturating_add(len_u64(TRAILER));
        let start =
            usize::try_from(footer_len).ok().and_then(|footer_len| before.len().checked_sub(footer_len));
        let footer =
            start.and_then(|start| before.get(start..)).ok_or(MarkError::NeedMore { suffix_bytes: need })?;
        if xxh3_64(footer) != checksum {
            return Err(MarkError::Checksum("footer"));
        }
        Self::read(footer, need)
    }

    /// The section of a shard; `None` = no mark of it was found.
    pub fn section(&self, shard: Shard) -> Option<&SectionInfo> {
        let at = self.sections.binary_search_by_key(&shard, |section| section.shard).ok()?;
        self.sections.get(at)
    }

    /// How long the whole file is.
    pub fn file_len(&self) -> u64 {
        self.file_len
    }

    /// How many different tokens the file has marks of.
    pub fn n_unique(&self) -> u64 {
        self.sections.iter().fold(0, |sum, section| sum.saturating_add(section.count))
    }

    fn read(footer: &[u8], end_len: u64) -> Result<Self, MarkError> {
        let mut reader = Reader(footer);
        let n_sections = reader.u32("footer")?;
        let mut sections: Vec<SectionInfo> = Vec::new();
        let mut offset = 0_u64;
        for _ in 0..n_sections {
            let section = SectionInfo {
                shard: Shard(reader.u16("footer")?),
                offset,
                length: reader.u64("footer")?,
                count: reader.u64("footer")?,
                checksum: reader.u64("footer")?,
            };
            if sections.last().is_some_and(|last| section.shard <= last.shard) {
                return Err(MarkError::Malformed("footer"));
            }
            offset = offset.checked_add(section.length).ok_or(MarkError::Malformed("footer"))?;
            sections.push(section);
        }
        let header = serde_json::from_slice(reader.0).map_err(|_| MarkError::Malformed("header"))?;
        Ok(Self { header, sections, file_len: offset.saturating_add(end_len) })
    }
}

/// One shard's counts as a file with a single section. The marks must ascend.
pub fn encode_section(header: &PartHeader, shard: Shard, marks: &[Mark]) -> Result<Vec<u8>, MarkError> {
    if !marks.is_sorted_by(|one, next| one.hash < next.hash) {
        return Err(MarkError::Unsorted);
    }
    let mut writer = Writer::default();
    writer.add_section(shard, marks);
    Ok(writer.finish(header))
}

/// The marks of a section, given all of its bytes.
pub fn decode_section(bytes: &[u8], info: &SectionInfo) -> Result<Vec<Mark>, MarkError> {
    if len_u64(bytes.len()) != info.length {
        return Err(MarkError::Length("section"));
    }
    if xxh3_64(bytes) != info.checksum {
        return Err(MarkError::Checksum("section"));
    }
    // Guard: what the footer states is not believed before memory is taken for it; a mark has two bytes at least.
    let room = usize::try_from(info.count).unwrap_or(usize::MAX).min(bytes.len().div_ceil(2));
    let mut marks = Vec::with_capacity(room);
    let mut reader = Reader(bytes);
    let mut last = None;
    while !reader.0.is_empty() {
        let mark = reader.mark(last)?;
        last = Some(mark.hash);
        marks.push(mark);
    }
    if len_u64(marks.len()) != info.count {
        return Err(MarkError::Length("section"));
    }
    Ok(marks)
}

/// The marks of a whole file with a single section, as [`encode_section`] writes it; none where it has no section.
pub fn decode_only_section(bytes: &[u8]) -> Result<Vec<Mark>, MarkError> {
    let footer = Footer::parse(bytes)?;
    let Some(section) = footer.sections.first() else { return Ok(Vec::new()) };
    let range = section.range();
    let place = |at: u64| usize::try_from(at).map_err(|_| MarkError::Length("section"));
    let marks = bytes.get(place(range.start)?..place(range.end)?).ok_or(MarkError::Length("section"))?;
    decode_section(marks, section)
}

/// Writes a file section by section.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    table: Vec<u8>,
    n_sections: u32,
}

impl Writer {
    /// Adds the marks of one shard; shards and marks ascend. A shard without marks takes no space.
    pub(super) fn add_section(&mut self, shard: Shard, marks: &[Mark]) {
        if marks.is_empty() {
            return;
        }
        let start = self.bytes.len();
        let mut last = 0;
        for mark in marks {
            write_mark(&mut self.bytes, mark.hash.0.wrapping_sub(last), mark.count);
            last = mark.hash.0;
        }
        let section = self.bytes.get(start..).unwrap_or_default();
        self.table.extend_from_slice(&shard.0.to_le_bytes());
        self.table.extend_from_slice(&len_u64(section.len()).to_le_bytes());
        self.table.extend_from_slice(&len_u64(marks.len()).to_le_bytes());
        self.table.extend_from_slice(&xxh3_64(section).to_le_bytes());
        self.n_sections = self.n_sections.saturating_add(1);
    }

    pub(super) fn finish(self, header: &PartHeader) -> Vec<u8> {
        let Self { mut bytes, table, n_sections } = self;
        let mut footer = n_sections.to_le_bytes().to_vec();
        footer.extend_from_slice(&table);
        // A header of numbers and digits always has a JSON form; without one the file would not read, which voids.
        footer.extend_from_slice(&serde_json::to_vec(header).unwrap_or_default());
        bytes.extend_from_slice(&footer);
        bytes.extend_from_slice(&u32::try_from(footer.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&xxh3_64(&footer).to_le_bytes());
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(MAGIC);
        bytes
    }
}

fn write_mark(bytes: &mut Vec<u8>, step: u64, count: u64) {
    let n_bits = u64::BITS.saturating_sub(step.leading_zeros());
    let n_bytes = usize::try_from(n_bits.div_ceil(8)).unwrap_or(8).max(1);
    let small = if count <= SMALL_COUNT { count } else { 0 };
    let first = small.wrapping_shl(STEP_BITS) | len_u64(n_bytes.saturating_sub(1));
    bytes.push(first.to_le_bytes()[0]);
    bytes.extend_from_slice(step.to_le_bytes().get(..n_bytes).unwrap_or_default());
    if small == 0 {
        write_varint(bytes, count);
    }
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while 0x80 <= value {
        bytes.push((value & 0x7f | 0x80).to_le_bytes()[0]);
        value = value.wrapping_shr(7);
    }
    bytes.push(value.to_le_bytes()[0]);
}

/// Takes numbers from the front of bytes.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], MarkError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(MarkError::Malformed(what))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u16(&mut self, what: &'static str) -> Result<u16, MarkError> {
        self.take(what).map(u16::from_le_bytes)
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, MarkError> {
        self.take(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &'static str) -> Result<u64, MarkError> {
        self.take(what).map(u64::from_le_bytes)
    }

    fn mark(&mut self, last: Option<MarkHash>) -> Result<Mark, MarkError> {
        let [first] = self.take("section")?;
        let n_bytes = usize::from(first & 0b111).saturating_add(1);
        let step = self.step(n_bytes)?;
        let small = u64::from(first.wrapping_shr(STEP_BITS));
        let count = if small == 0 { self.varint()? } else { small };
        if count == 0 {
            return Err(MarkError::Malformed("section"));
        }
        let hash = match last {
            None => step,
            Some(_) if step == 0 => return Err(MarkError::Unsorted),
            Some(last) => last.0.checked_add(step).ok_or(MarkError::Unsorted)?,
        };
        Ok(Mark { hash: MarkHash(hash), count })
    }

    fn step(&mut self, n_bytes: usize) -> Result<u64, MarkError> {
        let malformed = MarkError::Malformed("section");
        let (step, rest) = self.0.split_at_checked(n_bytes).ok_or(malformed)?;
        // Eight bytes at once where there are as many, which is everywhere but at the end.
        let value = match self.0.first_chunk::<8>() {
            Some(wide) => {
                let spare = 8_usize.saturating_sub(n_bytes).saturating_mul(8);
                u64::from_le_bytes(*wide) & u64::MAX.wrapping_shr(u32::try_from(spare).unwrap_or(0))
            }
            None => step.iter().rev().fold(0, |value, byte| u64::wrapping_shl(value, 8) | u64::from(*byte)),
        };
        self.0 = rest;
        Ok(value)
    }

    fn varint(&mut self) -> Result<u64, MarkError> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.take("section")?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit only.
            if bits.leading_zeros() < shift {
                return Err(MarkError::Malformed("section"));
            }
            value |= bits.wrapping_shl(shift);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(MarkError::Malformed("section"))
    }
}

fn len_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
