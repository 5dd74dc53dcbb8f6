//! What every tenant's bucket must do.

use lethe_domain::source::BucketRef;
use lethe_sources::{ListedObject, Objects, SourceError};

/// What a suite does to tenants' buckets beside the port.
pub trait ObjectSeed {
    /// Where the bucket of this name is, and what of it is meant.
    fn bucket(&self, name: &str, prefix: &str) -> BucketRef;
    /// Makes a bucket.
    async fn create(&self, name: &str);
    /// Puts an object, whatever stands there.
    async fn put(&self, name: &str, key: &str, bytes: &[u8]);
    /// Removes an object.
    async fn remove(&self, name: &str, key: &str);
}

/// Holds tenants' buckets to what the connectors count on.
pub async fn objects_suite<O: Objects, S: ObjectSeed>(objects: &O, seed: &S) {
    a_listing_goes_on_after_a_key(objects, seed).await;
    a_range_ends_with_the_object(objects, seed).await;
    an_object_that_changed_is_not_read_for_the_old_one(objects, seed).await;
    what_is_missing_is_told_apart(objects, seed).await;
}

async fn a_listing_goes_on_after_a_key<O: Objects, S: ObjectSeed>(objects: &O, seed: &S) {
    seed.create("lists").await;
    for (key, bytes) in
        [("in/b", "22"), ("in/a", "1"), ("in/ü x+y", "4444"), ("in/a/c", "333"), ("out/a", ""), ("in", "0")]
    {
        seed.put("lists", key, bytes.as_bytes()).await;
    }
    let bucket = seed.bucket("lists", "in/");
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = objects.list(&bucket, after.as_deref(), 2).await.unwrap();
        assert!(page.objects.len() <= 2);
        listed.extend(page.objects);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let shown: Vec<_> = listed.iter().map(|object| (object.key.as_str(), object.size)).collect();
    assert_eq!(shown, [("in/a", 1), ("in/a/c", 3), ("in/b", 2), ("in/ü x+y", 4)]);
    for ListedObject { key, size, etag } in listed {
        let read = objects.read(&bucket, &key, Some(&etag), 0..size).await.unwrap();
        assert_eq!(read.len() as u64, size, "{key}");
    }
    let rest = objects.list(&bucket, Some("in/aa"), 1000).await.unwrap();
    assert_eq!(
        rest.objects.first().map(|object| object.key.as_str()),
        Some("in/b"),
        "a cursor need not be a key"
    );
    assert_eq!(rest.next, None);
    assert!(objects.list(&seed.bucket("lists", "nothing/"), None, 10).await.unwrap().objects.is_empty());
}

async fn a_range_ends_with_the_object<O: Objects, S: ObjectSeed>(objects: &O, seed: &S) {
    seed.create("ranges").await;
    seed.put("ranges", "ten", b"0123456789").await;
    let bucket = seed.bucket("ranges", "");
    for (range, expected) in [(0..10, "0123456789"), (3..5, "34"), (8..100, "89"), (10..20, ""), (4..4, "")] {
        let read = objects.read(&bucket, "ten", None, range.clone()).await.unwrap();
        assert_eq!(read, expected.as_bytes(), "{range:?}");
    }
}

async fn an_object_that_changed_is_not_read_for_the_old_one<O: Objects, S: ObjectSeed>(
    objects: &O,
    seed: &S,
) {
    seed.create("changes").await;
    seed.put("changes", "a", b"old").await;
    let bucket = seed.bucket("changes", "");
    let etag = objects.list(&bucket, None, 10).await.unwrap().objects[0].etag.clone();
    assert_eq!(objects.read(&bucket, "a", Some(&etag), 0..3).await, Ok(b"old".to_vec()));
    seed.put("changes", "a", b"new").await;
    assert_eq!(objects.read(&bucket, "a", Some(&etag), 0..3).await, Err(SourceError::Changed));
    assert_eq!(objects.read(&bucket, "a", None, 0..3).await, Ok(b"new".to_vec()));
    seed.remove("changes", "a").await;
    assert_eq!(objects.read(&bucket, "a", Some(&etag), 0..3).await, Err(SourceError::Gone));
}

async fn what_is_missing_is_told_apart<O: Objects, S: ObjectSeed>(objects: &O, seed: &S) {
    seed.create("empty").await;
    let (empty, missing) = (seed.bucket("empty", ""), seed.bucket("no-such-bucket", ""));
    assert!(objects.list(&empty, None, 10).await.unwrap().objects.is_empty());
    assert_eq!(objects.read(&empty, "a", None, 0..1).await, Err(SourceError::Gone));
    assert_eq!(objects.list(&missing, None, 10).await, Err(SourceError::Missing));
    assert_eq!(objects.read(&missing, "a", None, 0..1).await, Err(SourceError::Missing));
}
