//! What weak sources ask of a tenant: where a scan cannot tell what changed while it went on, more scans must miss a
//! token, and whoever still uses it gets more time to say so.

use std::collections::BTreeMap;

use super::TenantConfig;
use super::floors::{WEAK_COOL_OFF, WEAK_STRIKES};
use crate::policy::{KindPolicy, Rule, Trigger};

/// Raises the policies of a tenant that has a weak source to the floors, as if the file said so.
pub(super) fn raise_for_weak_sources(tenant: &mut TenantConfig, kinds: &BTreeMap<String, KindPolicy>) {
    if tenant.weak_sources().is_empty() {
        return;
    }
    for name in &tenant.kinds {
        let policy = tenant.overrides.get(name).or_else(|| kinds.get(name));
        let Some(policy) = policy.filter(|policy| policy.format.is_some()) else { continue };
        let mut raised = policy.clone();
        for trigger in [Trigger::Unreferenced, Trigger::Idle] {
            if let Some(rule) = raised.rules.get_mut(&trigger) {
                raise(rule, trigger);
            }
        }
        if raised != *policy {
            tenant.overrides.insert(name.clone(), raised);
        }
    }
}

fn raise(rule: &mut Rule, trigger: Trigger) {
    rule.cool_off = rule.cool_off.max(WEAK_COOL_OFF);
    if trigger == Trigger::Unreferenced {
        rule.strikes = rule.strikes.max(WEAK_STRIKES);
    }
}
