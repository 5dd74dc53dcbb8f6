//! What a rail says, and what all rails say together.

/// What one rail found. The words are read by whoever is woken by them: what was seen, what was expected, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The run proves nothing: no token may change state because of what it did not find.
    Void(String),
    /// So many persons must approve exactly this plan first.
    Approval {
        /// Why.
        why: String,
        /// How many.
        n_persons: u8,
    },
    /// Nothing is in the way, but every plan names it, so that whoever reads the plan knows what it rests on.
    Note(String),
}

impl Finding {
    /// One person must approve.
    pub fn approval(why: impl Into<String>) -> Self {
        Self::Approval { why: why.into(), n_persons: 1 }
    }
}

/// What all rails say together: a void outweighs every approval, and the strictest approval holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Why the run is void, if it is.
    pub void: Vec<String>,
    /// Why persons must approve.
    pub approvals: Vec<String>,
    /// How many persons must approve.
    pub n_persons: u8,
    /// What the plan names.
    pub notes: Vec<String>,
}

impl Judgement {
    /// Puts the findings together, in their order.
    pub fn of(findings: impl IntoIterator<Item = Finding>) -> Self {
        let mut judgement = Self::default();
        for finding in findings {
            match finding {
                Finding::Void(why) => judgement.void.push(why),
                Finding::Approval { why, n_persons } => {
                    judgement.approvals.push(why);
                    judgement.n_persons = judgement.n_persons.max(n_persons);
                }
                Finding::Note(text) => judgement.notes.push(text),
            }
        }
        judgement
    }

    /// Why the run is void, in one text.
    pub fn void_reason(&self) -> Option<String> {
        (!self.void.is_empty()).then(|| self.void.join("; "))
    }

    /// Why persons must approve, in one text.
    pub fn approval_reason(&self) -> Option<String> {
        (!self.approvals.is_empty()).then(|| self.approvals.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_found_is_nothing_in_the_way() {
        let judgement = Judgement::of([]);
        assert_eq!(judgement, Judgement::default());
        assert_eq!((judgement.void_reason(), judgement.approval_reason()), (None, None));
    }

    #[test]
    fn the_strictest_approval_holds_and_every_reason_is_named() {
        let two = Finding::Approval { why: "b".into(), n_persons: 2 };
        let judgement = Judgement::of([Finding::approval("a"), two, Finding::Note("n".into())]);
        assert_eq!(judgement.n_persons, 2);
        assert_eq!(judgement.approval_reason().as_deref(), Some("a; b"));
        assert_eq!((judgement.void_reason(), judgement.notes), (None, vec!["n".to_owned()]));
    }

    #[test]
    fn a_void_is_told_beside_the_approvals() {
        let judgement = Judgement::of([Finding::approval("a"), Finding::Void("v".into())]);
        assert_eq!(judgement.void_reason().as_deref(), Some("v"));
    }
}
