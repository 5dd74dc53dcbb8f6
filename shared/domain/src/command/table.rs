//! The table behind the parser, the JSON Schema and the page of the URL: which fields there are, what each may hold,
//! and which of them each command takes.

use crate::policy::Trigger;
use crate::token::SUBJECT_PREFIX;

use super::{COMMAND_VERSION, MAX_TOKENS, words};

/// The latest moment that `at` may name. Ten digits reach to the year 2286 and leave milliseconds out.
pub(super) const MAX_SECONDS: i64 = 9_999_999_999;

/// A token: the vault's sort key holds no more.
pub(super) const TOKEN: Text = Text { max: 1024 };

/// The longest free text, in bytes: less than a token, since a subject or a session goes into a sort key with a prefix
/// before it.
const MAX_TEXT: usize = 1000;

/// Characters that need at most this many bytes each.
const BYTES_A_CHARACTER: usize = 4;

/// What a field may hold.
#[derive(Clone, Copy)]
pub(super) enum Holds {
    /// The number of the form's version.
    Version,
    /// A command's word.
    Word,
    /// A text of few kinds of characters.
    Plain(Plain),
    /// Any text.
    Text(Text),
    /// Tokens, no two the same.
    Tokens,
    /// A moment in epoch seconds.
    Seconds,
    /// `true` or `false`.
    Flag,
    /// `true` alone: what it says cannot be unsaid.
    True,
}

/// A text of 1 to `max` characters of an alphabet.
#[derive(Clone, Copy)]
pub(super) struct Plain {
    /// The most characters.
    pub(super) max: usize,
    /// The alphabet as a character class of a regular expression.
    pub(super) class: &'static str,
    /// The alphabet in words.
    pub(super) alphabet: &'static str,
    /// The alphabet.
    allows: fn(char) -> bool,
}

/// Any text of at least one character and at most `max` bytes. JSON Schema counts characters and not bytes, so the rule
/// is one that it can state as well: plain ASCII up to `max`, any other text up to a quarter of it.
#[derive(Clone, Copy)]
pub(super) struct Text {
    /// The most bytes.
    pub(super) max: usize,
}

/// One field.
pub(super) struct Field {
    /// Its name.
    pub(super) name: &'static str,
    /// What it may hold.
    pub(super) holds: Holds,
    /// What it is for, in a sentence.
    pub(super) about: &'static str,
}

/// What a command does.
#[derive(Clone, Copy)]
pub(super) enum Verb {
    /// See [`super::Order`], as for the others.
    End(Trigger),
    Read,
    Created,
    Deleted,
    Hold,
    Release,
    Reinstate,
}

/// One command: the fields that it takes beside those of every command.
pub(super) struct Form {
    /// What it does.
    pub(super) verb: Verb,
    /// What it says, in a sentence.
    pub(super) about: &'static str,
    /// What it needs.
    pub(super) required: &'static [&'static str],
    /// Of these sets exactly one is given, and nothing of the others.
    pub(super) either: &'static [&'static [&'static str]],
    /// What it may carry.
    pub(super) optional: &'static [&'static str],
}

/// What every command needs.
pub(super) const REQUIRED: [&str; 3] = ["v", "tenant", "command"];

/// What every command may carry.
pub(super) const OPTIONAL: [&str; 2] = ["idempotency_key", "reason_text"];

const TENANT: Plain = Plain {
    max: 64,
    class: "[a-z0-9-]",
    alphabet: "of a-z, 0-9 and '-'",
    allows: |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-',
};

/// See [`super::IdempotencyKey`].
pub(super) const KEY: Plain = Plain {
    max: 128,
    class: "[A-Za-z0-9._:-]",
    alphabet: "of A-Z, a-z, 0-9, '.', '_', ':' and '-'",
    allows: |c| c.is_ascii_alphanumeric() || "._:-".contains(c),
};

const HOLD: Plain = Plain {
    max: 64,
    class: "[A-Za-z0-9._-]",
    alphabet: "of A-Z, a-z, 0-9, '.', '_' and '-'",
    allows: |c| c.is_ascii_alphanumeric() || "._-".contains(c),
};

const LINE: Plain = Plain {
    max: 256,
    class: r"[^\x00-\x1f\x7f-\x9f]",
    alphabet: "characters, none of them a control character",
    allows: |c| !c.is_control(),
};

const TEXT: Holds = Holds::Text(Text { max: MAX_TEXT });

/// Every field that any command takes.
pub(super) const FIELDS: [Field; 15] = [
    field("v", Holds::Version, "The version of this form."),
    field("tenant", Holds::Plain(TENANT), "Whose tokens the command is about."),
    field("command", Holds::Word, "What the command does."),
    field(
        "idempotency_key",
        Holds::Plain(KEY),
        "Your own name for this command: sent again with the same key it is done once, and tells how far it is.",
    ),
    field(
        "reason_text",
        Holds::Plain(LINE),
        "What you have to say about it. It goes on record as it is, so it must not hold a token or personal data.",
    ),
    field("tokens", Holds::Tokens, "The tokens, as the vault stores them."),
    field("at", Holds::Seconds, "When it happened, in seconds since the epoch; now if it is not said."),
    field("subject", TEXT, "The subject whose tokens are meant."),
    field("session", TEXT, "One session of the subject."),
    field("device", TEXT, "One device of the subject."),
    field("family", TEXT, "One family of the subject's refresh tokens."),
    field("everywhere", Holds::True, "Said aloud: all that the subject has."),
    field(
        "erase_now",
        Holds::Flag,
        "Whether removal skips the wait in which a deleted account can come back.",
    ),
    field("event_id", TEXT, "The notice's own id: one that was seen before is not counted again."),
    field("hold_id", Holds::Plain(HOLD), "The hold's own id, by which it is released."),
];

