//! What a config may never change, because rows already lie where it put them.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::DEFAULT_DUE_SHARDS;
use super::report::Report;
use super::section::Section;

/// The counts that are fixed for life, as a text has them.
#[derive(Debug)]
pub(super) struct Fixed {
    due_shards: u64,
    shards: BTreeMap<String, u64>,
}

impl Fixed {
    /// Reads the counts of a text and overlooks everything else that may be wrong with it.
    pub(super) fn of(text: &str) -> Self {
        let (document, _) = DeTable::parse_recoverable(text);
        Self::read(&Section::root(document.get_ref()))
    }

    fn read(root: &Section<'_>) -> Self {
        let unheard = &mut Report::default();
        let mut number = |section: &Section<'_>, key: &str| {
            let entry = section.entry(key)?;
            section.whole_number(unheard, key, entry)
        };
        let due_shards = number(root, "due_shards").unwrap_or(DEFAULT_DUE_SHARDS);
        let tenants = root.table(&mut Report::default(), "tenants");
        let sections = tenants.map(|tenants| tenants.tables(&mut Report::default())).unwrap_or_default();
        let shards = sections
            .iter()
            .filter_map(|tenant| Some((tenant.name.to_owned(), number(tenant, "shards")?)))
            .collect();
        Self { due_shards, shards }
    }

    /// Guard: a changed count would hide rows from every stage that looks for them where they should be.
    pub(super) fn check(&self, report: &mut Report, root: &Section<'_>) {
        let next = Self::read(root);
        if next.due_shards != self.due_shards {
            root.fault(
                report,
                "due_shards",
                format!("is fixed for life; set it back to {}", self.due_shards),
            );
        }
        let sections = root
            .table(report, "tenants")
            .map(|tenants| tenants.tables(&mut Report::default()))
            .unwrap_or_default();
        for tenant in sections {
            if let (Some(was), Some(is)) = (self.shards.get(tenant.name), next.shards.get(tenant.name))
                && was != is
            {
                tenant.fault(report, "shards", format!("is fixed for life; set it back to {was}"));
            }
        }
    }
}
