use lethe_domain::source::{Encodings, ObjectFormat, UnitStats};
use lethe_sources::{Retry, SourceError};

use crate::bench::{Bench, Outcome, counts, lake, token};

fn bytes_with(id: &str, at: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![b'.'; length];
    bytes[at..at + id.len()].copy_from_slice(id.as_bytes());
    bytes
}

#[test]
fn an_empty_object_is_scanned_without_a_read() {
    let bench = Bench::new();
    for key in ["a", "b.gz", "c/"] {
        bench.put(key, "");
    }
    let outcome = bench.scan_lake(ObjectFormat::Jsonl).unwrap();
    let stats = UnitStats { n_objects: 3, ..UnitStats::default() };
    assert_eq!(outcome, Outcome { stats, n_parts: 1, ..Outcome::default() });
    assert_eq!(bench.stores.objects.reads(), (0, 0));
}

#[test]
fn each_format_is_read_in_its_own_way() {
    let one = token(1);
    let escaped = one.replace('_', r"\u005f");
    let plain = format!("id,note\n1,\"a \"\"{one}\"\" b\"\n2,{one}\n");
    let json = format!("{{\"a\":\"x {escaped} y\",\"b\":[\"{one}\"]}}\n");
    for (format, text, expected) in [
        (ObjectFormat::Csv, &plain, 2),
        (ObjectFormat::Text, &plain, 2),
        (ObjectFormat::Jsonl, &plain, 2),
        (ObjectFormat::Jsonl, &json, 2),
        (ObjectFormat::Text, &json, 1),
    ] {
        let mut bench = Bench::new();
        bench.encodings = Encodings::none();
        bench.put("a", text.as_str());
        let outcome = bench.scan_lake(format).unwrap();
        assert_eq!(outcome.counts, counts([(one.as_str(), expected)]), "{format:?}");
        let stats = UnitStats {
            n_objects: 1,
            n_bytes: text.len() as u64,
            n_tokens: expected,
            ..UnitStats::default()
        };
        assert_eq!(outcome.stats, stats, "{format:?}");
    }
}

#[test]
fn small_objects_cost_one_read_each_and_of_no_byte_twice() {
    let bench = Bench::new();
    bench.put("a", format!("{} {}", token(1), token(2)));
    bench.put("b", token(1));
    let outcome = bench.scan_lake(ObjectFormat::Csv).unwrap();
    assert_eq!(outcome.counts, counts([(token(1).as_str(), 2), (token(2).as_str(), 1)]));
    assert_eq!(bench.stores.objects.reads(), (2, 37));
}

#[test]
fn a_part_ends_when_its_marks_are_enough() {
    let ids: Vec<String> = (0..1_000_000).map(token).collect();
    let mut bench = Bench::new();
    bench.limits.range_bytes = 1 << 30;
    bench.put("a", ids.concat());
    let outcome = bench.scan_lake(ObjectFormat::Text).unwrap();
    assert_eq!(outcome.n_parts, 2);
    assert_eq!((outcome.counts.len(), outcome.stats.n_tokens), (1_000_000, 1_000_000));
}

#[test]
fn objects_that_were_fetched_ahead_and_not_reached_are_read_again_by_the_next_part() {
    let bench = Bench { pause_every: 1, ..Bench::new() };
    let ids: Vec<String> = (0..40).map(token).collect();
    for (number, id) in ids.iter().enumerate() {
        bench.put(&format!("object {number}"), id.as_str());
    }
    let outcome = bench.scan_lake(ObjectFormat::Text).unwrap();
    assert_eq!((outcome.n_parts, outcome.stats.n_objects), (40, 40));
    assert_eq!(outcome.counts, counts(ids.iter().map(|id| (id.as_str(), 1))));
}

#[test]
fn a_token_in_a_key_is_found_once_also_when_the_object_has_ranges() {
    let mut bench = Bench::new();
    bench.limits.range_bytes = 5;
    bench.put(&format!("users/{}.txt", token(3)), "no token in here");
    bench.put(&format!("users/{}.empty", token(4)), "");
    let outcome = bench.scan_lake(ObjectFormat::Text).unwrap();
    assert_eq!(outcome.counts, counts([(token(3).as_str(), 1), (token(4).as_str(), 1)]));
}