const TOKENS: &[&[&str]] = &[&["tokens"]];

/// Every command.
pub(super) const FORMS: [Form; 13] = [
    Form {
        optional: &["at"],
        ..form(Verb::End(Trigger::Rotated), TOKENS, "Refresh tokens were replaced by their successors.")
    },
    form(Verb::End(Trigger::Consumed), TOKENS, "Single-use tokens were used."),
    form(
        Verb::End(Trigger::Logout),
        &[&["tokens"], &["subject", "session"], &["subject", "everywhere"]],
        "A session ended: the sessions of these tokens, one session of a subject, or all of them.",
    ),
    form(
        Verb::End(Trigger::DeviceLogout),
        &[&["tokens"], &["subject", "device"]],
        "The sessions of one device ended; those of other devices go on.",
    ),
    form(
        Verb::End(Trigger::Compromised),
        &[&["tokens"], &["subject", "session"], &["subject", "family"], &["subject", "everywhere"]],
        "Tokens may be in the wrong hands. They end at once and never come back.",
    ),
    form(Verb::End(Trigger::Revoked), TOKENS, "Tokens were withdrawn. They never come back."),
    Form {
        optional: &["erase_now"],
        ..form(Verb::End(Trigger::AccountDeleted), &[&["subject"]], "The subject's account was deleted.")
    },
    Form { optional: &["at"], ..form(Verb::Read, TOKENS, "Tokens were read: they are in use.") },
    Form { required: &["event_id"], ..form(Verb::Created, TOKENS, "A tenant stored references to tokens.") },
    Form { required: &["event_id"], ..form(Verb::Deleted, TOKENS, "A tenant deleted references to tokens.") },
    Form {
        required: &["hold_id"],
        ..form(
            Verb::Hold,
            &[&["tokens"], &["subject"]],
            "Nothing of this may leave until the hold is released.",
        )
    },
    Form {
        required: &["hold_id"],
        ..form(Verb::Release, &[&["tokens"], &["subject"]], "The hold with this id ends.")
    },
    form(Verb::Reinstate, TOKENS, "Tokens come back into service, where their reason allows it."),
];

const fn field(name: &'static str, holds: Holds, about: &'static str) -> Field {
    Field { name, holds, about }
}

const fn form(verb: Verb, either: &'static [&'static [&'static str]], about: &'static str) -> Form {
    Form { verb, about, required: &[], either, optional: &[] }
}

/// The field with this name.
pub(super) fn find_field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

/// The command with this word.
pub(super) fn find_form(word: &str) -> Option<&'static Form> {
    FORMS.iter().find(|form| form.verb.word() == word)
}

impl Verb {
    /// The command's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::End(trigger) => trigger.as_str(),
            Self::Read => "read",
            Self::Created => "created",
            Self::Deleted => "deleted",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Reinstate => "reinstate",
        }
    }
}

impl Form {
    /// Every field that the command may carry, in the order of the table of fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = &'static Field> {
        FIELDS.iter().filter(|field| self.takes(field.name))
    }

    /// Whether the command may carry this field.
    pub(super) fn takes(&self, name: &str) -> bool {
        let mut own =
            self.always().chain(self.may_carry()).chain(self.either.iter().copied().flatten().copied());
        own.any(|own| own == name)
    }

    /// What the command cannot do without, whichever of its alternatives is given.
    pub(super) fn always(&self) -> impl Iterator<Item = &'static str> {
        REQUIRED.iter().chain(self.required).copied()
    }

    /// What the command may carry, whichever of its alternatives is given.
    pub(super) fn may_carry(&self) -> impl Iterator<Item = &'static str> {
        OPTIONAL.iter().chain(self.optional).copied()
    }

    /// The alternatives in words.
    pub(super) fn alternatives(&self) -> String {
        self.either.iter().map(|set| set.join(" and ")).collect::<Vec<_>>().join(", or ")
    }
}

impl Plain {
    /// Whether a text is of this kind.
    pub(super) fn admits(&self, text: &str) -> bool {
        let n_characters = text.chars().count();
        1 <= n_characters && n_characters <= self.max && text.chars().all(self.allows)
    }
}

impl Text {
    /// The most characters of a text that is not plain ASCII.
    pub(super) fn max_wide(self) -> usize {
        self.max.checked_div(BYTES_A_CHARACTER).unwrap_or(0)
    }

    /// Whether a text is of this kind.
    pub(super) fn admits(self, text: &str) -> bool {
        let most = if text.is_ascii() { self.max } else { self.max_wide() };
        let n_characters = text.chars().count();
        1 <= n_characters && n_characters <= most
    }

    fn rule(self) -> String {
        format!("a text of 1 to {} characters ({} where it is not plain ASCII)", self.max, self.max_wide())
    }
}

impl Holds {
    /// What the field must be, in words.
    pub(super) fn rule(self) -> String {
        match self {
            Self::Version => COMMAND_VERSION.to_string(),
            Self::Word => format!("one of {}", words().collect::<Vec<_>>().join(", ")),
            Self::Plain(plain) => format!("a text of 1 to {} {}", plain.max, plain.alphabet),
            Self::Text(text) => text.rule(),
            Self::Tokens => format!(
                "1 to {MAX_TOKENS} tokens that do not begin with {SUBJECT_PREFIX}, each {}",
                TOKEN.rule()
            ),
            Self::Seconds => format!("whole seconds since the epoch, 0 to {MAX_SECONDS}, not milliseconds"),
            Self::Flag => "true or false".to_owned(),
            Self::True => "true where it is given".to_owned(),
        }
    }
}
