//! Subjects' rows.

use lethe_domain::row::{RowRead, RowVersion};
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::time::EpochMillis;
use lethe_domain::token::{Shard, ShardCount};
use lethe_stages::ports::{Control, ShardRef, Vault};
use serde_json::json;

use super::{VaultSeed, World, ids};
use crate::item::Item;
use crate::rows::row;
use crate::tokens::{tenant, token};

/// One shard, so that a subject's row lies beside the tokens.
fn key_of(of: &str, subject: &str) -> SubjectKey {
    SubjectKey::new(&tenant(of), subject, ShardCount::new(1).unwrap())
}

impl<V: Vault, C: Control, S: VaultSeed> World<'_, V, C, S> {
    pub(super) async fn subjects(&self) {
        self.a_subjects_row_is_written_by_one_writer_only().await;
        self.every_attribute_of_a_subject_reads_back().await;
        self.a_subjects_row_is_no_token_among_tokens().await;
        self.a_row_that_nobody_understands_holds_and_stays().await;
    }

    async fn a_subjects_row_is_written_by_one_writer_only(&self) {
        let key = key_of("subjects", "alice");
        assert_eq!(self.vault.subject(&key).await.unwrap(), None);
        let first = SubjectRow::default().cut_off(None, EpochMillis(5)).unwrap();
        let stale = self.vault.write_subject(&key, RowVersion(1), &first).await.unwrap();
        assert!(!stale, "there is nothing to write to");
        assert_eq!(self.vault.subject(&key).await.unwrap(), None);
        assert!(self.vault.write_subject(&key, RowVersion(0), &first).await.unwrap());
        assert_eq!(self.vault.subject(&key).await.unwrap(), Some(first.clone()));
        let other = SubjectRow::default().held("case-1").unwrap();
        assert!(!self.vault.write_subject(&key, RowVersion(0), &other).await.unwrap());
        let second = first.held("case-1").unwrap();
        assert!(self.vault.write_subject(&key, first.version, &second).await.unwrap());
        assert!(
            !self.vault.write_subject(&key, first.version, &second).await.unwrap(),
            "it was written since"
        );
        assert_eq!(self.vault.subject(&key).await.unwrap(), Some(second));
        for apart in [key_of("subjects", "bob"), key_of("subjects-2", "alice")] {
            assert_eq!(self.vault.subject(&apart).await.unwrap(), None);
        }
    }

    async fn every_attribute_of_a_subject_reads_back(&self) {
        let key = key_of("subject-attributes", "alice#1 \u{00e9}");
        let kinds = ["access".to_owned(), "refresh".to_owned()];
        let full = SubjectRow::default()
            .cut_off(None, EpochMillis(1_800_000_000_001))
            .and_then(|row| row.cut_off(Some(&kinds), EpochMillis(1_800_000_000_002)))
            .and_then(|row| row.held("case-1"))
            .and_then(|row| row.held("case-2"))
            .unwrap();
        assert!(self.vault.write_subject(&key, RowVersion(0), &full).await.unwrap());
        assert_eq!(self.vault.subject(&key).await.unwrap(), Some(full.clone()));
        // What is no more is taken away.
        let bare = SubjectRow { version: full.version.next(), ..SubjectRow::default() };
        assert!(self.vault.write_subject(&key, full.version, &bare).await.unwrap());
        assert_eq!(self.vault.subject(&key).await.unwrap(), Some(bare));
    }

    async fn a_subjects_row_is_no_token_among_tokens(&self) {
        let token = self.put(&row("subject-pages", &token(1)).shards(1)).await;
        let held = SubjectRow::default().held("case-1").unwrap();
        let key = key_of("subject-pages", "alice");
        assert!(self.vault.write_subject(&key, RowVersion(0), &held).await.unwrap());
        let shard = ShardRef { tenant: tenant("subject-pages"), shard: Shard(0) };
        let (mut rows, mut n_read) = (Vec::new(), 0);
        let mut after = None;
        loop {
            let page = self.vault.page(&shard, after.as_deref(), 10).await.unwrap();
            n_read += page.n_read;
            rows.extend(page.rows.clone());
            assert!(ids(&page).iter().all(|id| id == token.key.token.expose()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(rows.contains(&RowRead::Subject) && rows.len() == 2, "{rows:?}");
        assert_eq!(n_read, 2);
    }

    async fn a_row_that_nobody_understands_holds_and_stays(&self) {
        for (subject, kind, cutoffs) in
            [("torn", "subject", json!({ "S": "yesterday" })), ("foreign", "vault", json!({ "M": {} }))]
        {
            let key = key_of("torn-subjects", subject);
            let item = Item::from([
                ("pk".to_owned(), json!({ "S": key.pk })),
                ("sk".to_owned(), json!({ "S": key.sk })),
                ("kind".to_owned(), json!({ "S": kind })),
                ("version".to_owned(), json!({ "N": "3" })),
                ("cutoffs".to_owned(), cutoffs),
            ]);
            self.seed.put(item).await;
            let stands = self.vault.subject(&key).await.unwrap().unwrap();
            assert!(stands.hold.is_some(), "{subject}");
            let mine = stands.cut_off(None, EpochMillis(5)).unwrap();
            assert!(!self.vault.write_subject(&key, stands.version, &mine).await.unwrap(), "{subject}");
            assert_eq!(self.vault.subject(&key).await.unwrap(), Some(stands), "{subject}");
        }
        // A version of its own does not make a row of another kind a subject's.
        let key = key_of("torn-subjects", "foreign");
        let mine = SubjectRow { version: RowVersion(4), ..SubjectRow::default() };
        assert!(!self.vault.write_subject(&key, RowVersion(3), &mine).await.unwrap());
    }
}
