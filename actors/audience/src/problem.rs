//! What is wrong with a condition, and where.

use std::borrow::Cow;
use std::fmt;

/// One mistake, at one place. Details never repeat a value: a condition may compare with personal data.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code} at `{pointer}`: {detail}")]
pub struct Problem {
    /// JSON pointer (RFC 6901) into the condition; empty for the whole.
    pub pointer: String,
    /// Stable snake_case code, part of the API.
    pub code: &'static str,
    /// What is wrong and what to write instead.
    pub detail: String,
}

impl Problem {
    pub(crate) fn new(at: &Place<'_>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: at.to_string(), code, detail: detail.into() }
    }
}

/// The way from the root to a place, as a chain on the stack: the text is only made when there is a problem.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    Root,
    Key(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    pub(crate) fn key(&'a self, key: &'a str) -> Place<'a> {
        Place::Key(self, key)
    }

    pub(crate) fn index(&'a self, index: usize) -> Place<'a> {
        Place::Index(self, index)
    }

    /// Whether the way leads through this key.
    pub(crate) fn is_inside(&self, word: &str) -> bool {
        match self {
            Place::Root => false,
            Place::Key(parent, key) => *key == word || parent.is_inside(word),
            Place::Index(parent, _) => parent.is_inside(word),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Root => Ok(()),
            Place::Key(parent, key) => write!(f, "{parent}/{}", escaped(key)),
            Place::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// RFC 6901: `~` is `~0`, `/` is `~1`.
fn escaped(key: &str) -> Cow<'_, str> {
    if key.contains(['~', '/']) { Cow::Owned(key.replace('~', "~0").replace('/', "~1")) } else { Cow::Borrowed(key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_escape_their_two_special_characters() {
        let root = Place::Root;
        let all = root.key("all");
        let third = all.index(2);
        assert_eq!(third.key("a/b~c").to_string(), "/all/2/a~1b~0c");
        assert_eq!(root.to_string(), "");
    }
}
