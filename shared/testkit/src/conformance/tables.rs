//! What every tenant's table must do.

use std::collections::BTreeSet;

use lethe_domain::source::TableRef;
use lethe_sources::{Attribute, Item, SourceError, Tables};

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
}

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
    let read = read_segment(tables, &seed.table("types"), 0, 1).await;
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
    let whole = tables.scan_page(&table, 0, 1, None).await.unwrap();
    assert!(whole.next.is_some(), "40 items of 60 kB are more than a page");
    for total in [1, 3] {
        let mut keys = Vec::new();
        for segment in 0..total {
            keys.extend(read_segment(tables, &table, segment, total).await.iter().map(key_of));
        }
        assert_eq!(keys.len(), expected.len(), "{total} segments show an item twice or not at all");
        assert_eq!(keys.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

async fn what_is_missing_is_not_empty<T: Tables, S: TableSeed>(tables: &T, seed: &S) {
    let missing = tables.scan_page(&seed.table("no-such-table"), 0, 1, None).await;
    assert_eq!(missing.err(), Some(SourceError::Missing));
    seed.create("empty").await;
    assert!(read_segment(tables, &seed.table("empty"), 0, 2).await.is_empty());
}

async fn a_foreign_cursor_is_refused<T: Tables, S: TableSeed>(tables: &T, seed: &S) {
    let refused = tables.scan_page(&seed.table("types"), 0, 1, Some(b"not a cursor")).await;
    assert_eq!(refused.err(), Some(SourceError::Cursor));
}

async fn read_segment<T: Tables>(tables: &T, table: &TableRef, segment: u32, total: u32) -> Vec<Item> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let page = tables.scan_page(table, segment, total, cursor.as_deref()).await.unwrap();
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return items;
        }
    }
}
