//! What a tenant's read feed brought, one item an hour.

use lethe_domain::read_feed::{HourOfReads, ReadsByHour};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;

use super::table::{send_query, send_update};
use super::{DynamoControl, forms, places};
use crate::item::{number, text};

impl DynamoControl {
    /// Adds to an hour. Whoever loses the answer and comes again adds twice, which makes a busy hour no quieter.
    pub(super) async fn add_reads(
        &self,
        (tenant, hour): (&TenantId, EpochSeconds),
        reads: HourOfReads,
        until: EpochSeconds,
    ) -> Result<(), PortError> {
        let update = self
            .table
            .update(places::reads(tenant, hour))
            .update_expression("ADD #reads :reads, #canaries :canaries SET #ttl = :until")
            .expression_attribute_names("#reads", "n_reads")
            .expression_attribute_names("#canaries", "n_canaries")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":reads", number(reads.n_reads))
            .expression_attribute_values(":canaries", number(reads.n_canaries))
            .expression_attribute_values(":until", number(until.0));
        send_update("count reads", update).await.map(|_| ())
    }

    pub(super) async fn read_reads(
        &self,
        tenant: &TenantId,
        since: EpochSeconds,
    ) -> Result<ReadsByHour, PortError> {
        const DOING: &str = "read the counts of reads";
        let (_, from) = places::reads(tenant, since);
        let query = self
            .table
            .query(places::reads_of(tenant))
            .key_condition_expression("pk = :pk AND sk >= :from")
            .expression_attribute_values(":from", text(from));
        let items = send_query(DOING, query).await?;
        items.iter().map(|item| forms::reads_of(DOING, item)).collect()
    }
}
