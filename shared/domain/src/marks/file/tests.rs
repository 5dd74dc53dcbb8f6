use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{MarkBuilder, MarkKey};
use super::*;
use crate::hostile::injured;
use crate::source::UnitStats;
use crate::token::{ShardCount, token_digest};

fn header() -> PartHeader {
    let stats = UnitStats { n_objects: 1, n_bytes: 100, n_tokens: 3, ..UnitStats::default() };
    PartHeader {
        source: "lake".into(),
        unit: 7,
        part: 2,
        next: Some(b"cursor".to_vec()),
        stats,
        missed: vec![5],
        canaries: vec![MarkHash(5)],
    }
}

fn mark(hash: u64, count: u64) -> Mark {
    Mark { hash: MarkHash(hash), count }
}

/// Every mark of a file, by shard.
fn read(file: &[u8]) -> Result<BTreeMap<Shard, Vec<Mark>>, MarkError> {
    let footer = Footer::parse(file)?;
    let mut shards = BTreeMap::new();
    for section in &footer.sections {
        let bytes = usize::try_from(section.offset)
            .ok()
            .zip(usize::try_from(section.range().end).ok())
            .and_then(|(start, end)| file.get(start..end))
            .ok_or(MarkError::Length("file"))?;
        shards.insert(section.shard, decode_section(bytes, section)?);
    }
    Ok(shards)
}

#[test]
fn a_unit_without_tokens_is_a_file_without_sections() {
    let builder = MarkBuilder::new(MarkKey::new(1), ShardCount::new(8).unwrap());
    let file = builder.encode(&header());
    let footer = Footer::parse(&file).unwrap();
    assert_eq!((footer.header.clone(), footer.sections.len(), footer.n_unique()), (header(), 0, 0));
    assert_eq!(footer.file_len(), file.len() as u64);
}

#[test]
fn tokens_are_counted_once_each_in_their_own_shard() {
    let (key, shards) = (MarkKey::new(9), ShardCount::new(4).unwrap());
    let mut builder = MarkBuilder::new(key, shards);
    let mut expected: BTreeMap<Shard, BTreeMap<MarkHash, u64>> = BTreeMap::new();
    for number in 0..500_u32 {
        let token = format!("tok_{}", number % 200);
        builder.add(token.as_bytes());
        let shard = shards.shard_of(&token_digest(token.as_bytes()));
        *expected.entry(shard).or_default().entry(key.hash(token.as_bytes())).or_default() += 1;
    }
    assert_eq!((builder.n_tokens(), builder.n_unique(), builder.is_full()), (500, 200, false));
    let file = builder.encode(&header());
    let found = read(&file).unwrap();
    let expected: BTreeMap<Shard, Vec<Mark>> = expected
        .into_iter()
        .map(|(shard, marks)| (shard, marks.into_iter().map(|(hash, count)| Mark { hash, count }).collect()))
        .collect();
    assert_eq!(found, expected);
    let footer = Footer::parse(&file).unwrap();
    assert_eq!(footer.n_unique(), 200);
    assert_eq!(footer.section(Shard(9)), None);
    assert_eq!(footer.section(Shard(2)).map(|section| section.shard), Some(Shard(2)));
}

#[test]
fn the_ends_of_every_number_are_kept() {
    let marks: Vec<Mark> = [
        (0, 1),
        (1, 30),
        (255, 31),
        (256, 32),
        (511, 127),
        (512, 128),
        (u64::MAX >> 8, u64::MAX - 1),
        (u64::MAX, u64::MAX),
    ]
    .map(|(hash, count)| mark(hash, count))
    .into();
    let file = encode_section(&header(), Shard(3), &marks).unwrap();
    assert_eq!(read(&file).unwrap(), BTreeMap::from([(Shard(3), marks)]));
}

#[test]
fn a_mark_takes_nine_bytes_at_most() {
    let mut builder = MarkBuilder::new(MarkKey::new(5), ShardCount::new(8).unwrap());
    for number in 0..20_000_u32 {
        builder.add(&number.to_le_bytes());
    }
    let n_unique = builder.n_unique();
    let file = builder.encode(&header());
    assert!(file.len() <= 9 * n_unique, "{} bytes for {n_unique} marks", file.len());
}

#[test]
fn marks_that_do_not_ascend_are_not_written() {
    for marks in [[mark(2, 1), mark(1, 1)], [mark(2, 1), mark(2, 1)]] {
        assert_eq!(encode_section(&header(), Shard(0), &marks), Err(MarkError::Unsorted));
    }
}

