//! What every tenant's table must do.

use std::collections::BTreeSet;

use lethe_domain::source::{ChangedAt, ChangedSince, ChangedUnit, TableRef};
use lethe_domain::time::EpochSeconds;
use lethe_sources::{Attribute, Item, Segment, SourceError, Tables};

/// What a suite does to tenants' tables beside the port.
pub trait TableSeed {
    /// Where the table of this name is.
    fn table(&self, name: &str) -> TableRef;
    /// Makes a table whose key is the string `pk`.
    async fn create(&self, name: &str);
    /// Puts an item into it.
    async fn put(&self, name: &str, item: Item);
}

/// Holds tenants' tables to what the connectors count on.
pub async fn tables_suite<T: Tables, S: TableSeed>(tables: &T, seed: &S) {
    every_type_of_attribute_comes_through(tables, seed).await;
    segments_and_pages_show_every_item_once(tables, seed).await;
    what_is_missing_is_not_empty(tables, seed).await;
    a_foreign_cursor_is_refused(tables, seed).await;
    only_what_is_known_not_to_have_changed_is_left_out(tables, seed).await;
}

/// The only segment, all of it.
const WHOLE: Segment<'static> = Segment { number: 0, total: 1, changed_since: None };

fn key_of(item: &Item) -> String {
    match item.get("pk") {
        Some(Attribute::S(key)) => key.clone(),
        _ => String::new(),
    }
}

async fn every_type_of_attribute_comes_through<T: Tables, S: TableSeed>(tables: &T, seed: &S) {
    let text = |text: &str| Attribute::S(text.to_owned());
    let inner = Item::from([
        ("deep".to_owned(), Attribute::L(vec![text("a"), Attribute::Null])),
        ("é".to_owned(), text("")),
    ]);
    let item = Item::from([
        ("pk".to_owned(), text("one")),
        ("number".to_owned(), Attribute::N("-1.5".to_owned())),
        ("bytes".to_owned(), Attribute::B(vec![0, 255])),
        ("flag".to_owned(), Attribute::Bool(true)),
        ("null".to_owned(), Attribute::Null),
        ("texts".to_owned(), Attribute::SS(vec!["only".to_owned()])),
        ("numbers".to_owned(), Attribute::NS(vec!["7".to_owned()])),
        ("blobs".to_owned(), Attribute::BS(vec![vec![1, 2]])),
        ("map".to_owned(), Attribute::M(inner)),
    ]);
    seed.create("types").await;
    seed.put("types", item.clone()).await;
    let read = read_segment(tables, &seed.table("types"), WHOLE).await;
    assert!(read == [item], "the item did not come back as it was put");
}

/// More than one page even where a page is 1 MB.
async fn segments_and_pages_show_every_item_once<T: Tables, S: TableSeed>(tables: &T, seed: &S) {
    seed.create("segments").await;
    let mut expected = BTreeSet::new();
    for n in 0..40 {
        let key = format!("key-{n}");
        let filler = Attribute::S("x".repeat(60_000));
        let item = Item::from([("pk".to_owned(), Attribute::S(key.clone())), ("filler".to_owned(), filler)]);
        seed.put("segments", item).await;
        expected.insert(key);
    }
    let table = seed.table("segments");
    let whole = tables.scan_page(&table, WHOLE, None).await.unwrap();
    assert!(whole.next.is_some(), "40 items of 60 kB are more than a page");
    for total in [1, 3] {
        let mut keys = Vec::new();
        for number in 0..total {
            let segment = Segment { number, total, changed_since: None };
            keys.extend(read_segment(tables, &table, segment).await.iter().map(key_of));
        }
        assert_eq!(keys.len(), expected.len(), "{total} segments show an item twice or not at all");
        assert_eq!(keys.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

async fn what_is_missing_is_not_empty<T: Tables, S: TableSeed>(tables: &T, seed: &S) {
    let missing = tables.scan_page(&seed.table("no-such-table"), WHOLE, None).await;
    assert_eq!(missing.err(), Some(SourceError::Missing));
    seed.create("empty").await;
    let half = Segment { number: 0, total: 2, changed_since: None };
    assert!(read_segment(tables, &seed.table("empty"), half).await.is_empty());
}

async fn a_foreign_cursor_is_refused<T: Tables, S: TableSeed>(tables: &T, seed: &S) {
    let refused = tables.scan_page(&seed.table("types"), WHOLE, Some(b"not a cursor")).await;
    assert_eq!(refused.err(), Some(SourceError::Cursor));
}

async fn only_what_is_known_not_to_have_changed_is_left_out<T: Tables, S: TableSeed>(tables: &T, seed: &S) {
    seed.create("changes").await;
    let text = |text: &str| Attribute::S(text.to_owned());
    let number = |number: &str| Attribute::N(number.to_owned());
    let items = [
        ("old-seconds", Some(number("1795798799"))),
        ("at-seconds", Some(number("1795798800"))),
        ("old-millis", Some(number("1795798799999"))),
        ("at-millis", Some(number("1795798800000.5"))),
        ("zero", Some(number("0"))),
        ("old-text", Some(text("2026-11-26T23:59:59Z"))),
        ("late-text", Some(text("2026-11-27T17:00:00.5-12:00"))),
        ("word", Some(text("never"))),
        ("bytes", Some(Attribute::B(vec![1]))),
        ("nothing", None),
    ];
    for (key, changed) in &items {
        let changed = changed.iter().map(|changed| ("changed".to_owned(), changed.clone()));
        let item = changed.chain([("pk".to_owned(), text(key))]).collect();
        seed.put("changes", item).await;
    }
    for (unit, left_out) in [
        (ChangedUnit::Seconds, &["old-seconds"][..]),
        (ChangedUnit::Millis, &["old-millis"]),
        (ChangedUnit::Iso8601, &["old-text"]),
    ] {
        let changed_at = ChangedAt { attribute: "changed".to_owned(), unit };
        let since = ChangedSince { changed_at, since: EpochSeconds(1_795_798_800) };
        let segment = Segment { changed_since: Some(&since), ..WHOLE };
        let read = read_segment(tables, &seed.table("changes"), segment).await;
        let keys: BTreeSet<String> = read.iter().map(key_of).collect();
        let expected = items.iter().map(|(key, _)| (*key).to_owned());
        let expected: BTreeSet<String> = expected.filter(|key| !left_out.contains(&key.as_str())).collect();
        assert_eq!(keys, expected, "{unit:?}");
    }
}

async fn read_segment<T: Tables>(tables: &T, table: &TableRef, segment: Segment<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let page = tables.scan_page(table, segment, cursor.as_deref()).await.unwrap();
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return items;
        }
    }
}
