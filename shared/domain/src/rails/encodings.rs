//! What a source may write and is not looked for: every plan names it.

use super::Finding;
use crate::config::TenantConfig;
use crate::source::Encoding;

/// One note a source with an encoding that is switched off.
pub(super) fn judge(tenant: &TenantConfig) -> Vec<Finding> {
    let off = |(name, source): (&String, &crate::source::SourceConfig)| {
        let off: Vec<&str> = source.encodings().switched_off().map(Encoding::as_str).collect();
        (!off.is_empty()).then(|| {
            Finding::Note(format!(
                "in source {name} tokens are not looked for in {}: switched off",
                off.join(" and ")
            ))
        })
    };
    tenant.sources.iter().filter_map(off).collect()
}
