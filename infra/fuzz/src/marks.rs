//! Mark files: what one function leaves in the work bucket for another.

use lethe_domain::marks::{
    Footer, Mark, MarkBuilder, MarkError, MarkHash, MarkKey, PartHeader, SectionInfo, Tally, decode_section,
    encode_section, merge,
};
use lethe_domain::source::UnitStats;
use lethe_domain::token::{Shard, ShardCount};
use xxhash_rust::xxh3::xxh3_64;

/// The fixed end of a file.
const MAGIC: &[u8] = b"LETHEMRK";
/// The bytes of the trailer.
const TRAILER: usize = 24;

/// The bytes as a file, as the part of a file before a trailer that fits, and as sections under a footer that fits.
pub fn run(data: &[u8]) {
    read(data);
    read(&with_trailer(data, data.len()));
    if let Some((length, rest)) = data.split_first_chunk::<2>() {
        read(&with_trailer(rest, usize::from(u16::from_le_bytes(*length))));
    }
    read(&with_footer(data));
}

/// Reads as the planner does: the end first, then each section.
fn read(file: &[u8]) {
    let footer = by_suffix(file);
    let Ok(footer) = footer else { return };
    assert!(footer.sections.is_sorted_by(|one, next| one.shard < next.shard));
    let mut sections = Vec::new();
    for info in &footer.sections {
        assert_eq!(footer.section(info.shard), Some(info));
        let Some(bytes) = part(file, info) else { continue };
        let Ok(marks) = decode_section(bytes, info) else { continue };
        check(info, &marks);
        sections.push(marks);
    }
    let hashes: Vec<MarkHash> = sections.iter().flatten().map(|mark| mark.hash).collect();
    let mut tally = Tally::new(hashes);
    for marks in &sections {
        tally.add(marks);
    }
    assert_eq!(merge(sections).collect::<Vec<_>>(), tally.into_marks());
}

/// The footer, from more and more of the file's end.
fn by_suffix(file: &[u8]) -> Result<Footer, MarkError> {
    let whole = Footer::parse(file);
    let first = &file[file.len().saturating_sub(TRAILER)..];
    if let Err(MarkError::NeedMore { suffix_bytes }) = Footer::parse(first) {
        let need = usize::try_from(suffix_bytes).unwrap();
        assert!(first.len() < need, "it asks for more than it had");
        if need <= file.len() {
            assert_eq!(Footer::parse(&file[file.len() - need..]), whole);
        } else {
            assert_eq!(whole, Err(MarkError::NeedMore { suffix_bytes }));
        }
    }
    whole
}

fn part<'a>(file: &'a [u8], info: &SectionInfo) -> Option<&'a [u8]> {
    let range = info.range();
    file.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

/// Marks that are read ascend and count something, and are what is read again when they are written.
fn check(info: &SectionInfo, marks: &[Mark]) {
    assert_eq!(u64::try_from(marks.len()), Ok(info.count));
    assert!(marks.is_sorted_by(|one, next| one.hash < next.hash));
    assert!(marks.iter().all(|mark| 0 < mark.count));
    let file =
        encode_section(&PartHeader::default(), info.shard, marks).expect("marks that ascend are written");
    let footer = Footer::parse(&file).expect("what is written is read");
    let again = footer.sections.first().map(|info| decode_section(part(&file, info).unwrap(), info));
    assert_eq!(again.unwrap_or(Ok(Vec::new())), Ok(marks.to_vec()));
}

/// A file whose last `footer` bytes before the trailer are its footer.
fn with_trailer(bytes: &[u8], footer: usize) -> Vec<u8> {
    let footer_bytes = &bytes[bytes.len().saturating_sub(footer)..];
    let mut file = bytes.to_vec();
    file.extend_from_slice(&u32::try_from(footer).unwrap_or(u32::MAX).to_le_bytes());
    file.extend_from_slice(&xxh3_64(footer_bytes).to_le_bytes());
    file.extend_from_slice(&1_u32.to_le_bytes());
    file.extend_from_slice(MAGIC);
    file
}

/// A file of sections that fit their checksums. Each takes two bytes that say how many marks it claims and how many
/// bytes it has; what is left at the end is the header.
fn with_footer(data: &[u8]) -> Vec<u8> {
    let (mut sections, mut table, mut n_sections) = (Vec::new(), Vec::new(), 0_u16);
    let mut rest = data;
    while let Some(([count, length], after)) = rest.split_first_chunk::<2>()
        && *length != 0
        && usize::from(*length) <= after.len()
    {
        let (section, after) = after.split_at(usize::from(*length));
        table.extend_from_slice(&n_sections.to_le_bytes());
        table.extend_from_slice(&u64::from(*length).to_le_bytes());
        table.extend_from_slice(&u64::from(*count).to_le_bytes());
        table.extend_from_slice(&xxh3_64(section).to_le_bytes());
        sections.extend_from_slice(section);
        n_sections += 1;
        rest = after;
    }
    let default = serde_json::to_vec(&PartHeader::default()).unwrap();
    let header = if rest.len() <= 2 { &default } else { rest };
    let footer = [&u32::from(n_sections).to_le_bytes()[..], &table, header].concat();
    with_trailer(&[sections, footer.clone()].concat(), footer.len())
}

/// A file as a scan writes it, its parts, and one section in the form of [`with_footer`].
pub fn seeds() -> Vec<Vec<u8>> {
    let mut builder = MarkBuilder::new(MarkKey::new(9), ShardCount::new(4).unwrap());
    (0..40_u32).for_each(|number| builder.add(format!("tok_{}", number % 30).as_bytes()));
    let stats = UnitStats { n_objects: 1, n_bytes: 100, n_tokens: 40, ..UnitStats::default() };
    let header = PartHeader {
        source: "lake".into(),
        unit: 7,
        part: 2,
        next: Some(b"cursor".to_vec()),
        stats,
        missed: vec![5],
        canaries: Vec::new(),
    };
    let file = builder.encode(&header);
    assert_eq!(by_suffix(&file).map(|footer| footer.header), Ok(header.clone()));
    let marks = [(1, 1), (900, 2), (70_000, 40), (u64::MAX, u64::MAX)];
    let marks = marks.map(|(hash, count)| Mark { hash: MarkHash(hash), count });
    let one = encode_section(&header, Shard(3), &marks).unwrap();
    let info = Footer::parse(&one).unwrap().sections[0];
    let section = part(&one, &info).unwrap();
    let shaped = [&[4, u8::try_from(section.len()).unwrap()], section].concat();
    assert_eq!(Footer::parse(&with_footer(&shaped)).map(|footer| footer.n_unique()), Ok(4));
    let body = file[..file.len() - TRAILER].to_vec();
    vec![file.clone(), body, one, shaped, Vec::new()]
}
