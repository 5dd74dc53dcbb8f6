//! The audit table: items are put once and never written again.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use lethe_domain::audit::{AuditItem, ObjectVersion, pack, unpack};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;
use lethe_stages::ports::{AuditLog, AuditPage};

use crate::failure::port_error;
use crate::item::{Item, Malformed, number, number_of, text, text_of};

/// The audit table.
#[derive(Clone, Debug)]
pub struct DynamoAudit {
    client: Client,
    table: String,
}

impl DynamoAudit {
    /// The audit table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl AuditLog for DynamoAudit {
    async fn record(&self, item: &AuditItem) -> Result<bool, PortError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item_of(item)));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                Some(_) | None => Err(port_error("put an audit item", &error)),
            },
        }
    }

    async fn page(&self, pk: &str, after: Option<&str>) -> Result<AuditPage, PortError> {
        const DOING: &str = "read audit items";
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_values(":pk", text(pk));
        let query = match after {
            None => query.key_condition_expression("pk = :pk"),
            Some(after) => query
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":after", text(after)),
        };
        let page = query.send().await.map_err(|error| port_error(DOING, &error))?;
        let next = page.last_evaluated_key.as_ref().and_then(|key| text_of(key, "sk")).map(str::to_owned);
        let items = page.items.unwrap_or_default().iter().map(read).collect::<Option<_>>();
        Ok(AuditPage { items: items.ok_or_else(|| PortError::never(DOING, Malformed))?, next })
    }
}

fn item_of(audit: &AuditItem) -> Item {
    let object = audit.object.as_ref();
    let optional = [
        ("run", audit.run.as_ref().map(text)),
        ("policy", audit.policy.map(number)),
        ("evidence", audit.evidence.as_ref().map(text)),
        ("actor", audit.actor.as_ref().map(text)),
        ("reason_text", audit.reason_text.as_ref().map(text)),
        ("object", object.map(|object| text(&object.key))),
        ("object_version", object.map(|object| text(&object.version))),
        ("retain_until", audit.retain_until.map(|until| number(until.0))),
        ("tenants", (!audit.tenants.is_empty()).then(|| tenants_value(&audit.tenants))),
        ("entries", (!audit.entries.is_empty()).then(|| AttributeValue::B(Blob::new(pack(&audit.entries))))),
    ];
    let given = optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let always = [
        ("pk", text(&audit.pk)),
        ("sk", text(&audit.sk)),
        ("event", text(audit.event.as_str())),
        ("period", text(audit.period())),
        ("written_at", number(audit.written_at.0)),
    ];
    always.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(given).collect()
}

fn tenants_value(tenants: &BTreeMap<TenantId, u64>) -> AttributeValue {
    let counts = tenants.iter().map(|(tenant, n_tokens)| (tenant.as_str().to_owned(), number(n_tokens)));
    AttributeValue::M(counts.collect())
}

fn tenants_of(counts: &Item) -> Option<BTreeMap<TenantId, u64>> {
    let mut tenants = BTreeMap::new();
    for name in counts.keys() {
        tenants.insert(TenantId::new(name.as_str()).ok()?, number_of(counts, name)?);
    }
    Some(tenants)
}

fn read(item: &Item) -> Option<AuditItem> {
    let owned = |name| text_of(item, name).map(str::to_owned);
    let event = serde_json::from_value(text_of(item, "event")?.into()).ok()?;
    let entries = match item.get("entries") {
        None => Vec::new(),
        Some(packed) => unpack(packed.as_b().ok()?.as_ref())?,
    };
    let tenants = match item.get("tenants") {
        None => BTreeMap::new(),
        Some(counts) => tenants_of(counts.as_m().ok()?)?,
    };
    Some(AuditItem {
        run: owned("run"),
        policy: number_of(item, "policy"),
        evidence: owned("evidence"),
        actor: owned("actor"),
        reason_text: owned("reason_text"),
        object: owned("object")
            .zip(owned("object_version"))
            .map(|(key, version)| ObjectVersion { key, version }),
        retain_until: number_of(item, "retain_until").map(EpochSeconds),
        tenants,
        entries,
        ..AuditItem::new(owned("pk")?, owned("sk")?, event, EpochSeconds(number_of(item, "written_at")?))
    })
}
