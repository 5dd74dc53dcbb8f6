use lethe_domain::source::ObjectFormat;
use lethe_sources::{Retry, SourceError};
use proptest::prelude::*;

use crate::bench::{Bench, Outcome, counts, token};

fn scan(text: &[u8], format: ObjectFormat, range_bytes: u64, pause_every: u32) -> Outcome {
    let mut bench = Bench { pause_every, ..Bench::new() };
    bench.limits.range_bytes = range_bytes;
    bench.limits.max_unit_bytes = 2 * range_bytes;
    bench.put("a", text);
    bench.scan_lake(format).unwrap()
}

#[test]
fn a_token_over_every_edge_is_found_once() {
    let text = format!("xx {} yy {}", token(1), token(2));
    for range_bytes in 1..=text.len() as u64 + 1 {
        for format in [ObjectFormat::Csv, ObjectFormat::Jsonl] {
            let outcome = scan(text.as_bytes(), format, range_bytes, 0);
            assert_eq!(
                outcome.counts,
                counts([(token(1).as_str(), 1), (token(2).as_str(), 1)]),
                "{range_bytes}"
            );
            assert_eq!(outcome.stats.n_bytes, text.len() as u64);
            assert_eq!(outcome.stats.n_objects, 1);
        }
    }
}

#[test]
fn an_escape_over_every_edge_is_read_as_from_the_start() {
    // Even and odd rows of backslashes, escapes in and before tokens, and a token with every character escaped.
    let all: Vec<String> = token(3).bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let text = [
        r#"{"a":"\\\\"#,
        &token(1),
        r"\\\t\\n",
        &token(2).replace('_', r"\u005f"),
        r"\",
        &token(9),
        r#"","b":""#,
        &all.concat(),
        r#"\n\u0041\\"}"#,
    ]
    .concat();
    let expected = counts([(token(1).as_str(), 1), (token(2).as_str(), 1), (token(3).as_str(), 1)]);
    for range_bytes in 1..=text.len() as u64 + 1 {
        assert_eq!(
            scan(text.as_bytes(), ObjectFormat::Jsonl, range_bytes, 0).counts,
            expected,
            "{range_bytes}"
        );
    }
}

#[test]
fn a_long_row_of_backslashes_is_looked_through() {
    for n_slashes in [63, 64, 65, 3001, 3002] {
        let text = format!("x{}tok_00000001", "\\".repeat(n_slashes));
        let whole = scan(text.as_bytes(), ObjectFormat::Jsonl, 1 << 20, 0).counts;
        let expected = if n_slashes % 2 == 0 { counts([(token(1).as_str(), 1)]) } else { counts([]) };
        assert_eq!(whole, expected, "{n_slashes}");
        for range_bytes in [7, 100, n_slashes as u64, n_slashes as u64 + 1] {
            let outcome = scan(text.as_bytes(), ObjectFormat::Jsonl, range_bytes, 0);
            assert_eq!(outcome.counts, expected, "{n_slashes} {range_bytes}");
        }
    }
}

#[test]
fn more_backslashes_than_any_json_has_are_refused() {
    let mut bench = Bench::new();
    bench.limits.range_bytes = 1_100_000;
    bench.put("a", "\\".repeat(1_200_000));
    let error = bench.scan_lake(ObjectFormat::Jsonl).unwrap_err();
    assert!(matches!(error, SourceError::Corrupt { .. }), "{error:?}");
    assert_eq!(error.retry(), Retry::Never);
}

#[test]
fn a_range_reads_little_more_than_its_own() {
    let mut bench = Bench::new();
    bench.limits.range_bytes = 1000;
    bench.put("a", vec![b'.'; 10_000]);
    bench.scan_lake(ObjectFormat::Jsonl).unwrap();
    let (n_reads, n_bytes) = bench.stores.objects.reads();
    assert!(n_reads <= 20, "{n_reads}");
    // A dashed UUID in base64 has 49 characters, each of which may be an escape.
    assert!(n_bytes <= 10_000 + 10 * (64 + 6 * 49 + 16), "{n_bytes}");
}

fn fragments() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        (0_u32..5).prop_map(token),
        (0_u32..5).prop_map(|n| token(n).replace('_', r"\u005f")),
        Just("01234567-89ab-cdef-0123-456789abcdef".to_owned()),
        Just("tok_".to_owned()),
        r#"[\\\\u05fnt"/ a0]{0,9}"#,
    ];
    prop::collection::vec(fragment, 0..12).prop_map(|fragments| fragments.concat())
}

proptest! {
    /// Wherever an object is cut and a scan pauses, the same tokens are found as in one go, each as often.
    #[test]
    fn ranges_and_pauses_change_nothing(
        text in fragments(),
        range_bytes in 1_u64..60,
        pause_every in 0_u32..3,
        is_json in any::<bool>(),
    ) {
        let format = if is_json { ObjectFormat::Jsonl } else { ObjectFormat::Text };
        let whole = scan(text.as_bytes(), format, 1 << 20, 0);
        let cut = scan(text.as_bytes(), format, range_bytes, pause_every);
        prop_assert_eq!(cut.counts, whole.counts);
        prop_assert_eq!(cut.stats, whole.stats);
    }

    #[test]
    fn hostile_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200), key in "a(.gz|.zst|)") {
        for head in [&b""[..], b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"{\"Item\":"] {
            for format in [ObjectFormat::Csv, ObjectFormat::Jsonl, ObjectFormat::DynamodbExport] {
                let mut bench = Bench::new();
                bench.limits.range_bytes = 50;
                bench.put(&key, [head, &bytes].concat());
                let _outcome = bench.scan_lake(format);
            }
        }
    }
}
