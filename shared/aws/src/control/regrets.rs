//! What is regretted. An event counts once, however often it is told of, because it and the count are written by one
//! transaction.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::policy::Trigger;
use lethe_domain::regret::{Decision, Outcome, PolicyVersion, RegretCount, Regrets};
use lethe_domain::run::RunId;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;
use lethe_stages::ports::{Came, RegretLedger};

use super::table::{Committed, key_of, send_put, send_query, send_transaction};
use super::{DynamoControl, places};
use crate::item::{Item, Malformed, number, number_of, text, text_of};

const COUNT: &str = "count what came of a decision";

impl RegretLedger for DynamoControl {
    async fn count_outcome(
        &self,
        tenant: &TenantId,
        came: &Came,
        (seen_until, kept_until): (EpochSeconds, EpochSeconds),
    ) -> Result<bool, PortError> {
        let event = self.put_event(tenant, &came.event_id, seen_until)?;
        let count = self.add_outcome(tenant, came, kept_until)?;
        match send_transaction(COUNT, &self.table.client, vec![event, count]).await? {
            Committed::Yes => Ok(true),
            Committed::Refused => Ok(false),
        }
    }

    async fn regrets(&self, tenant: &TenantId) -> Result<Regrets, PortError> {
        const DOING: &str = "read what is regretted";
        let items = send_query(DOING, self.table.query(places::regrets_of(tenant))).await?;
        let read = items.iter().map(|item| Some((decision_of(item)?, count_of(item))));
        read.collect::<Option<_>>().ok_or_else(|| PortError::never(DOING, Malformed))
    }

    async fn note_asked(
        &self,
        tenant: &TenantId,
        token: &Fingerprint,
        until: EpochSeconds,
    ) -> Result<(), PortError> {
        let mut item = key_of(places::asked(tenant, token));
        item.insert("ttl".to_owned(), number(until.0));
        send_put("note what the record was asked", self.table.put(item)).await.map(drop)
    }

    async fn was_asked(
        &self,
        tenant: &TenantId,
        token: &Fingerprint,
        now: EpochSeconds,
    ) -> Result<bool, PortError> {
        let item = self.table.get("read what the record was asked", places::asked(tenant, token)).await?;
        let until = item.and_then(|item| number_of::<i64>(&item, "ttl"));
        Ok(until.is_some_and(|until| now.0 < until))
    }
}

impl DynamoControl {
    fn put_event(
        &self,
        tenant: &TenantId,
        event_id: &str,
        until: EpochSeconds,
    ) -> Result<TransactWriteItem, PortError> {
        let mut item = key_of(places::regret_event(tenant, event_id));
        item.insert("ttl".to_owned(), number(until.0));
        let put = Put::builder()
            .table_name(&self.table.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        let put = put.build().map_err(|error| PortError::never(COUNT, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn add_outcome(
        &self,
        tenant: &TenantId,
        came: &Came,
        until: EpochSeconds,
    ) -> Result<TransactWriteItem, PortError> {
        let Decision { policy: PolicyVersion { kind, trigger, config }, run } = &came.decision;
        let run = run.as_ref().map_or_else(String::new, ToString::to_string);
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(key_of(places::regret(tenant, &came.decision))))
            .update_expression(
                "ADD #n :n SET #kind = :kind, #trigger = :trigger, #config = :config, #run = :run, #ttl = :ttl",
            )
            .expression_attribute_names("#n", attribute_of(came.outcome))
            .expression_attribute_names("#kind", "kind")
            .expression_attribute_names("#trigger", "trigger")
            .expression_attribute_names("#config", "config")
            .expression_attribute_names("#run", "run")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":n", number(came.n_tokens))
            .expression_attribute_values(":kind", text(kind))
            .expression_attribute_values(":trigger", text(trigger.as_str()))
            .expression_attribute_values(":config", number(config))
            .expression_attribute_values(":run", text(run))
            .expression_attribute_values(":ttl", number(until.0));
        let update = update.build().map_err(|error| PortError::never(COUNT, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

fn attribute_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Taken => "n_taken",
        Outcome::Revived => "n_revived",
        Outcome::AskedAfter => "n_asked_after",
    }
}

fn decision_of(item: &Item) -> Option<Decision> {
    let policy = PolicyVersion {
        kind: text_of(item, "kind")?.to_owned(),
        trigger: Trigger::parse(text_of(item, "trigger")?)?,
        config: number_of(item, "config")?,
    };
    let run = match text_of(item, "run")? {
        "" => None,
        run => Some(RunId::parse(run)?),
    };
    Some(Decision { policy, run })
}

/// What nothing was counted of has no attribute.
fn count_of(item: &Item) -> RegretCount {
    let count = |outcome| number_of(item, attribute_of(outcome)).unwrap_or(0);
    RegretCount {
        n_taken: count(Outcome::Taken),
        n_revived: count(Outcome::Revived),
        n_asked_after: count(Outcome::AskedAfter),
    }
}
