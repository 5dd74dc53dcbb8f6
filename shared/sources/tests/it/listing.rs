use futures::executor::block_on;
use lethe_domain::source::{Encodings, ObjectFormat, ObjectSlice, SourceConfig, UnitPart};
use lethe_sources::{Retry, SourceError};
use proptest::prelude::*;

use crate::bench::{Bench, lake};

/// A unit as `key`, or `key[start-end]`, of each of its objects.
fn shown(bench: &Bench, format: ObjectFormat) -> Vec<String> {
    let show = |slice: &ObjectSlice| match slice.range {
        Some((start, end)) => format!("{}[{start}-{end}]", slice.key),
        None => slice.key.clone(),
    };
    let units = bench.units(&lake(format)).unwrap();
    let objects = units.iter().map(|unit| match &unit.part {
        UnitPart::Objects { objects, .. } => objects.iter().map(show).collect::<Vec<_>>().join(" "),
        UnitPart::Segment { .. } => panic!("a bucket has no segments"),
    });
    objects.collect()
}

fn bench(unit_bytes: u64, unit_objects: usize, range_bytes: u64) -> Bench {
    let mut bench = Bench::new();
    bench.limits.max_unit_bytes = unit_bytes;
    bench.limits.max_unit_objects = unit_objects;
    bench.limits.range_bytes = range_bytes;
    bench.stores.objects.create("lake");
    bench
}

#[test]
fn an_empty_bucket_has_no_units() {
    assert_eq!(shown(&bench(10, 10, 10), ObjectFormat::Text), Vec::<String>::new());
}

#[test]
fn a_bucket_that_is_not_there_is_not_an_empty_one() {
    let error = Bench::new().units(&lake(ObjectFormat::Text)).unwrap_err();
    assert_eq!((error.clone(), error.retry()), (SourceError::Missing, Retry::Never));
}

#[test]
fn a_table_has_its_segments() {
    let config = SourceConfig::DynamoDb {
        table: "orders".into(),
        region: None,
        segments: 3,
        encodings: Encodings::default(),
        changed_at: None,
    };
    let units = Bench::new().units(&config).unwrap();
    let parts: Vec<_> = units.iter().map(|unit| (unit.source.as_str(), unit.part.clone())).collect();
    for (expected, (name, part)) in parts.iter().enumerate() {
        let UnitPart::Segment { table, segment, total, changed_since: None } = part else {
            panic!("a table has no objects")
        };
        assert_eq!(
            (*name, table.table.as_str(), *segment as usize, *total),
            ("source", "orders", expected, 3)
        );
    }
    assert_eq!(parts.len(), 3);
}

#[test]
fn objects_are_packed_up_to_the_number_and_the_bytes_of_a_unit() {
    let bench = bench(10, 3, 100);
    for (key, size) in
        [("a", 1), ("b", 1), ("c", 1), ("d", 6), ("e", 4), ("f", 1), ("g", 10), ("h", 11), ("i", 0)]
    {
        bench.put(key, vec![b'x'; size]);
    }
    assert_eq!(shown(&bench, ObjectFormat::Text), ["a b c", "d e", "f", "g", "h", "i"]);
}

#[test]
fn only_what_is_larger_than_a_range_is_cut() {
    let bench = bench(8, 10, 4);
    bench.put("a", "1234");
    bench.put("b", "12345");
    bench.put("c", "1234567890");
    bench.put("d.gz", "1234567890");
    bench.put("e", "1");
    let expected = ["a b[0-4]", "b[4-5] c[0-4]", "c[4-8] c[8-10]", "d.gz", "e"];
    assert_eq!(shown(&bench, ObjectFormat::Text), expected);
}

#[test]
fn an_object_of_very_many_ranges_is_paged_inside() {
    let bench = bench(1, 1, 1);
    bench.put("a", vec![b'x'; 700]);
    bench.put("b", "12");
    let config = lake(ObjectFormat::Text);
    let first = block_on(bench.stores.list_units("source", &config, None, &bench.limits)).unwrap();
    assert_eq!(first.units.len(), 256);
    let expected: Vec<String> =
        (0..700).map(|at| format!("a[{at}-{}]", at + 1)).chain(["b[0-1]".into(), "b[1-2]".into()]).collect();
    assert_eq!(shown(&bench, ObjectFormat::Text), expected);
}

