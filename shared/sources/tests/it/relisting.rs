//! The second look at a source: which of its objects and items are different from what was read.

use futures::executor::block_on;
use lethe_domain::source::{
    ChangedAt, ChangedUnit, Encodings, ObjectFormat, SourceConfig, UnitPart, UnitSpec,
};
use lethe_domain::time::EpochSeconds;
use lethe_sources::{Attribute, Item, KnownUnit, Relisted, SourceError};

use crate::bench::{Bench, counts, lake, token};

const SCAN: EpochSeconds = EpochSeconds(1_800_000_000);

fn known(units: Vec<UnitSpec>) -> Vec<KnownUnit> {
    units.into_iter().map(|spec| KnownUnit { spec, missed: Vec::new() }).collect()
}

/// The page of the first listing that covers everything.
fn whole(known: &[Vec<KnownUnit>]) -> Relisted<'_> {
    Relisted { begin: None, end: None, known, changed_from: SCAN }
}

fn relist(bench: &Bench, page: &Relisted<'_>) -> Result<Vec<UnitSpec>, SourceError> {
    block_on(bench.stores.relist_units("source", &lake(ObjectFormat::Text), page, &bench.limits))
}

fn keys(units: &[UnitSpec]) -> Vec<&str> {
    let objects = units.iter().flat_map(|unit| match &unit.part {
        UnitPart::Objects { objects, .. } => objects.as_slice(),
        UnitPart::Segment { .. } => panic!("a bucket has no segments"),
    });
    objects.map(|slice| slice.key.as_str()).collect()
}

fn first_look(bench: &Bench) -> Vec<KnownUnit> {
    known(bench.units(&lake(ObjectFormat::Text)).unwrap())
}

#[test]
fn what_is_as_it_was_makes_no_unit() {
    let bench = Bench::new();
    bench.stores.objects.create("lake");
    assert!(relist(&bench, &whole(&[first_look(&bench)])).unwrap().is_empty());
    bench.put("a", token(1));
    bench.put("b", token(2));
    let rounds = [first_look(&bench)];
    bench.stores.objects.remove("lake", "b");
    assert!(relist(&bench, &whole(&rounds)).unwrap().is_empty(), "what vanished cannot be read");
}

#[test]
fn new_and_rewritten_objects_are_read_and_no_others() {
    let bench = Bench::new();
    for key in ["a", "c", "e"] {
        bench.put(key, token(1));
    }
    let mut rounds = vec![first_look(&bench)];
    for key in ["b", "c", "f"] {
        bench.put(key, token(2));
    }
    let units = relist(&bench, &whole(&rounds)).unwrap();
    assert_eq!(keys(&units), ["b", "c", "f"]);
    assert_eq!(bench.scan_units(&units).unwrap().counts, counts([(token(2).as_str(), 3)]));
    rounds.push(known(units));
    assert!(
        relist(&bench, &whole(&rounds)).unwrap().is_empty(),
        "a further look knows what the last one showed"
    );
}

#[test]
fn an_object_that_was_missed_and_came_back_is_read() {
    let bench = Bench::new();
    bench.put("a", token(1));
    bench.put("b", token(2));
    let mut first = first_look(&bench);
    let gone = bench.stores.objects.take("lake", "b");
    let (progress, _) = bench.scan_part(&first[0].spec, None).unwrap();
    assert_eq!((progress.stats.n_gone, &progress.missed), (1, &vec![1]));
    first[0].missed = progress.missed;
    bench.stores.objects.put_back("lake", "b", gone);
    assert_eq!(keys(&relist(&bench, &whole(&[first])).unwrap()), ["b"]);
}

#[test]
fn an_object_that_changed_before_it_was_read_is_told() {
    let bench = Bench::new();
    bench.put("a", token(1));
    let units = bench.units(&lake(ObjectFormat::Text)).unwrap();
    bench.put("a", token(2));
    let (progress, _) = bench.scan_part(&units[0], None).unwrap();
    assert_eq!((progress.stats.n_changed, progress.missed), (1, vec![0]));
}

#[test]
fn a_page_is_looked_at_from_its_beginning_to_its_end() {
    let mut bench = Bench::new();
    bench.limits.max_unit_objects = 2;
    bench.stores.objects.set_page_size(3);
    for key in ["b", "d", "f", "h", "j"] {
        bench.put(key, token(1));
    }
    let mut pages = Vec::new();
    let mut begin: Option<String> = None;
    loop {
        let config = lake(ObjectFormat::Text);
        let page =
            block_on(bench.stores.list_units("source", &config, begin.as_deref(), &bench.limits)).unwrap();
        pages.push((begin.clone(), page.next.clone(), [known(page.units)]));
        begin = page.next;
        if begin.is_none() {
            break;
        }
    }
    assert!(1 < pages.len());
    for key in ["a", "c", "e", "g", "i", "k"] {
        bench.put(key, token(2));
    }
    let mut different = Vec::new();
    for (begin, end, known) in &pages {
        let page = Relisted { begin: begin.as_deref(), end: end.as_deref(), ..whole(known) };
        different.extend(relist(&bench, &page).unwrap());
    }
    assert_eq!(keys(&different), ["a", "c", "e", "g", "i", "k"], "each once, by the page it falls into");
}

#[test]
fn a_listing_with_hardly_anything_in_common_is_an_error() {
    let mut bench = Bench::new();
    bench.limits.max_unit_objects = 1;
    bench.stores.objects.create("lake");
    let rounds = [first_look(&bench)];
    for n in 0..300 {
        bench.put(&format!("{n:03}"), token(n));
    }
    let error = relist(&bench, &whole(&rounds)).unwrap_err();
    assert!(matches!(error, SourceError::Unsettled { .. }), "{error}");
}

#[test]
fn a_table_is_scanned_again_for_what_changed_and_only_if_it_says_when() {
    let bench = Bench::new();
    let text = |text: String| Attribute::S(text);
    for (n, changed) in [(1, Some(SCAN.0 - 1)), (2, Some(SCAN.0)), (3, None)] {
        let changed = changed.into_iter().map(|at| ("at".to_owned(), Attribute::N(at.to_string())));
        let item: Item = changed.chain([("note".to_owned(), text(token(n)))]).collect();
        bench.stores.tables.put("orders", item);
    }
    let table = |changed_at| SourceConfig::DynamoDb {
        table: "orders".into(),
        region: None,
        segments: 2,
        encodings: Encodings::default(),
        changed_at,
    };
    let relist = |config: &SourceConfig| {
        let known = [known(bench.units(config).unwrap())];
        block_on(bench.stores.relist_units("source", config, &whole(&known), &bench.limits)).unwrap()
    };
    assert!(relist(&table(None)).is_empty());
    let changed_at = ChangedAt { attribute: "at".into(), unit: ChangedUnit::Seconds };
    let units = relist(&table(Some(changed_at)));
    assert_eq!(units.len(), 2);
    let found = bench.scan_units(&units).unwrap();
    assert_eq!(found.counts, counts([(token(2).as_str(), 1), (token(3).as_str(), 1)]));
    assert_eq!(found.stats.n_rows, 2);
}