#[test]
fn an_object_longer_than_a_piece_is_read_in_pieces() {
    const PIECE: usize = 8 << 20;
    let mut bench = Bench::new();
    bench.limits.range_bytes = 1 << 30;
    for (number, at) in (0..).zip([0, PIECE - 12, PIECE - 5, PIECE, PIECE + 988]) {
        bench.put(&format!("{number}"), bytes_with(&token(number), at, PIECE + 1000));
    }
    for format in [ObjectFormat::Text, ObjectFormat::Jsonl] {
        let outcome = bench.scan_lake(format).unwrap();
        let expected: Vec<String> = (0..5).map(token).collect();
        assert_eq!(outcome.counts, counts(expected.iter().map(|id| (id.as_str(), 1))), "{format:?}");
    }
}

#[test]
fn a_pause_at_every_block_finds_the_same() {
    let mut bench = Bench::new();
    bench.limits.range_bytes = 1 << 30;
    let mut bytes = vec![b'.'; 1_500_000];
    let places = [0, 262_140, 262_144, 500_000, 786_431, 1_499_988];
    for (number, at) in (0..).zip(places) {
        bytes[at..at + 12].copy_from_slice(token(number).as_bytes());
    }
    bench.put("a", bytes.clone());
    bench.put("b", "nothing");
    let calm = bench.scan_lake(ObjectFormat::Jsonl).unwrap();
    assert_eq!(calm.n_parts, 1);
    for pause_every in 1..4 {
        bench.pause_every = pause_every;
        let paused = bench.scan_lake(ObjectFormat::Jsonl).unwrap();
        assert!(1 < paused.n_parts, "{pause_every}");
        assert_eq!((paused.counts, paused.stats), (calm.counts.clone(), calm.stats), "{pause_every}");
    }
}

#[test]
fn an_object_that_is_gone_is_counted_and_the_rest_is_scanned() {
    let bench = Bench::new();
    bench.put("a", token(1));
    bench.put("b", token(2));
    let units = bench.units(&lake(ObjectFormat::Text)).unwrap();
    bench.stores.objects.remove("lake", "a");
    let outcome = bench.scan_units(&units).unwrap();
    assert_eq!(outcome.counts, counts([(token(2).as_str(), 1)]));
    assert_eq!((outcome.stats.n_gone, outcome.stats.n_objects), (1, 1));
}

#[test]
fn an_object_that_changed_is_read_anew_from_its_start() {
    let bench = Bench::new();
    bench.put("a", token(1));
    bench.put("a0", "comes next in the listing");
    let units = bench.units(&lake(ObjectFormat::Text)).unwrap();
    bench.put("a", format!("now longer, with {}", token(2)));
    let outcome = bench.scan_units(&units).unwrap();
    assert_eq!(outcome.counts, counts([(token(2).as_str(), 1)]));
    assert_eq!((outcome.stats.n_changed, outcome.stats.n_objects), (1, 2));
}

#[test]
fn a_range_of_an_object_that_changed_reads_all_of_the_new_one() {
    let mut bench = Bench::new();
    bench.limits.range_bytes = 20;
    bench.limits.max_unit_bytes = 20;
    bench.put("a", bytes_with(&token(1), 22, 40));
    let units = bench.units(&lake(ObjectFormat::Text)).unwrap();
    assert_eq!(units.len(), 2);
    let first = bench.scan_units(&units[..1]).unwrap();
    assert_eq!(first.counts, counts([]));
    // The token moves into the range that is done.
    bench.put("a", bytes_with(&token(1), 2, 30));
    let second = bench.scan_units(&units[1..]).unwrap();
    assert_eq!((second.counts, second.stats.n_changed), (counts([(token(1).as_str(), 1)]), 1));
}

