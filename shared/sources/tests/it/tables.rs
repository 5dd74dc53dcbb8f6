use std::collections::BTreeMap;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzEncoder;
use lethe_domain::source::{Encoding, Encodings, SourceConfig};
use lethe_sources::{Attribute, Item, Retry, SourceError};

use crate::bench::{Bench, Outcome, counts, token};

fn orders(segments: u16) -> SourceConfig {
    SourceConfig::DynamoDb {
        table: "orders".into(),
        region: None,
        segments,
        encodings: Encodings::default(),
        changed_at: None,
    }
}

fn text(value: &str) -> Attribute {
    Attribute::S(value.to_owned())
}

fn item<const N: usize>(attributes: [(&str, Attribute); N]) -> Item {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn scan(bench: &Bench, segments: u16) -> Result<Outcome, SourceError> {
    bench.scan(&orders(segments))
}

#[test]
fn an_empty_table_is_scanned_to_its_end() {
    let bench = Bench::new();
    bench.stores.tables.create("orders");
    assert_eq!(scan(&bench, 2).unwrap(), Outcome { n_parts: 2, ..Outcome::default() });
}

#[test]
fn tokens_are_found_in_every_type_at_every_depth() {
    let bench = Bench::new();
    let ids: Vec<String> = (0..12).map(token).collect();
    let deep = Attribute::M(BTreeMap::from([(
        format!("name {}", ids[7]),
        Attribute::L(vec![Attribute::Null, Attribute::M(item([("x", text(&ids[8]))]))]),
    )]));
    bench.stores.tables.put(
        "orders",
        item([
            ("pk", text(&format!("USER#{}#1", ids[0]))),
            (ids[1].as_str(), Attribute::Bool(true)),
            ("note", text(&format!("{{\"card\":\"{}\"}}, {}", ids[2], ids[2]))),
            ("raw", Attribute::B(ids[3].clone().into_bytes())),
            ("set", Attribute::SS(vec![ids[4].clone(), "other".into()])),
            ("bytes", Attribute::BS(vec![ids[5].clone().into_bytes()])),
            ("list", Attribute::L(vec![text("x"), text(&ids[6])])),
            ("map", deep),
            ("number", Attribute::N("12".into())),
            ("numbers", Attribute::NS(vec!["1".into()])),
        ]),
    );
    let outcome = scan(&bench, 1).unwrap();
    let expected = ids[..9].iter().enumerate().map(|(at, id)| (id.as_str(), if at == 2 { 2 } else { 1 }));
    assert_eq!(outcome.counts, counts(expected));
    assert_eq!((outcome.stats.n_rows, outcome.stats.n_tokens), (1, 10));
}

#[test]
fn two_values_do_not_make_a_token_together() {
    let bench = Bench::new();
    bench.stores.tables.put("orders", item([("a", text("tok_0000")), ("b", text("0001"))]));
    assert_eq!(scan(&bench, 1).unwrap().counts, counts([]));
}

#[test]
fn every_item_is_in_one_segment_and_pauses_change_nothing() {
    let ids: Vec<String> = (0..25).map(token).collect();
    let expected = counts(ids.iter().map(|id| (id.as_str(), 1)));
    for segments in [1, 3] {
        for pause_every in [0, 1, 2] {
            let bench = Bench { pause_every, ..Bench::new() };
            for id in &ids {
                bench.stores.tables.put("orders", item([("pk", text(id))]));
            }
            let outcome = scan(&bench, segments).unwrap();
            assert_eq!(
                (outcome.counts, outcome.stats.n_rows),
                (expected.clone(), 25),
                "{segments} {pause_every}"
            );
            let n_parts = match (pause_every, segments) {
                (0, _) => u32::from(segments),
                // 9 pages of three items, the last one with one.
                (1, _) => 9 * u32::from(segments),
                _ => 5 * u32::from(segments),
            };
            assert_eq!(outcome.n_parts, n_parts, "{segments} {pause_every}");
        }
    }
}

#[test]
fn a_table_that_cannot_be_read_is_not_an_empty_one() {
    let bench = Bench::new();
    assert_eq!(scan(&bench, 1), Err(SourceError::Missing));
    bench.stores.tables.create("orders");
    for (error, retry) in [
        (SourceError::Unreachable { code: "timeout".into() }, Retry::Later),
        (SourceError::Denied { code: "AccessDenied".into() }, Retry::Never),
    ] {
        bench.stores.tables.refuse(Some(error.clone()));
        assert_eq!(scan(&bench, 1), Err(error.clone()));
        assert_eq!(error.retry(), retry);
    }
}

#[test]
fn a_cursor_of_something_else_is_refused() {
    let bench = Bench::new();
    bench.stores.tables.create("orders");
    let units = bench.units(&orders(1)).unwrap();
    assert_eq!(bench.scan_part(&units[0], Some(b"?")).err(), Some(SourceError::Cursor));
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = Vec::new();
    GzEncoder::new(text.as_bytes(), Compression::default()).read_to_end(&mut packed).unwrap();
    packed
}

#[test]
fn a_value_that_is_gzip_is_unpacked_unless_that_is_switched_off() {
    let packed = gzip(&format!("{{\"card\":\"{}\"}}", token(1)));
    let in_base64 = STANDARD.encode(gzip(&format!("{}, {}", token(2), token(2))));
    let mut bench = Bench::new();
    bench.stores.tables.put("orders", item([("a", Attribute::B(packed)), ("b", text(&in_base64))]));
    let expected = counts([(token(1).as_str(), 1), (token(2).as_str(), 2)]);
    assert_eq!(scan(&bench, 1).unwrap().counts, expected);
    bench.encodings = Encoding::ALL.into_iter().filter(|encoding| *encoding != Encoding::Gzip).collect();
    assert_eq!(scan(&bench, 1).unwrap().counts, counts([]));
}

#[test]
fn gzip_is_found_in_every_way_to_write_base64() {
    let text = STANDARD.encode(gzip(&format!("{} {}", token(1), "??>>".repeat(40))));
    let wrapped: String = text
        .as_bytes()
        .chunks(20)
        .fold(" ".to_owned(), |all, line| all + std::str::from_utf8(line).unwrap() + "\r\n");
    let bare = text.trim_end_matches('=');
    let url_safe = bare.replace('+', "-").replace('/', "_");
    for written in [text.as_str(), bare, url_safe.as_str(), wrapped.as_str()] {
        let bench = Bench::new();
        bench.stores.tables.put("orders", item([("a", self::text(written))]));
        assert_eq!(scan(&bench, 1).unwrap().counts, counts([(token(1).as_str(), 1)]), "{written}");
    }
}

#[test]
fn a_value_that_is_gzip_and_cannot_be_unpacked_is_no_value_without_tokens() {
    let whole = gzip(&token(1));
    let mut damaged = whole.clone();
    damaged[12] ^= 0xff;
    let cut = whole[..whole.len() - 5].to_vec();
    let cut_text = STANDARD.encode(&whole);
    let cut_text = &cut_text[..cut_text.len() - 7];
    for bad in [Attribute::B(cut), Attribute::B(damaged), text(cut_text)] {
        let bench = Bench::new();
        bench.stores.tables.put("orders", item([("a", Attribute::L(vec![bad]))]));
        let error = scan(&bench, 1).unwrap_err();
        assert_eq!((&error, error.retry()), (&SourceError::UnreadableValue, Retry::Never));
    }
}

#[test]
fn what_only_begins_like_gzip_is_something_else() {
    let random = vec![0x1f, 0x8b, 0x08, 0xff, 1, 2, 3, 4, 5, 6, 7, 8];
    for other in [Attribute::B(vec![0x1f, 0x8b, 0x08]), Attribute::B(random), text("H4sI is how it begins")] {
        let bench = Bench::new();
        bench.stores.tables.put("orders", item([("a", other)]));
        assert_eq!(scan(&bench, 1).unwrap().counts, counts([]));
    }
}
