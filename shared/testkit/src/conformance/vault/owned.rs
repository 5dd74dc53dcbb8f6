//! A subject's tokens.

use std::collections::BTreeSet;
use std::ops::Range;

use lethe_domain::fan_out::IndexKey;
use lethe_domain::lifecycle::Expected;
use lethe_domain::row::{OWNER_BUCKETS, VaultRow, owner_bucket};
use lethe_domain::token::RowKey;
use lethe_stages::ports::{Control, OwnedPage, OwnedPart, OwnedQuery, Vault, WriteOutcome};

use super::{MAX_LOOKS, VaultSeed, World};
use crate::rows::{RowBuilder, row};
use crate::tokens::{tenant, token};

/// More rows than a test expects.
const PLENTY: u32 = 100;

/// What is looked for.
#[derive(Clone)]
struct Asked<'a> {
    tenant: &'a str,
    subject: &'a str,
    part: OwnedPart<'a>,
    buckets: Range<u8>,
}

impl<'a> Asked<'a> {
    fn of(tenant: &'a str, subject: &'a str, part: OwnedPart<'a>) -> Self {
        Self { tenant, subject, part, buckets: 0..OWNER_BUCKETS }
    }

    fn in_bucket(self, bucket: u8) -> Self {
        Self { buckets: bucket..bucket + 1, ..self }
    }
}

fn sorted(rows: &[VaultRow]) -> Vec<RowKey> {
    let mut keys: Vec<_> = rows.iter().map(|row| row.key.clone()).collect();
    keys.sort();
    keys
}

/// Rows of a tenant whose tokens all fall into one bucket, and the bucket.
fn in_one_bucket(tenant: &str, n_rows: usize) -> (u8, Vec<RowBuilder>) {
    let bucket = owner_bucket(&token(0));
    let tokens = (0..).map(token).filter(|token| owner_bucket(token) == bucket);
    (bucket, tokens.take(n_rows).map(|token| row(tenant, &token)).collect())
}

