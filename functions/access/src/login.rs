//! What people sign in with.

use roadbook_kernel::Personal;
use roadbook_runtime::ports::ItemKey;
use roadbook_runtime::relay::SYSTEM;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const LOGIN_BYTES_MAX: usize = 254;

/// What a person signs in with: an e-mail address or a name, in lower case. Personal: it prints as a mask.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Login(Personal<String>);

/// A text that is no [`Login`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadLogin;

impl fmt::Display for BadLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a login is an e-mail address or a name without spaces, at most {LOGIN_BYTES_MAX} bytes")
    }
}

impl FromStr for Login {
    type Err = BadLogin;

    fn from_str(text: &str) -> Result<Self, BadLogin> {
        let normal = text.trim().to_lowercase();
        let bad = |c: char| c.is_whitespace() || c.is_control();
        if normal.is_empty() || normal.len() > LOGIN_BYTES_MAX || normal.contains(bad) {
            return Err(BadLogin);
        }
        Ok(Self(Personal::new(normal)))
    }
}

impl Login {
    /// The text, for the tenant's own administrators.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// Names a login without holding it.
    pub(crate) fn hash(&self) -> [u8; 32] {
        blake3::hash(self.reveal().as_bytes()).into()
    }

    pub(crate) fn key(&self) -> ItemKey {
        ItemKey::document(SYSTEM, &format!("login/{}", blake3::Hash::from(self.hash()).to_hex()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_however_they_type_it() {
        let login: Login = " Test.Person@Example.com ".parse().unwrap();
        assert_eq!(login.reveal(), "test.person@example.com");
        assert_eq!("dcc-1".parse::<Login>().unwrap().reveal(), "dcc-1");
        for text in ["", "  ", "two words", "tab\there", "nul\0", &"x".repeat(255)] {
            assert_eq!(text.parse::<Login>(), Err(BadLogin), "{text:?}");
        }
        assert!(!format!("{login:?}").contains("person"));
    }
}
