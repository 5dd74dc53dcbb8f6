//! What every work bucket must do.

use lethe_stages::ports::WorkStore;

/// Holds a work bucket to what the stages count on.
pub async fn work_suite<W: WorkStore>(work: &W) {
    an_object_is_written_once(work).await;
    a_range_ends_with_the_object(work).await;
    a_suffix_is_at_most_the_object(work).await;
    an_empty_object_is_there(work).await;
}

async fn an_object_is_written_once<W: WorkStore>(work: &W) {
    assert_eq!(work.get("marks/none").await.unwrap(), None);
    assert!(work.put_new("marks/one", b"one".to_vec()).await.unwrap());
    assert!(!work.put_new("marks/one", b"two".to_vec()).await.unwrap());
    assert_eq!(work.get("marks/one").await.unwrap(), Some(b"one".to_vec()));
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    assert!(work.put_new("marks/large", large.clone()).await.unwrap());
    assert_eq!(work.get("marks/large").await.unwrap(), Some(large));
}

async fn a_range_ends_with_the_object<W: WorkStore>(work: &W) {
    assert!(work.put_new("ranges/ten", b"0123456789".to_vec()).await.unwrap());
    for (range, expected) in [
        (0..10, "0123456789"),
        (2..5, "234"),
        (8..100, "89"),
        (9..10, "9"),
        (10..12, ""),
        (50..60, ""),
        (3..3, ""),
        (10..10, ""),
    ] {
        let read = work.get_range("ranges/ten", range.clone()).await.unwrap();
        assert_eq!(read.as_deref(), Some(expected.as_bytes()), "{range:?}");
    }
    assert_eq!(work.get_range("ranges/none", 0..1).await.unwrap(), None);
}

async fn a_suffix_is_at_most_the_object<W: WorkStore>(work: &W) {
    assert!(work.put_new("suffixes/ten", b"0123456789".to_vec()).await.unwrap());
    for (n_bytes, expected) in [(1, "9"), (10, "0123456789"), (65_536, "0123456789"), (0, "")] {
        let read = work.get_suffix("suffixes/ten", n_bytes).await.unwrap();
        assert_eq!(read.as_deref(), Some(expected.as_bytes()), "{n_bytes}");
    }
    assert_eq!(work.get_suffix("suffixes/none", 5).await.unwrap(), None);
}

async fn an_empty_object_is_there<W: WorkStore>(work: &W) {
    assert!(work.put_new("empty", Vec::new()).await.unwrap());
    assert!(!work.put_new("empty", b"x".to_vec()).await.unwrap());
    assert_eq!(work.get("empty").await.unwrap(), Some(Vec::new()));
    assert_eq!(work.get_range("empty", 0..5).await.unwrap(), Some(Vec::new()));
    assert_eq!(work.get_suffix("empty", 5).await.unwrap(), Some(Vec::new()));
}