impl<V: Vault, C: Control, S: VaultSeed> World<'_, V, C, S> {
    pub(super) async fn owned_rows(&self) {
        self.a_subjects_rows_are_found_in_every_bucket().await;
        self.a_session_is_not_mistaken_for_a_longer_name().await;
        self.each_part_is_found_and_nothing_else().await;
        self.small_pages_lose_and_repeat_nothing().await;
        self.a_place_outlives_its_row().await;
    }

    async fn a_subjects_rows_are_found_in_every_bucket(&self) {
        let mut rows = Vec::new();
        for seed in 0..24 {
            let owned =
                row("owners", &token(seed)).subject("alice").session(if seed < 4 { "one" } else { "two" });
            rows.push(self.put(&owned).await);
        }
        self.put(&row("owners", &token(30)).subject("bob").session("one")).await;
        self.put(&row("owners", &token(31)).subject("alice#0").session("one")).await;
        self.put(&row("owners-2", &token(0)).subject("alice").session("one")).await;
        self.put(&row("owners", &token(32))).await;
        let everything = OwnedPart::Everything;
        assert_eq!(self.owned("owners", "alice", everything, 24).await, sorted(&rows));
        assert_eq!(self.owned("owners", "alice", OwnedPart::Session("one"), 4).await, sorted(&rows[..4]));
        assert_eq!(self.owned("owners", "nobody", everything, 0).await, []);
        let buckets: BTreeSet<_> = rows.iter().map(|row| owner_bucket(&row.key.token)).collect();
        assert!(1 < buckets.len(), "the test's tokens are of one bucket");
    }

    async fn a_session_is_not_mistaken_for_a_longer_name(&self) {
        let of = |seed, session: &str| row("sessions", &token(seed)).subject("carol").session(session);
        let short = self.put(&of(1, "a")).await;
        let longer = self.put(&of(2, "a#b")).await;
        self.put(&of(3, "aa")).await;
        self.put(&row("sessions", &token(4)).subject("carol")).await;
        assert_eq!(self.owned("sessions", "carol", OwnedPart::Everything, 4).await.len(), 4);
        assert_eq!(self.owned("sessions", "carol", OwnedPart::Session("a"), 1).await, sorted(&[short]));
        assert_eq!(self.owned("sessions", "carol", OwnedPart::Session("a#b"), 1).await, sorted(&[longer]));
        assert_eq!(self.owned("sessions", "carol", OwnedPart::Session("b"), 0).await, []);
    }

    async fn each_part_is_found_and_nothing_else(&self) {
        let of = |seed| row("parts", &token(seed)).subject("dave").session("s");
        let mine = self.put(&of(1).device("d").family("f").client("c")).await;
        let device = self.put(&of(2).device("d").family("f2")).await;
        let family = self.put(&of(3).family("f").client("c2")).await;
        let client = self.put(&of(4).device("f").client("c")).await;
        self.put(&of(5)).await;
        self.put(&row("parts", &token(6)).subject("erin").device("d").family("f").client("c")).await;
        for (part, other) in [
            (OwnedPart::Device("d"), device),
            (OwnedPart::Family("f"), family),
            (OwnedPart::Client("c"), client),
        ] {
            let expected = sorted(&[mine.clone(), other]);
            assert_eq!(self.owned("parts", "dave", part, 2).await, expected, "{part:?}");
        }
        assert_eq!(self.owned("parts", "dave", OwnedPart::Session("s"), 5).await.len(), 5);
        assert_eq!(self.owned("parts", "dave", OwnedPart::Device("c"), 0).await, []);
    }

    async fn small_pages_lose_and_repeat_nothing(&self) {
        let (bucket, builders) = in_one_bucket("owned-pages", 12);
        let mut rows = Vec::new();
        for (at, builder) in builders.into_iter().enumerate() {
            let device = if at % 3 == 0 { "phone" } else { "desk" };
            let owned = builder.subject("frank").session(["x", "y"][at % 2]).device(device);
            rows.push(self.put(&owned).await);
        }
        let of = |is_meant: fn(&VaultRow) -> bool| {
            sorted(&rows.iter().filter(|row| is_meant(row)).cloned().collect::<Vec<_>>())
        };
        let parts = [
            (OwnedPart::Everything, of(|_| true)),
            (OwnedPart::Session("x"), of(|row| row.owner.session.as_deref() == Some("x"))),
            (OwnedPart::Device("phone"), of(|row| row.owner.device.as_deref() == Some("phone"))),
        ];
        for (part, expected) in parts {
            for limit in [1, 2, 5, 11, 12, 13] {
                // Every row is in one bucket, so its pages hold all there is.
                let asked = Asked::of("owned-pages", "frank", part).in_bucket(bucket);
                let found = self.look(&asked, expected.len(), limit).await;
                assert_eq!(found, expected, "{part:?} by {limit}");
            }
        }
    }

    async fn a_place_outlives_its_row(&self) {
        let (bucket, builders) = in_one_bucket("places", 5);
        let mut rows = Vec::new();
        for builder in builders {
            rows.push(self.put(&builder.subject("grace").session("s")).await);
        }
        // In the order of the index: one session, so that of the tokens.
        rows.sort_by(|one, other| one.key.token.cmp(&other.key.token));
        let asked = Asked::of("places", "grace", OwnedPart::Everything).in_bucket(bucket);
        assert_eq!(self.look(&asked, 5, PLENTY).await.len(), 5);
        let first = self.one_page(&asked, bucket, None, 1).await;
        let after = first.next.unwrap();
        assert_eq!(RowKey::parse(&after.pk, &after.sk).as_ref(), Some(&rows[0].key));
        let gone = self.vault.remove(&rows[0].key, &Expected::of(&rows[0])).await.unwrap();
        assert_eq!(gone, WriteOutcome::Done);
        let mut found = Vec::new();
        let mut after = Some(after);
        while let Some(place) = after {
            let page = self.one_page(&asked, bucket, Some(&place), 2).await;
            found.extend(page.keys);
            after = page.next;
        }
        assert_eq!(found, rows[1..].iter().map(|row| row.key.clone()).collect::<Vec<_>>());
    }

    async fn owned(&self, of: &str, subject: &str, part: OwnedPart<'_>, n_expected: usize) -> Vec<RowKey> {
        self.look(&Asked::of(of, subject, part), n_expected, PLENTY).await
    }

    /// All pages of the buckets, again until there is as much as expected; sorted.
    async fn look(&self, asked: &Asked<'_>, n_expected: usize, limit: u32) -> Vec<RowKey> {
        let mut found = Vec::new();
        for _ in 0..MAX_LOOKS {
            found.clear();
            for bucket in asked.buckets.clone() {
                found.extend(self.all_pages(asked, bucket, limit).await);
            }
            if found.len() == n_expected {
                break;
            }
        }
        found.sort();
        found
    }

    async fn all_pages(&self, asked: &Asked<'_>, bucket: u8, limit: u32) -> Vec<RowKey> {
        let mut found: Vec<RowKey> = Vec::new();
        let mut after: Option<IndexKey> = None;
        loop {
            let page = self.one_page(asked, bucket, after.as_ref(), limit).await;
            assert!(page.keys.len() <= usize::try_from(limit).unwrap(), "{} keys", page.keys.len());
            for key in page.keys {
                assert_eq!(owner_bucket(&key.token), bucket);
                assert!(!found.contains(&key), "a key came twice");
                found.push(key);
            }
            if page.next.is_none() {
                return found;
            }
            assert!(after < page.next, "the pages do not go on");
            after = page.next;
        }
    }

    async fn one_page(
        &self,
        asked: &Asked<'_>,
        bucket: u8,
        after: Option<&IndexKey>,
        limit: u32,
    ) -> OwnedPage {
        let tenant = tenant(asked.tenant);
        let query = OwnedQuery { tenant: &tenant, subject: asked.subject, bucket, part: asked.part };
        self.vault.owned(&query, after, limit).await.unwrap()
    }
}
