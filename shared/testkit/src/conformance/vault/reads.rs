//! Pages and indexes.

use lethe_domain::policy::Trigger;
use lethe_domain::row::{RowFault, RowRead, due_partition};
use lethe_domain::time::EpochSeconds;
use lethe_stages::ports::{Control, Vault};
use serde_json::json;

use super::{MAX_LOOKS, VaultSeed, World, ids, shard_of};
use crate::rows::{RowBuilder, row};
use crate::tokens::{key, token, token_named};

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
    }

    async fn one_row_is_read_or_absent(&self) {
        let all = row("one-row", &token(1))
            .subject("s")
            .session("x")
            .expires_at(EpochSeconds(9_000_000_000))
            .read_at(EpochSeconds(8))
            .due_at(EpochSeconds(9_000_000_000))
            .hold("case-1 case-2")
            .decided_by("100-01", u64::MAX, 3)
            .by("arn:aws:iam::1:role/auth", Some("ticket 7"))
            .waits_for(EpochSeconds(7))
            .device("d")
            .family("f")
            .client("c");
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
        let (mut read, mut n_read) = (Vec::new(), 0);
        let mut after = None;
        loop {
            let page = self.vault.page(&shard, after.as_deref(), 2).await.unwrap();
            assert!(page.rows.len() <= 2);
            n_read += page.n_read;
            read.extend(ids(&page));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(read, ["a", "b", "c", "d", "e"]);
        assert_eq!(n_read, 5);
        let rest = self.vault.page(&shard, Some("bb"), 100).await.unwrap();
        assert_eq!(ids(&rest)[0], "c", "a cursor need not be a row's");
        let empty = self.vault.page(&shard_of(&named("no-such-tenant", "a")), None, 10).await.unwrap();
        assert_eq!((empty.rows.len(), empty.n_read, empty.next), (0, 0, None));
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
        let (mut found, mut n_read) = (Vec::new(), 0);
        let mut after = None;
        loop {
            // The limit counts what is read, so a page of one may be empty and not the last.
            let page = self.vault.overdue(&shard, after.as_deref(), 1, at(100)).await.unwrap();
            found.extend(ids(&page));
            n_read += page.n_read;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, ["c", "e"]);
        assert_eq!(n_read, 5, "what the filter leaves out was read as well");
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
}
