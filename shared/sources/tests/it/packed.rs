use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use lethe_domain::source::{ObjectFormat, UnitStats};
use lethe_sources::{Retry, SourceError};

use crate::bench::{Bench, Outcome, counts, lake, token};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    // As the zstd tool does; without it damage to bytes that are stored as they are cannot be seen.
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

type Packer = fn(&[u8]) -> Vec<u8>;

const PACKERS: [(&str, Packer); 2] = [("gz", gzip), ("zst", zstd)];

fn scan_one(key: &str, bytes: Vec<u8>) -> Result<Outcome, SourceError> {
    let bench = Bench::new();
    bench.put(key, bytes);
    bench.scan_lake(ObjectFormat::Jsonl)
}

/// Text with few repetitions, so that it stays large when it is compressed, and a token in every 100 bytes.
fn noise(n_tokens: u32) -> (Vec<u8>, Vec<String>) {
    let ids: Vec<String> = (0..n_tokens).map(token).collect();
    let mut bytes = Vec::new();
    let mut state = 1_u64;
    for id in &ids {
        for _ in 0..88 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bytes.push(b' ' + (state >> 58) as u8);
        }
        // No escape may begin before a token.
        bytes.push(b' ');
        bytes.extend_from_slice(id.as_bytes());
    }
    for byte in bytes.iter_mut().filter(|byte| **byte == b'\\') {
        *byte = b'.';
    }
    (bytes, ids)
}

#[test]
fn compression_is_found_by_name_and_by_the_first_bytes() {
    for (suffix, pack) in PACKERS {
        let text = format!("{{\"a\":\"{}\"}}", token(1));
        for key in [format!("a.{suffix}"), "a".to_owned(), "a.jsonl".to_owned()] {
            let packed = pack(text.as_bytes());
            let n_bytes = packed.len() as u64;
            let outcome = scan_one(&key, packed).unwrap();
            assert_eq!(outcome.counts, counts([(token(1).as_str(), 1)]), "{key}");
            let stats = UnitStats { n_objects: 1, n_bytes, n_tokens: 1, ..UnitStats::default() };
            assert_eq!(outcome.stats, stats, "{key}");
        }
    }
}

#[test]
fn a_name_that_promises_too_much_is_refused() {
    for key in ["a.gz", "a.zst"] {
        let error = scan_one(key, b"plain".to_vec()).unwrap_err();
        let what = "it is not compressed as its name says";
        assert_eq!((error.clone(), error.retry()), (SourceError::Corrupt { object: 0, what }, Retry::Never));
    }
}

#[test]
fn members_and_frames_follow_one_another() {
    for (suffix, pack) in PACKERS {
        let text = format!("x {} y {} z", token(1), token(2));
        for at in 0..=text.len() {
            let (head, tail) = text.as_bytes().split_at(at);
            let packed = [pack(head), pack(b""), pack(tail)].concat();
            let outcome = scan_one(&format!("a.{suffix}"), packed).unwrap();
            assert_eq!(
                outcome.counts,
                counts([(token(1).as_str(), 1), (token(2).as_str(), 1)]),
                "{suffix} {at}"
            );
        }
    }
}

#[test]
fn a_frame_to_skip_holds_no_tokens() {
    let mut packed = b"\x50\x2a\x4d\x18\x0c\x00\x00\x00tok_00000009".to_vec();
    packed.extend(zstd(token(1).as_bytes()));
    assert_eq!(scan_one("a.zst", packed).unwrap().counts, counts([(token(1).as_str(), 1)]));
}

#[test]
fn a_stream_cut_short_anywhere_ends_early() {
    for (suffix, pack) in PACKERS {
        let (bytes, _) = noise(20);
        let (one, two) = (pack(&bytes), pack(b"more"));
        let whole = [one.clone(), two].concat();
        let bench = Bench::new();
        for length in 4..whole.len() {
            bench.put(&format!("a.{suffix}"), &whole[..length]);
            let scanned = bench.scan_lake(ObjectFormat::Text);
            // Between two members it is a whole stream, and a shorter one than listed would be seen by its size.
            if length == one.len() {
                assert!(scanned.is_ok(), "{suffix} {length}");
                continue;
            }
            let error = scanned.unwrap_err();
            assert_eq!(
                (error.clone(), error.retry()),
                (SourceError::EndedEarly { object: 0 }, Retry::Never),
                "{suffix} {length}"
            );
        }
    }
}