#[test]
fn an_object_that_went_while_it_was_paged_ends_the_paging_inside_it() {
    let bench = bench(1, 1, 1);
    bench.put("a", vec![b'x'; 300]);
    bench.put("b", "12");
    let config = lake(ObjectFormat::Text);
    let first = block_on(bench.stores.list_units("source", &config, None, &bench.limits)).unwrap();
    bench.stores.objects.remove("lake", "a");
    let rest =
        block_on(bench.stores.list_units("source", &config, first.next.as_deref(), &bench.limits)).unwrap();
    let sizes: Vec<_> = rest.units.iter().map(|unit| unit.part.clone()).collect();
    let expected = |range| ObjectSlice { key: "b".into(), size: 2, etag: "\"2\"".into(), range: Some(range) };
    let slices: Vec<_> = sizes
        .into_iter()
        .flat_map(|part| match part {
            UnitPart::Objects { objects, .. } => objects,
            UnitPart::Segment { .. } => vec![],
        })
        .collect();
    assert_eq!((slices, rest.next), (vec![expected((0, 1)), expected((1, 2))], None));
}

#[test]
fn only_keys_under_the_prefix_are_listed() {
    let bench = bench(100, 1, 100);
    for key in ["a/1", "b/1", "b/2", "bb", "c"] {
        bench.put(key, "x");
    }
    let config = SourceConfig::S3 {
        bucket: "lake".into(),
        prefix: "b/".into(),
        region: None,
        format: ObjectFormat::Text,
        encodings: Encodings::default(),
    };
    let units = bench.units(&config).unwrap();
    assert_eq!(units.len(), 2);
}

#[test]
fn what_an_export_writes_beside_its_data_is_left_out_of_exports_only() {
    let bench = bench(100, 10, 100);
    for key in ["e/_started", "e/data/x.json.gz", "e/manifest-files.json", "e/manifest-summary.md5"] {
        bench.put(key, "x");
    }
    assert_eq!(shown(&bench, ObjectFormat::DynamodbExport), ["e/data/x.json.gz"]);
    assert_eq!(
        shown(&bench, ObjectFormat::Text),
        ["e/_started e/data/x.json.gz e/manifest-files.json e/manifest-summary.md5"]
    );
}

#[test]
fn a_cursor_of_something_else_is_refused() {
    let bench = bench(100, 10, 100);
    let listed =
        block_on(bench.stores.list_units("source", &lake(ObjectFormat::Csv), Some("?"), &bench.limits));
    assert_eq!(listed, Err(SourceError::Cursor));
}

proptest! {
    /// However the listing is paged, every byte of every object is in exactly one unit, and the units are the same.
    #[test]
    fn every_byte_is_in_one_unit_and_paging_changes_nothing(
        sizes in prop::collection::vec(0_usize..30, 0..25),
        unit_bytes in 1_u64..40,
        unit_objects in 1_usize..5,
        range_bytes in 1_u64..12,
        page_size in 1_usize..6,
    ) {
        let bench = bench(unit_bytes, unit_objects, range_bytes);
        for (at, size) in sizes.iter().enumerate() {
            bench.put(&format!("{at:02}"), vec![b'x'; *size]);
        }
        let whole = shown(&bench, ObjectFormat::Text);
        bench.stores.objects.set_page_size(page_size);
        let units = bench.units(&lake(ObjectFormat::Text)).unwrap();
        prop_assert_eq!(shown(&bench, ObjectFormat::Text), whole);
        let mut covered: Vec<(String, u64)> = Vec::new();
        for unit in units {
            let UnitPart::Objects { objects, .. } = unit.part else { panic!("a bucket has no segments") };
            prop_assert!(objects.len() <= unit_objects);
            prop_assert!(objects.len() == 1 || objects.iter().map(ObjectSlice::n_bytes).sum::<u64>() <= unit_bytes);
            for slice in objects {
                let (start, end) = slice.range.unwrap_or((0, slice.size));
                covered.extend((start..end).map(|at| (slice.key.clone(), at)));
            }
        }
        let all = sizes.iter().enumerate();
        let all = all.flat_map(|(at, size)| (0..*size as u64).map(move |byte| (format!("{at:02}"), byte)));
        prop_assert_eq!(covered, all.collect::<Vec<_>>());
    }
}
