use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use lethe_domain::source::ObjectFormat;
use lethe_sources::{Retry, SourceError};

use crate::bench::{Bench, counts, token};

fn line(id: &str) -> String {
    format!(r#"{{"Item":{{"pk":{{"S":"user#{id}"}},"n":{{"N":"1"}}}}}}"#)
}

#[test]
fn the_lines_of_an_export_are_read_as_items() {
    // The third token is base64 for bytes, the fourth escaped, the fifth the name of an attribute.
    let text = [
        line(&token(1)),
        String::new(),
        r#"{"Item":{"a":{"B":"dG9rXzAwMDAwMDAz"},"b":{"L":[{"S":"tok\u005f00000004"},{"NULL":true}]}}}"#
            .into(),
        r#"{"Item":{"tok_00000005":{"BOOL":false}}}"#.into(),
    ]
    .join("\r\n");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let bench = Bench::new();
    bench.put("plain.json", text.as_str());
    bench.put("packed.json.gz", packed.finish().unwrap());
    let outcome = bench.scan_lake(ObjectFormat::DynamodbExport).unwrap();
    let expected: Vec<String> = [1, 3, 4, 5].map(token).into();
    assert_eq!(outcome.counts, counts(expected.iter().map(|id| (id.as_str(), 2))));
    assert_eq!((outcome.stats.n_rows, outcome.stats.n_objects), (6, 2));
}

#[test]
fn a_line_that_is_no_item_is_named_by_number_and_place() {
    let good = line(&token(1));
    for bad in ["{", r#"{"NewImage":{}}"#, r#"{"Item":{"a":"x"}}"#, r#"{"Item":{}} more"#] {
        let bench = Bench::new();
        bench.put("a", format!("{good}\n{bad}\n{good}\n"));
        let error = bench.scan_lake(ObjectFormat::DynamodbExport).unwrap_err();
        let offset = good.len() as u64 + 1;
        assert_eq!(error, SourceError::CorruptLine { object: 0, line: 2, offset }, "{bad}");
        assert_eq!(error.retry(), Retry::Never);
    }
}

#[test]
fn a_line_without_end_has_a_limit() {
    const MAX: usize = 16 << 20;
    let item = |length: usize| {
        let frame = r#"{"Item":{"a":{"S":""}}}"#;
        format!(r#"{{"Item":{{"a":{{"S":"{}"}}}}}}"#, "x".repeat(length - frame.len()))
    };
    let mut bench = Bench::new();
    bench.limits.range_bytes = 1 << 30;
    bench.put("a", item(MAX));
    assert_eq!(bench.scan_lake(ObjectFormat::DynamodbExport).unwrap().stats.n_rows, 1);
    bench.put("a", item(MAX + 1));
    let expected = SourceError::CorruptLine { object: 0, line: 1, offset: 0 };
    assert_eq!(bench.scan_lake(ObjectFormat::DynamodbExport), Err(expected));
}

#[test]
fn every_line_is_read_by_one_range_wherever_the_edges_are() {
    let ids: Vec<String> = (0..7).map(token).collect();
    let lines: Vec<String> = ids.iter().map(|id| line(id)).collect();
    for text in [lines.join("\n"), lines.join("\n") + "\n", format!("\n\n{}\n\n", lines.join("\n\n"))] {
        for range_bytes in (1..=text.len() as u64).filter(|n| *n < 130 || n % 37 == 0) {
            for pause_every in [0, 1] {
                let mut bench = Bench { pause_every, ..Bench::new() };
                bench.limits.range_bytes = range_bytes;
                bench.put("a", text.as_str());
                let outcome = bench.scan_lake(ObjectFormat::DynamodbExport).unwrap();
                assert_eq!(outcome.counts, counts(ids.iter().map(|id| (id.as_str(), 1))), "{range_bytes}");
                let stats = (outcome.stats.n_rows, outcome.stats.n_objects, outcome.stats.n_bytes);
                assert_eq!(stats, (7, 1, text.len() as u64), "{range_bytes}");
            }
        }
    }
}

#[test]
fn a_pause_between_lines_reads_each_once() {
    let ids: Vec<String> = (0..20_000).map(token).collect();
    let text = ids.iter().map(|id| line(id)).collect::<Vec<_>>().join("\n");
    let mut bench = Bench::new();
    bench.limits.range_bytes = 1 << 30;
    bench.put("a", text.as_str());
    let calm = bench.scan_lake(ObjectFormat::DynamodbExport).unwrap();
    bench.pause_every = 1;
    let paused = bench.scan_lake(ObjectFormat::DynamodbExport).unwrap();
    assert!(1 < paused.n_parts);
    assert_eq!(calm.counts, counts(ids.iter().map(|id| (id.as_str(), 1))));
    assert_eq!((paused.counts, paused.stats), (calm.counts, calm.stats));
}