#[test]
fn damaged_streams_are_refused() {
    for (suffix, pack) in PACKERS {
        let (bytes, _) = noise(20);
        let whole = pack(&bytes);
        let middle = whole.len() / 2;
        let mut damaged = whole.clone();
        damaged[middle..middle + 40].fill(0xff);
        let garbage = [whole, b"garbage behind it".to_vec()].concat();
        for wrong in [damaged, garbage] {
            let error = scan_one(&format!("a.{suffix}"), wrong).unwrap_err();
            let what = "its compressed bytes are damaged";
            assert_eq!(error, SourceError::Corrupt { object: 0, what }, "{suffix}");
        }
    }
}

#[test]
fn a_wrong_check_sum_is_refused() {
    let mut packed = gzip(token(1).as_bytes());
    let at = packed.len() - 6;
    packed[at] ^= 1;
    assert!(matches!(scan_one("a.gz", packed), Err(SourceError::Corrupt { .. })));
}

#[test]
fn the_compressed_size_has_a_limit() {
    for (suffix, pack) in PACKERS {
        let packed = pack(token(1).as_bytes());
        let mut bench = Bench::new();
        bench.put(&format!("a.{suffix}"), packed.clone());
        bench.limits.max_compressed_bytes = packed.len() as u64;
        assert!(bench.scan_lake(ObjectFormat::Text).is_ok());
        bench.limits.max_compressed_bytes -= 1;
        let error = bench.scan_lake(ObjectFormat::Text).unwrap_err();
        let max_bytes = bench.limits.max_compressed_bytes;
        let expected = SourceError::TooLarge { object: 0, what: "its compressed size", max_bytes };
        assert_eq!((error.clone(), error.retry()), (expected, Retry::Never));
    }
}

#[test]
fn what_an_object_grows_to_has_a_limit() {
    for (suffix, pack) in PACKERS {
        let mut bench = Bench::new();
        bench.put(&format!("a.{suffix}"), pack(&vec![b'.'; 3_000_000]));
        bench.limits.max_decompressed_bytes = 3_000_000;
        assert!(bench.scan_lake(ObjectFormat::Text).is_ok());
        bench.limits.max_decompressed_bytes = 2_999_999;
        let expected = SourceError::TooLarge { object: 0, what: "what it unpacks to", max_bytes: 2_999_999 };
        assert_eq!(bench.scan_lake(ObjectFormat::Text), Err(expected));
    }
}

#[test]
fn a_pause_inside_a_stream_finds_the_same_and_nothing_twice() {
    for (suffix, pack) in PACKERS {
        let (bytes, ids) = noise(3000);
        let mut bench = Bench::new();
        bench.put(&format!("a.{suffix}"), pack(&bytes));
        let calm = bench.scan_lake(ObjectFormat::Jsonl).unwrap();
        assert_eq!(calm.counts, counts(ids.iter().map(|id| (id.as_str(), 1))), "{suffix}");
        for pause_every in [1, 2] {
            bench.pause_every = pause_every;
            let paused = bench.scan_lake(ObjectFormat::Jsonl).unwrap();
            assert!(1 < paused.n_parts, "{suffix}");
            assert_eq!((&paused.counts, paused.stats), (&calm.counts, calm.stats), "{suffix} {pause_every}");
        }
    }
}

#[test]
fn a_compressed_object_that_was_cut_is_read_whole_by_its_first_range() {
    for (suffix, pack) in PACKERS {
        let (bytes, ids) = noise(50);
        let mut bench = Bench::new();
        bench.limits.range_bytes = 1000;
        bench.limits.max_unit_bytes = 1000;
        bench.put("no-suffix", pack(&bytes));
        let units = bench.units(&lake(ObjectFormat::Text)).unwrap();
        assert!(1 < units.len());
        let outcome = bench.scan_units(&units).unwrap();
        assert_eq!(outcome.counts, counts(ids.iter().map(|id| (id.as_str(), 1))), "{suffix}");
    }
}
