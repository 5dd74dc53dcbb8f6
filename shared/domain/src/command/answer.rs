//! What a caller is answered, as the published page declares it.

/// Every word that the outcome of one token may have, with the status that it stands for and what it says.
pub const RESULTS: [(&str, u16, &str); 15] = [
    ("ended", 200, "out of service; it cools off before it leaves the vault, if it leaves it"),
    ("sentenced", 200, "out of service, and it will leave the vault at a set time"),
    ("reinstated", 200, "back in service"),
    ("stamped", 200, "the read is written down"),
    ("held", 200, "it will not leave while the hold stands"),
    ("released", 200, "the hold is gone"),
    ("noted", 200, "the notice is counted"),
    ("candidate", 200, "the tenant holds no reference any more, as far as its notices tell; a scan decides"),
    ("drift", 200, "more references were deleted than created; it is kept, and on record"),
    ("kept", 200, "nothing changed; `why` says for what reason"),
    ("late", 200, "read while it was out of service and could not come back; on record"),
    ("reuse", 200, "a spent refresh token was used again; its family is taken out of service"),
    ("unknown", 404, "the vault holds no such token"),
    ("gone", 410, "it was in the vault and has left it"),
    ("unreadable", 422, "its row has a form that nobody understands; it is kept"),
];

/// Why a command as a whole was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The text is not a command.
    BadCommand,
    /// The caller may not say this about this tenant.
    Forbidden,
    /// The function has one path.
    NotFound,
    /// The function has one method.
    MethodNotAllowed,
    /// No config was applied yet.
    NoConfig,
    /// Lethe reports only.
    ReportMode,
    /// The key was used for another command.
    IdempotencyConflict,
    /// The text or the list of tokens is too long.
    TooLarge,
    /// No attempt will carry it out.
    Refused,
    /// Too much at once.
    TryLater,
    /// Something that Lethe needs did not answer.
    TryAgain,
}

impl Problem {
    /// Every problem, in the order of its status.
    pub const ALL: [Self; 11] = [
        Self::BadCommand,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NoConfig,
        Self::ReportMode,
        Self::IdempotencyConflict,
        Self::TooLarge,
        Self::Refused,
        Self::TryLater,
        Self::TryAgain,
    ];

    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::BadCommand => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NoConfig | Self::ReportMode | Self::IdempotencyConflict => 409,
            Self::TooLarge => 413,
            Self::Refused => 422,
            Self::TryLater => 429,
            Self::TryAgain => 503,
        }
    }

    /// The word in the answer's `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadCommand => "bad_command",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NoConfig => "no_config",
            Self::ReportMode => "report_mode",
            Self::IdempotencyConflict => "idempotency_conflict",
            Self::TooLarge => "too_large",
            Self::Refused => "refused",
            Self::TryLater => "try_later",
            Self::TryAgain => "try_again",
        }
    }

    /// What the caller can do about it: the answer's `do`.
    pub fn what_to_do(self) -> &'static str {
        match self {
            Self::BadCommand => "correct every fault that is named and send it again",
            Self::Forbidden => "ask the operator to list you with this command under the tenant's callers",
            Self::NotFound => "send the command to /",
            Self::MethodNotAllowed => "send the command as POST",
            Self::NoConfig => "lethe apply lethe.toml",
            Self::ReportMode => "ask the operator to let Lethe act; until then it only reports",
            Self::IdempotencyConflict => {
                "take another idempotency key: this one was used for another command"
            }
            Self::TooLarge => "send fewer tokens in one command",
            Self::Refused => "ask the operator; the reason is on record",
            Self::TryLater => "send it again after the time in retry_after_seconds",
            Self::TryAgain => "send it again with the same idempotency key",
        }
    }
}
