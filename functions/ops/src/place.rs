//! Where an installation lies, as people write it: a folder, or `aws:` and the name of a stack.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where an installation lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The data folder of one machine.
    Folder(PathBuf),
    /// A stack on AWS, in the account and region of the environment.
    Stack(String),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("aws:") {
            Some("") => Err("the name of a stack comes behind `aws:`, as in aws:roadbook-prod".into()),
            Some(stack) => Ok(Self::Stack(stack.to_owned())),
            None if text.is_empty() => Err("a folder, or aws:STACK".into()),
            None => Ok(Self::Folder(text.into())),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(out, "{}", path.display()),
            Self::Stack(stack) => write!(out, "aws:{stack}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_back() {
        for (text, place) in
            [("./data", Place::Folder("./data".into())), ("aws:roadbook-dev", Place::Stack("roadbook-dev".into()))]
        {
            assert_eq!(text.parse(), Ok(place.clone()));
            assert_eq!(place.to_string(), text);
        }
        assert!("aws:".parse::<Place>().unwrap_err().contains("roadbook-prod"));
        assert!("".parse::<Place>().is_err());
    }
}