#[test]
fn a_suffix_that_is_too_short_says_what_it_needs() {
    let file = encode_section(&header(), Shard(0), &[mark(1, 1), mark(9, 2)]).unwrap();
    let Err(MarkError::NeedMore { suffix_bytes }) = Footer::parse(&file[file.len() - 30..]) else {
        panic!("30 bytes cannot hold a footer");
    };
    let suffix = &file[file.len() - usize::try_from(suffix_bytes).unwrap()..];
    assert_eq!(Footer::parse(suffix), Footer::parse(&file));
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let file = encode_section(&header(), Shard(0), &[mark(1, 1), mark(900, 2), mark(70_000, 40)]).unwrap();
    for length in 0..file.len() {
        assert!(read(&file[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let file = encode_section(&header(), Shard(0), &[mark(1, 1), mark(900, 2), mark(70_000, 40)]).unwrap();
    for at in 0..file.len() {
        for flip in [1, 0x10, 0x80] {
            let mut wrong = file.clone();
            wrong[at] ^= flip;
            assert!(read(&wrong).is_err(), "{at}");
        }
    }
}

#[test]
fn the_only_section_of_a_file_reads_whole_or_not_at_all() {
    let file = one_section();
    let marks = vec![mark(1, 1), mark(900, 2), mark(70_000, 40)];
    assert_eq!(decode_only_section(&file), Ok(marks));
    assert_eq!(decode_only_section(&encode_section(&header(), Shard(3), &[]).unwrap()), Ok(vec![]));
    assert!((0..file.len()).all(|cut| decode_only_section(&file[..cut]).is_err()));
}

#[test]
fn another_version_is_refused() {
    let mut file = encode_section(&header(), Shard(0), &[]).unwrap();
    let at = file.len() - 12;
    file[at] = 2;
    assert_eq!(Footer::parse(&file), Err(MarkError::Version(2)));
}

#[test]
fn sections_that_lie_are_refused() {
    let check = |bytes: &[u8], count: u64, expected: MarkError| {
        let length = bytes.len() as u64;
        let info = SectionInfo { shard: Shard(0), offset: 0, length, count, checksum: xxh3_64(bytes) };
        assert_eq!(decode_section(bytes, &info), Err(expected), "{bytes:?}");
    };
    check(&[8, 1, 8, 0], 2, MarkError::Unsorted);
    check(&[0b1111, 255, 255, 255, 255, 255, 255, 255, 255, 8, 1], 2, MarkError::Unsorted);
    check(&[0, 1, 0], 1, MarkError::Malformed("section"));
    check(&[0, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2], 1, MarkError::Malformed("section"));
    check(&[0, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 129, 0], 1, MarkError::Malformed("section"));
    check(&[9, 1], 1, MarkError::Malformed("section"));
    check(&[8, 1], 2, MarkError::Length("section"));
    check(&[8, 1], u64::MAX, MarkError::Length("section"));
    check(&[], 1, MarkError::Length("section"));
}

proptest! {
    #[test]
    fn what_is_written_reads_back(marks in prop::collection::btree_map(any::<u64>(), 1_u64.., 0..200)) {
        let marks: Vec<Mark> = marks.into_iter().map(|(hash, count)| mark(hash, count)).collect();
        let file = encode_section(&header(), Shard(1), &marks).unwrap();
        let expected = if marks.is_empty() { BTreeMap::new() } else { BTreeMap::from([(Shard(1), marks)]) };
        prop_assert_eq!(read(&file).unwrap(), expected);
    }

    #[test]
    fn hostile_bytes_are_refused_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let info = claiming(&bytes, u64::MAX);
        prop_assert!(decode_section(&bytes, &info).is_err());
        prop_assert!(read(&bytes).is_err());
        // With a trailer that fits, so that the footer itself is read.
        prop_assert!(read(&with_trailer(&bytes, &[])).is_err());
        prop_assert!(read(&with_trailer(&[], &bytes)).is_err());
    }

    #[test]
    fn an_injured_file_reads_as_it_was_written_or_not_at_all(file in injured(&[&whole(), &one_section()])) {
        if let Ok(found) = read(&file) {
            let written = [whole(), one_section()].map(|file| read(&file).unwrap());
            prop_assert!(written.contains(&found), "{found:?}");
        }
    }

    #[test]
    fn an_injured_end_asks_for_more_or_says_what_the_whole_file_says(
        file in injured(&[&whole(), &one_section()]), cut in any::<prop::sample::Index>()
    ) {
        let suffix = &file[cut.index(file.len() + 1)..];
        match Footer::parse(suffix) {
            Err(MarkError::NeedMore { suffix_bytes }) => {
                prop_assert!(suffix.len() < usize::try_from(suffix_bytes).unwrap());
            }
            said if TRAILER <= suffix.len() => prop_assert_eq!(said, Footer::parse(&file)),
            said => prop_assert_eq!(said, Err(MarkError::NotMarks)),
        }
    }

    #[test]
    fn sections_that_read_ascend_and_count_whatever_their_bytes(
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..60), hostile_marks()], count in 0_u64..12
    ) {
        if let Ok(marks) = decode_section(&bytes, &claiming(&bytes, count)) {
            prop_assert_eq!(u64::try_from(marks.len()), Ok(count));
            prop_assert!(marks.is_sorted_by(|one, next| one.hash < next.hash));
            prop_assert!(marks.iter().all(|mark| 0 < mark.count));
            let again = read(&encode_section(&header(), Shard(1), &marks).unwrap()).unwrap();
            prop_assert_eq!(again.into_values().next().unwrap_or_default(), marks);
        }
    }

    #[test]
    fn a_footer_that_lies_under_a_right_checksum_does_no_harm(
        table in prop::collection::vec((0_u16..4, odd_number(), odd_number(), any::<u64>()), 0..6),
        n_sections in prop_oneof![4 => Just(None), 1 => any::<u32>().prop_map(Some)],
    ) {
        let n_sections = n_sections.unwrap_or(u32::try_from(table.len()).unwrap());
        let mut footer = n_sections.to_le_bytes().to_vec();
        for (shard, length, count, checksum) in &table {
            footer.extend_from_slice(&shard.to_le_bytes());
            footer.extend([length, count, checksum].into_iter().flat_map(|number| number.to_le_bytes()));
        }
        footer.extend_from_slice(&serde_json::to_vec(&header()).unwrap());
        let file = with_trailer(&[7; 40], &footer);
        if let Ok(footer) = Footer::parse(&file) {
            prop_assert_eq!(footer.sections.len(), table.len());
            prop_assert!(footer.sections.is_sorted_by(|one, next| one.shard < next.shard));
            prop_assert!(footer.sections.iter().all(|info| info.range().end <= footer.file_len()));
            prop_assert!(footer.sections.iter().all(|info| info.count <= footer.n_unique()));
            drop(read(&file));
        }
    }
}

/// What a footer says of bytes that are a section of so many marks.
fn claiming(bytes: &[u8], count: u64) -> SectionInfo {
    let length = bytes.len() as u64;
    SectionInfo { shard: Shard(0), offset: 0, length, count, checksum: xxh3_64(bytes) }
}

/// A file of these sections and this footer, with a trailer that fits them.
fn with_trailer(sections: &[u8], footer: &[u8]) -> Vec<u8> {
    let mut file = [sections, footer].concat();
    file.extend_from_slice(&u32::try_from(footer.len()).unwrap().to_le_bytes());
    file.extend_from_slice(&xxh3_64(footer).to_le_bytes());
    file.extend_from_slice(&VERSION.to_le_bytes());
    file.extend_from_slice(MAGIC);
    file
}

/// A file as a scan writes it.
fn whole() -> Vec<u8> {
    let mut builder = MarkBuilder::new(MarkKey::new(9), ShardCount::new(4).unwrap());
    (0..40_u32).for_each(|number| builder.add(format!("tok_{}", number % 30).as_bytes()));
    builder.encode(&header())
}

fn one_section() -> Vec<u8> {
    encode_section(&header(), Shard(3), &[mark(1, 1), mark(900, 2), mark(70_000, 40)]).unwrap()
}

/// Marks that look right one by one: a step of a fitting length, and a count or one that follows.
fn hostile_marks() -> BoxedStrategy<Vec<u8>> {
    let one = (0_u8..32, 0_u8..8, prop::array::uniform8(any::<u8>()), any::<u8>());
    let one = one.prop_map(|(count, length, step, follows)| {
        let mut bytes = vec![count << 3 | length];
        bytes.extend_from_slice(&step[..=usize::from(length)]);
        bytes.extend((count == 0).then_some(follows));
        bytes
    });
    prop::collection::vec(one, 0..8).prop_map(|marks| marks.concat()).boxed()
}

/// Numbers that additions stumble over, and small ones.
fn odd_number() -> BoxedStrategy<u64> {
    prop_oneof![0_u64..50, Just(u64::MAX), Just(u64::MAX / 2), Just(1 << 32), any::<u64>()].boxed()
}
