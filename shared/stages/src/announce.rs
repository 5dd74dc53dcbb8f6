//! Announcing: what the record says that others must learn goes on the bus as well. It follows from the item that is
//! put on record and from nothing else, so no stage has to remember it.

use lethe_domain::audit::{AuditItem, Event};
use lethe_domain::event::{AnnouncedEvent, OutEvent};
use lethe_domain::token::TenantId;

use crate::error::PortError;
use crate::ports::{AuditLog, AuditPage, EventBus};

/// A record that announces. An item that was on record before is announced again: the worker that wrote it may have
/// died before it could, and receivers know that events come twice.
#[derive(Clone, Debug)]
pub struct Announced<A, B> {
    /// The record.
    pub audit: A,
    /// The bus.
    pub bus: B,
}

impl<A: AuditLog, B: EventBus> AuditLog for Announced<A, B> {
    async fn record(&self, item: &AuditItem) -> Result<bool, PortError> {
        let is_new = self.audit.record(item).await?;
        let events = events_of(item);
        if !events.is_empty() {
            self.bus.publish(&events).await?;
        }
        Ok(is_new)
    }

    async fn page(&self, pk: &str, after: Option<&str>) -> Result<AuditPage, PortError> {
        self.audit.page(pk, after).await
    }
}

/// What an item of the record tells the world.
pub fn events_of(item: &AuditItem) -> Vec<OutEvent> {
    let Some(event) = announced(item.event) else { return Vec::new() };
    let tenant_of_pk = || item.pk.rsplit_once('#').and_then(|(tenant, _)| TenantId::new(tenant).ok());
    let out = |tenant: TenantId, count: u64| OutEvent {
        event,
        tenant,
        run: item.run.clone(),
        count,
        fingerprints: item.entries.iter().map(|entry| entry.fingerprint).collect(),
        object: item.object.as_ref().map(|object| object.key.clone()),
        reason_text: item.reason_text.clone(),
        at: item.written_at,
    };
    match event {
        // One object may hold tokens of many tenants; each learns of its own.
        AnnouncedEvent::Purged => item.tenants.iter().map(|(tenant, n)| out(tenant.clone(), *n)).collect(),
        // An object's own item repeats what the tokens' items say.
        AnnouncedEvent::Archived if item.entries.is_empty() => Vec::new(),
        AnnouncedEvent::Cooled | AnnouncedEvent::Sentenced | AnnouncedEvent::Archived => {
            let out = tenant_of_pk().map(|tenant| out(tenant, item.entries.len() as u64));
            out.into_iter().flat_map(OutEvent::pieces).collect()
        }
        AnnouncedEvent::RunVoid | AnnouncedEvent::PlanWaiting => {
            let count = |tenant: &TenantId| item.tenants.get(tenant).copied().unwrap_or(0);
            tenant_of_pk().map(|tenant| out(tenant.clone(), count(&tenant))).into_iter().collect()
        }
    }
}

fn announced(event: Event) -> Option<AnnouncedEvent> {
    match event {
        Event::Cooled => Some(AnnouncedEvent::Cooled),
        Event::Sentenced => Some(AnnouncedEvent::Sentenced),
        Event::Archived => Some(AnnouncedEvent::Archived),
        Event::Purged => Some(AnnouncedEvent::Purged),
        Event::RunVoid => Some(AnnouncedEvent::RunVoid),
        Event::Gated => Some(AnnouncedEvent::PlanWaiting),
        Event::RunOpened
        | Event::RunSealed
        | Event::Approved
        | Event::Accepted
        | Event::Applied
        | Event::PolicyChanged
        | Event::Paused
        | Event::Resumed
        | Event::Undone
        | Event::Reinstated
        | Event::Erased
        | Event::OutOfBand
        | Event::Held
        | Event::Released
        | Event::Refused => None,
    }
}
