//! Conditions and updates as `DynamoDB` expressions. Every attribute goes by a placeholder, since some of their names
//! are reserved words.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use lethe_domain::lifecycle::{Expected, StoredAttribute};
use lethe_stages::ports::RowWrite;

use crate::item::{number, stored};

/// The texts and placeholders of one conditional write.
#[derive(Debug, Default)]
pub(super) struct Expression {
    pub(super) update: String,
    pub(super) condition: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Expression {
    /// The change of a row that must look as expected, and whose fence must not be past the change's.
    pub(super) fn of_write(write: &RowWrite) -> Self {
        let mut expression = Self::demanding(write.change.condition(&write.expected));
        if let Some(fence) = write.change.fence() {
            expression.name("fence");
            expression.values.insert(":mine".to_owned(), number(fence));
            expression.condition.push_str(" AND (attribute_not_exists(#fence) OR #fence <= :mine)");
        }
        expression.set(write.change.attributes(&write.expected, &write.key.token, write.due_shards));
        expression
    }

    /// The removal of a row that must look as expected.
    pub(super) fn of_removal(expected: &Expected) -> Self {
        Self::demanding(expected.attributes())
    }

    fn demanding(attributes: Vec<StoredAttribute>) -> Self {
        let mut expression = Self::default();
        let mut demands = Vec::new();
        for (name, value) in attributes {
            expression.name(name);
            match value {
                None => demands.push(format!("attribute_not_exists(#{name})")),
                Some(value) => {
                    expression.values.insert(format!(":was_{name}"), stored(&value));
                    demands.push(format!("#{name} = :was_{name}"));
                }
            }
        }
        expression.condition = demands.join(" AND ");
        expression
    }

    fn set(&mut self, attributes: Vec<StoredAttribute>) {
        let (mut sets, mut removes) = (Vec::new(), Vec::new());
        for (name, value) in attributes {
            self.name(name);
            match value {
                None => removes.push(format!("#{name}")),
                Some(value) => {
                    self.values.insert(format!(":{name}"), stored(&value));
                    sets.push(format!("#{name} = :{name}"));
                }
            }
        }
        self.update = format!("SET {}", sets.join(", "));
        if !removes.is_empty() {
            self.update.push_str(" REMOVE ");
            self.update.push_str(&removes.join(", "));
        }
    }

    fn name(&mut self, name: &str) {
        self.names.insert(format!("#{name}"), name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use lethe_domain::lifecycle::{Change, Decided, Then};
    use lethe_domain::policy::Trigger;
    use lethe_domain::row::{RowVersion, State};
    use lethe_domain::run::RunId;
    use lethe_domain::time::EpochSeconds;
    use lethe_domain::token::RowKey;

    use super::*;

    #[test]
    fn a_run_that_cools_names_what_it_rests_on_and_sets_what_it_changes() {
        let decided = Decided::by_run(3, RunId::parse("100-01").unwrap(), 9);
        let write = RowWrite {
            key: RowKey::parse("acme#0001", "tok_a").unwrap(),
            expected: Expected {
                version: RowVersion(7),
                state: State::Active,
                expires_at: None,
                last_read_at: Some(EpochSeconds(3)),
                purge_at: None,
                is_held: false,
            },
            change: Change::Cool {
                reason: Trigger::Unreferenced,
                since: EpochSeconds(50),
                then: Then::Wait,
                decided,
            },
            due_shards: 16,
        };
        let expression = Expression::of_write(&write);
        assert_eq!(
            expression.condition,
            "#version = :was_version AND #state = :was_state AND attribute_not_exists(#expires_at) AND \
             #last_read_at = :was_last_read_at AND attribute_not_exists(#purge_at) AND attribute_not_exists(#hold) AND \
             (attribute_not_exists(#fence) OR #fence <= :mine)"
        );
        assert_eq!(
            expression.update,
            "SET #version = :version, #state = :state, #isValid = :isValid, #reason = :reason, \
             #cooling_since = :cooling_since, #policy = :policy, #run = :run, #fence = :fence \
             REMOVE #purge_at, #waits_for, #due_at, #due_pk, #actor, #reason_text"
        );
        assert_eq!(expression.values[":version"], AttributeValue::N("8".into()));
        assert_eq!(expression.values[":was_version"], AttributeValue::N("7".into()));
    }
}
