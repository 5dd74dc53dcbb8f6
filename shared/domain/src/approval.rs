//! Whose yes to a plan counts. Two approvals are two only if two persons gave them, and AWS names sessions, not persons.

use std::collections::BTreeSet;

use crate::run::Run;

/// IAM Identity Center names a session of these roles after the person who signed in; nobody else may assume them.
const NAMED_BY_IDENTITY_CENTER: &str = "AWSReservedSSO_";

/// A person, as far as an ARN can tell one from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(String);

impl Principal {
    /// Who stands behind an ARN as `sts:GetCallerIdentity` gives it.
    ///
    /// Guard: whoever assumes a role chooses the session's name, so all sessions of a role are one principal, as are all
    /// federated users of an account. Only Identity Center chooses the name itself.
    pub fn of(arn: &str) -> Self {
        let (account, resource) = arn.rsplit_once(':').unwrap_or(("", arn));
        let mut parts = resource.splitn(3, '/');
        let shared = match (parts.next(), parts.next()) {
            // One person may sign in by several permission sets, each with a role of its own.
            (Some("assumed-role"), Some(role)) if role.starts_with(NAMED_BY_IDENTITY_CENTER) => {
                parts.next().map(|name| format!("{account}:assumed-role/{NAMED_BY_IDENTITY_CENTER}/{name}"))
            }
            (Some("assumed-role"), Some(role)) => Some(format!("{account}:assumed-role/{role}")),
            (Some("federated-user"), Some(_)) => Some(format!("{account}:federated-user")),
            _ => None,
        };
        Self(shared.unwrap_or_else(|| arn.to_owned()))
    }

    /// The principal's part of the ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a plan needs to go on: so many persons' yes to exactly its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    plan_hash: String,
    n_persons: u8,
    authors: BTreeSet<Principal>,
}

impl Quorum {
    /// What the plan of a run needs; `authors` are who stored the config that it follows. `None` where the run has no plan.
    pub fn of<'a>(run: &Run, authors: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        // A run that waits since before persons were counted needs one.
        let n_persons = run.n_persons.max(1);
        let authors = authors.into_iter().map(Principal::of).collect();
        Some(Self { plan_hash: run.plan_hash.clone()?, n_persons, authors })
    }

    /// How many persons must say yes.
    pub fn n_persons(&self) -> u8 {
        self.n_persons
    }

    /// Whether this person's yes would count.
    ///
    /// Guard: where two are needed, whoever wrote the config that the plan follows is neither of them.
    pub fn admits(&self, actor: &str) -> bool {
        self.n_persons < 2 || !self.authors.contains(&Principal::of(actor))
    }

    /// Whether a yes counts: it is to exactly this plan, and from somebody who is admitted.
    pub fn counts(&self, plan_hash: &str, actor: &str) -> bool {
        self.plan_hash == plan_hash && self.admits(actor)
    }

    /// How many persons are missing, of those whose yes is on record: the hash it names, and who gave it.
    pub fn n_missing<'a>(&self, given: impl IntoIterator<Item = (&'a str, &'a str)>) -> u8 {
        let counted = given.into_iter().filter(|(hash, actor)| self.counts(hash, actor));
        let persons: BTreeSet<Principal> = counted.map(|(_, actor)| Principal::of(actor)).collect();
        self.n_persons.saturating_sub(u8::try_from(persons.len()).unwrap_or(u8::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Purpose, RunId};
    use crate::time::EpochSeconds;
    use crate::token::TenantId;

    const ADA: &str = "arn:aws:iam::111122223333:user/ada";
    const BOB: &str = "arn:aws:iam::111122223333:user/bob";
    const EVE: &str = "arn:aws:iam::111122223333:user/eve";
    const ROLE: &str = "arn:aws:sts::111122223333:assumed-role/operator";

    fn quorum(n_persons: u8) -> Quorum {
        let id = RunId::parse("100-01").unwrap();
        let at = EpochSeconds(100);
        let booked = Run::booked(TenantId::new("acme").unwrap(), id, Purpose::Discovery, at, at);
        Quorum::of(&Run { plan_hash: Some("aa".into()), n_persons, ..booked }, [EVE]).unwrap()
    }

    #[test]
    fn a_principal_is_who_cannot_rename_themselves() {
        let same = |one: &str, other: &str| Principal::of(one) == Principal::of(other);
        assert!(!same(ADA, BOB));
        assert!(same(&format!("{ROLE}/ada"), &format!("{ROLE}/bob")));
        assert!(!same(&format!("{ROLE}/ada"), &format!("{ROLE}-2/ada")));
        assert!(!same(&format!("{ROLE}/ada"), "arn:aws:sts::999922223333:assumed-role/operator/ada"));
        let center = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Ops_0123456789abcdef";
        assert!(!same(&format!("{center}/ada@example.com"), &format!("{center}/bob@example.com")));
        let other_set = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_fedcba9876543210";
        assert!(same(&format!("{center}/ada@example.com"), &format!("{other_set}/ada@example.com")));
        let federated = "arn:aws:sts::111122223333:federated-user";
        assert!(same(&format!("{federated}/ada"), &format!("{federated}/bob")));
        assert_eq!(
            Principal::of("arn:aws:iam::111122223333:root").as_str(),
            "arn:aws:iam::111122223333:root"
        );
        assert_eq!(Principal::of("").as_str(), "");
    }

    #[test]
    fn one_person_suffices_where_one_is_needed_and_may_be_the_author() {
        for n_persons in [0, 1] {
            assert_eq!(quorum(n_persons).n_missing([]), 1);
            assert_eq!(quorum(n_persons).n_missing([("aa", EVE)]), 0);
        }
    }

    #[test]
    fn a_yes_to_another_plan_does_not_count() {
        assert_eq!(quorum(1).n_missing([("ab", ADA)]), 1);
        assert_eq!(quorum(2).n_missing([("aa", ADA), ("ab", BOB)]), 1);
    }

    #[test]
    fn two_persons_are_two_principals_and_neither_is_the_author() {
        assert_eq!(quorum(2).n_missing([("aa", ADA)]), 1);
        assert_eq!(quorum(2).n_missing([("aa", ADA), ("aa", ADA)]), 1);
        assert_eq!(quorum(2).n_missing([("aa", ADA), ("aa", EVE)]), 1);
        assert_eq!(quorum(2).n_missing([("aa", ADA), ("aa", BOB), ("aa", EVE)]), 0);
        let sessions = [format!("{ROLE}/ada"), format!("{ROLE}/bob")];
        assert_eq!(quorum(2).n_missing(sessions.iter().map(|session| ("aa", session.as_str()))), 1);
    }
}
