//! Why a text does not identify anybody.

/// A value that is not taken as an identifier. Neither `Display` nor `Debug` can show the value: it is not in here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejected {
    /// Nothing, or only white space.
    #[error("it is empty")]
    Empty,
    /// A value that many people share.
    #[error("it is blocked: {why}")]
    Blocked {
        /// What the value is instead of a person's identifier.
        why: &'static str,
    },
    /// Not of the form that this kind has.
    #[error("it is malformed: {why}")]
    Malformed {
        /// What form was expected.
        why: &'static str,
    },
    /// Longer than [`crate::VALUE_BYTES_MAX`].
    #[error("it is longer than 256 bytes")]
    TooLong,
    /// The kind means something only within a scope, and none was given.
    #[error("it needs a scope: the appid of an openid, the corp id of an external_userid")]
    MissingScope,
}

impl Rejected {
    /// Stable code, part of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Rejected::Empty => "identifier_empty",
            Rejected::Blocked { .. } => "identifier_blocked",
            Rejected::Malformed { .. } => "identifier_malformed",
            Rejected::TooLong => "identifier_too_long",
            Rejected::MissingScope => "identifier_scope_missing",
        }
    }
}
