//! Pages and indexes.

use lethe_domain::policy::Trigger;
use lethe_domain::row::{RowFault, RowRead, due_partition};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::RowKey;
use lethe_stages::ports::{Control, Vault};
use serde_json::json;

use super::{VaultSeed, World, ids, shard_of};
use crate::rows::{RowBuilder, row};
use crate::tokens::{key, tenant, token, token_named};

/// Index reads are eventually consistent; a real one gets so many looks.
const MAX_LOOKS: usize = 50;

fn named(tenant: &str, id: &str) -> RowBuilder {
    row(tenant, &token_named(id)).shards(1)
}

impl<V: Vault, C: Control, S: VaultSeed> World<'_, V, C, S> {
    pub(super) async fn reads(&self) {
        self.one_row_is_read_or_absent().await;
        self.a_shard_is_read_page_by_page_in_order().await;
        self.what_is_no_token_is_told_apart().await;
        self.overdue_finds_what_is_past_and_nothing_else().await;
        self.due_is_soonest_first_and_bounded().await;
        self.a_subjects_rows_are_found_in_every_bucket().await;
        self.a_session_is_not_mistaken_for_a_longer_name().await;
    }

    async fn one_row_is_read_or_absent(&self) {
        let all = row("one-row", &token(1))
            .subject("s")
            .session("x")
            .expires_at(EpochSeconds(9_000_000_000))
            .read_at(EpochSeconds(8))
            .due_at(EpochSeconds(9_000_000_000))
            .hold("case-1")
            .decided_by("100-01", u64::MAX, 3);
        let expected = self.put(&all).await;
        assert_eq!(self.vault.get(&all.key()).await.unwrap(), Some(RowRead::Token(Box::new(expected))));
        assert_eq!(self.vault.get(&key("one-row", &token(2), 1)).await.unwrap(), None);
    }

    async fn a_shard_is_read_page_by_page_in_order(&self) {
        for id in ["c", "a", "e", "b", "d"] {
            self.put(&named("pages", id)).await;
        }
        self.put(&named("pages-2", "f")).await;
        let shard = shard_of(&named("pages", "a"));
        let mut read = Vec::new();
        let mut after = None;
        loop {
            let page = self.vault.page(&shard, after.as_deref(), 2).await.unwrap();
            assert!(page.rows.len() <= 2);
            read.extend(ids(&page));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(read, ["a", "b", "c", "d", "e"]);
        let rest = self.vault.page(&shard, Some("bb"), 100).await.unwrap();
        assert_eq!(ids(&rest)[0], "c", "a cursor need not be a row's");
        let empty = self.vault.page(&shard_of(&named("no-such-tenant", "a")), None, 10).await.unwrap();
        assert_eq!((empty.rows.len(), empty.next), (0, None));
    }

    async fn what_is_no_token_is_told_apart(&self) {
        let mut subject = named("shapes", "a").item();
        subject.insert("sk".into(), json!({ "S": "subject#alice" }));
        subject.insert("kind".into(), json!({ "S": "subject" }));
        let mut wrong_type = named("shapes", "b").item();
        wrong_type.insert("version".into(), json!({ "S": "7" }));
        let mut torn = named("shapes", "c").item();
        torn.insert("isValid".into(), json!({ "BOOL": false }));
        let mut extra = named("shapes", "d").item();
        extra.insert(
            "anything".into(),
            json!({ "M": { "deep": { "L": [{ "NULL": true }, { "N": "1.5" }] } } }),
        );
        for item in [subject, wrong_type, torn, extra] {
            self.seed.put(item).await;
        }
        let shard = shard_of(&named("shapes", "a"));
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let page = self.vault.page(&shard, after.as_deref(), 10).await.unwrap();
            rows.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let expected = [
            RowRead::Unreadable(RowFault::Attributes),
            RowRead::Unreadable(RowFault::Contradiction),
            RowRead::Token(Box::new(named("shapes", "d").build())),
            RowRead::Subject,
        ];
        assert_eq!(rows, expected);
    }

    async fn overdue_finds_what_is_past_and_nothing_else(&self) {
        let at = EpochSeconds;
        let cooling = |id: &str| named("overdue", id).cooling(Trigger::Revoked, at(50));
        self.put(&named("overdue", "a")).await;
        self.put(&cooling("b")).await;
        self.put(&cooling("c").purge_at(at(100))).await;
        self.put(&cooling("d").purge_at(at(101))).await;
        self.put(&named("overdue", "e").expires_at(at(60)).purge_at(at(99))).await;
        let shard = shard_of(&cooling("a"));
        let mut found = Vec::new();
        let mut after = None;
        loop {
            // The limit counts what is read, so a page of one may be empty and not the last.
            let page = self.vault.overdue(&shard, after.as_deref(), 1, at(100)).await.unwrap();
            found.extend(ids(&page));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, ["c", "e"]);
    }

    async fn due_is_soonest_first_and_bounded(&self) {
        let at = EpochSeconds;
        let partition = due_partition(&token(0), 16);
        let mut same = (0..).map(token).filter(|token| due_partition(token, 16) == partition);
        let rows = [30, 10, 20, 41].map(|due| row("due-order", &same.next().unwrap()).due_at(at(due)));
        let keys = rows.each_ref().map(RowBuilder::key);
        for row in &rows {
            self.put(row).await;
        }
        for _ in 0..MAX_LOOKS {
            if self.vault.due(&partition, at(41), 100).await.unwrap().len() == 4 {
                break;
            }
        }
        let due = async |until, limit| self.vault.due(&partition, at(until), limit).await.unwrap();
        let [thirty, ten, twenty, forty_one] = keys;
        let three = [ten.clone(), twenty.clone(), thirty.clone()];
        assert_eq!(due(40, 100).await, three);
        assert_eq!(due(41, 100).await, [&three[..], &[forty_one]].concat());
        assert_eq!(due(41, 2).await, [ten, twenty]);
        assert_eq!(due(9, 100).await, []);
    }

    async fn a_subjects_rows_are_found_in_every_bucket(&self) {
        let mut expected = Vec::new();
        for seed in 0..24 {
            let owned =
                row("owners", &token(seed)).subject("alice").session(if seed < 4 { "one" } else { "two" });
            expected.push(self.put(&owned).await.key);
        }
        self.put(&row("owners", &token(30)).subject("bob").session("one")).await;
        self.put(&row("owners", &token(31)).subject("alice#0").session("one")).await;
        self.put(&row("owners-2", &token(0)).subject("alice").session("one")).await;
        self.put(&row("owners", &token(32))).await;
        let mut session = expected[..4].to_vec();
        session.sort();
        expected.sort();
        assert_eq!(self.owned("owners", "alice", None, 24).await, expected);
        assert_eq!(self.owned("owners", "alice", Some("one"), 4).await, session);
        assert_eq!(self.owned("owners", "nobody", None, 0).await, []);
    }

    async fn a_session_is_not_mistaken_for_a_longer_name(&self) {
        let of = |seed, session: &str| row("sessions", &token(seed)).subject("carol").session(session);
        let short = self.put(&of(1, "a")).await.key;
        self.put(&of(2, "a#b")).await;
        self.put(&of(3, "aa")).await;
        self.put(&row("sessions", &token(4)).subject("carol")).await;
        assert_eq!(self.owned("sessions", "carol", None, 4).await.len(), 4);
        assert_eq!(self.owned("sessions", "carol", Some("a"), 1).await, [short]);
    }

    async fn owned(&self, of: &str, subject: &str, session: Option<&str>, n_expected: usize) -> Vec<RowKey> {
        let mut found = Vec::new();
        for _ in 0..MAX_LOOKS {
            found = self.vault.owned(&tenant(of), subject, session).await.unwrap();
            if found.len() == n_expected {
                break;
            }
        }
        found.sort();
        found
    }
}