#[test]
fn a_resumed_read_of_an_object_that_changed_begins_again() {
    let mut bench = Bench { pause_every: 1, ..Bench::new() };
    bench.limits.range_bytes = 1 << 30;
    bench.put("a", bytes_with(&token(1), 700_000, 800_000));
    let units = bench.units(&lake(ObjectFormat::Text)).unwrap();
    let (first, _) = bench.scan_part(&units[0], None).unwrap();
    bench.put("a", bytes_with(&token(2), 5, 900_000));
    let (second, _) = bench.scan_part(&units[0], first.next.as_deref()).unwrap();
    assert_eq!((second.stats.n_changed, second.stats.n_tokens), (1, 1));
    let (third, _) = bench.scan_part(&units[0], second.next.as_deref()).unwrap();
    assert_eq!((third.stats.n_changed, third.stats.n_tokens), (0, 0), "the new version is what goes on");
    assert!(third.next.is_some());
}

#[test]
fn an_object_that_vanishes_between_two_looks_is_gone() {
    let mut bench = Bench::new();
    bench.limits.range_bytes = 1 << 30;
    bench.put("a", vec![b'.'; (8 << 20) + 1]);
    bench.stores.objects.change_before_read(2, "lake", "a", None);
    assert_eq!(bench.scan_lake(ObjectFormat::Text).unwrap().stats.n_gone, 1);
}

#[test]
fn an_object_that_changes_whenever_it_is_read_is_left_for_later() {
    let bench = Bench::new();
    bench.put("a", "1");
    for read in 1..4 {
        bench.stores.objects.change_before_read(read, "lake", "a", Some(b"other".to_vec()));
    }
    let error = bench.scan_lake(ObjectFormat::Text).unwrap_err();
    assert_eq!((error.clone(), error.retry()), (SourceError::Changed, Retry::Later));
    assert_eq!(bench.scan_lake(ObjectFormat::Text).unwrap().stats.n_objects, 1);
}

#[test]
fn a_read_that_ends_early_is_not_the_object() {
    let bench = Bench::new();
    bench.put("a", "nothing");
    bench.put("b", token(1));
    bench.stores.objects.cut_reads_by(1);
    let error = bench.scan_lake(ObjectFormat::Text).unwrap_err();
    assert_eq!((error.clone(), error.retry()), (SourceError::EndedEarly { object: 0 }, Retry::Never));
}

#[test]
fn a_bucket_that_cannot_be_read_is_an_error() {
    let bench = Bench::new();
    bench.put("a", "nothing");
    let units = bench.units(&lake(ObjectFormat::Text)).unwrap();
    for error in [
        SourceError::Unreachable { code: "SlowDown".into() },
        SourceError::Denied { code: "AccessDenied".into() },
        SourceError::Missing,
    ] {
        bench.stores.objects.refuse(Some(error.clone()));
        assert_eq!(bench.scan_units(&units), Err(error));
    }
}

#[test]
fn files_in_which_no_token_can_be_seen_are_refused() {
    for (bytes, what) in
        [(&b"PAR1\x00\x01"[..], "Parquet"), (b"PK\x03\x04rest", "zip"), (b"\xfe\xff\x00t", "text in UTF-16")]
    {
        let bench = Bench::new();
        bench.put("a", "fine");
        bench.put("b", bytes);
        let error = bench.scan_lake(ObjectFormat::Text).unwrap_err();
        assert_eq!(
            (error.clone(), error.retry()),
            (SourceError::Unsupported { object: 1, what }, Retry::Never)
        );
    }
}

#[test]
fn a_cursor_of_something_else_is_refused() {
    let bench = Bench::new();
    bench.put("a", "fine");
    let units = bench.units(&lake(ObjectFormat::Text)).unwrap();
    assert_eq!(bench.scan_part(&units[0], Some(b"{}")).err(), Some(SourceError::Cursor));
}

#[test]
fn no_error_shows_a_key_or_content() {
    let bench = Bench::new();
    let id = token(9);
    bench.put(&format!("{id}.gz"), id.as_str());
    let error = bench.scan_lake(ObjectFormat::Text).unwrap_err();
    assert_eq!(error.to_string(), "read object 0 of the unit: it is not compressed as its name says");
    let bench = Bench::new();
    bench.put(&id, format!("{{\"Item\":\"{id}\"}}"));
    let error = bench.scan_lake(ObjectFormat::DynamodbExport).unwrap_err();
    assert_eq!(error.to_string(), "read object 0 of the unit: line 1, at byte 0, is not an exported item");
    assert!(!format!("{error:?}").contains("tok_"));
}
