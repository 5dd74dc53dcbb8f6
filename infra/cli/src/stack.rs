//! The names of a stack's resources, as the template makes them.

/// A deployed stack: its name, account and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stack {
    /// The stack's name.
    pub(crate) name: String,
    /// The account it is deployed in.
    pub(crate) account: String,
    /// The region it is deployed in.
    pub(crate) region: String,
}

impl Stack {
    pub(crate) fn vault_table(&self) -> String {
        format!("{}-vault", self.name)
    }

    pub(crate) fn audit_table(&self) -> String {
        format!("{}-audit", self.name)
    }

    pub(crate) fn control_table(&self) -> String {
        format!("{}-control", self.name)
    }

    pub(crate) fn archive_bucket(&self) -> String {
        format!("{}-archive-{}-{}", self.name, self.account, self.region)
    }

    pub(crate) fn work_bucket(&self) -> String {
        format!("{}-work-{}-{}", self.name, self.account, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_template() {
        let stack =
            Stack { name: "lethe".into(), account: "000000000000".into(), region: "eu-central-1".into() };
        assert_eq!(stack.vault_table(), "lethe-vault");
        assert_eq!(stack.audit_table(), "lethe-audit");
        assert_eq!(stack.control_table(), "lethe-control");
        assert_eq!(stack.archive_bucket(), "lethe-archive-000000000000-eu-central-1");
        assert_eq!(stack.work_bucket(), "lethe-work-000000000000-eu-central-1");
    }
}
