//! What a key or a person may do. Where in the organisation they may do it is another question: data scope.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A text that names no [`Scope`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownScope;

impl fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown scope; the scopes are {}", Scopes::ALL)
    }
}

impl std::error::Error for UnknownScope {}

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// One right. The text form is part of the API.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Scope {
            $($(#[$doc])* $name,)*
        }

        impl Scope {
            /// Every scope.
            pub const ALL: &[Scope] = &[$(Scope::$name),*];

            /// The text form.
            pub const fn name(self) -> &'static str {
                match self { $(Scope::$name => $text,)* }
            }
        }

        impl FromStr for Scope {
            type Err = UnknownScope;

            fn from_str(text: &str) -> Result<Self, UnknownScope> {
                match text {
                    $($text => Ok(Scope::$name),)*
                    _ => Err(UnknownScope),
                }
            }
        }
    };
}

scopes! {
    /// Send events.
    EventsWrite = "events:write";
    /// Watch events come in, with what was refused of them.
    EventsRead = "events:read";
    /// Read customers, masked.
    ProfilesRead = "profiles:read";
    /// Change customers: consents, manual tags.
    ProfilesWrite = "profiles:write";
    /// Merge, unmerge, unbind; decide conflicts and reviews.
    IdentityWrite = "identity:write";
    /// Read segments and their members.
    SegmentsRead = "segments:read";
    /// Define and publish segments.
    SegmentsWrite = "segments:write";
    /// Read journeys, who is where, what was sent.
    JourneysRead = "journeys:read";
    /// Define, publish and pause journeys.
    JourneysWrite = "journeys:write";
    /// Read the tag taxonomy.
    TagsRead = "tags:read";
    /// Define tags.
    TagsWrite = "tags:write";
    /// Read what could not be applied.
    LettersRead = "letters:read";
    /// Correct and replay it.
    LettersWrite = "letters:write";
    /// Start imports and read jobs.
    ImportsWrite = "imports:write";
    /// Read webhook endpoints and their attempts.
    IntegrationsRead = "integrations:read";
    /// Change webhook endpoints, rotate their secrets, replay.
    IntegrationsWrite = "integrations:write";
    /// Read keys and people.
    AdminRead = "admin:read";
    /// Make and revoke keys, invite people, change the identity policy.
    AdminWrite = "admin:write";
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of scopes. The text form is their names, separated by spaces, as OAuth 2.0 writes them.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u64);

impl Scopes {
    /// No right at all.
    pub const NONE: Scopes = Scopes(0);
    /// Every right.
    pub const ALL: Scopes = Scopes((1 << Scope::ALL.len()) - 1);

    /// What can be done store by store. The rest reads or changes things that belong to the whole tenant (merges,
    /// dead letters, definitions): whoever is restricted to a store does not have it, whatever their role says.
    pub const AT_A_STORE: Scopes = Scopes::of(&[
        Scope::EventsWrite,
        Scope::ProfilesRead,
        Scope::ProfilesWrite,
        Scope::SegmentsRead,
        Scope::JourneysRead,
        Scope::TagsRead,
        Scope::AdminRead,
        Scope::AdminWrite,
    ]);

    /// These scopes.
    pub const fn of(list: &[Scope]) -> Self {
        let (mut bits, mut index) = (0, 0);
        while index < list.len() {
            bits |= 1 << list[index] as u8;
            index += 1;
        }
        Self(bits)
    }

    /// Whether a scope is among them.
    pub const fn allows(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// Whether every one of `other` is among these.
    pub const fn covers(self, other: Scopes) -> bool {
        self.0 & other.0 == other.0
    }

    /// What both have.
    pub const fn and(self, other: Scopes) -> Self {
        Self(self.0 & other.0)
    }

    /// What either has.
    pub const fn or(self, other: Scopes) -> Self {
        Self(self.0 | other.0)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.allows(*scope))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            write!(f, "{}{scope}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        text.split_ascii_whitespace().map(str::parse).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(list: I) -> Self {
        list.into_iter().fold(Self::NONE, |all, scope| all.or(Self::of(&[scope])))
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Scope::name))
    }
}

impl<'de> Deserialize<'de> for Scopes {
    /// A scope that a newer version knows and this one does not is passed over: it opens nothing here.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Ok(names.iter().filter_map(|name| name.parse::<Scope>().ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_sets_are_exact() {
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(*scope));
            assert!(Scopes::ALL.allows(*scope) && !Scopes::NONE.allows(*scope));
        }
        let some: Scopes = "profiles:read segments:write".parse().unwrap();
        assert_eq!(some, Scopes::of(&[Scope::ProfilesRead, Scope::SegmentsWrite]));
        assert!(Scopes::ALL.covers(some) && !some.covers(Scopes::ALL));
        assert_eq!("profiles:everything".parse::<Scopes>(), Err(UnknownScope));
        let json = serde_json::to_string(&some).unwrap();
        assert_eq!(json, r#"["profiles:read","segments:write"]"#);
        assert_eq!(serde_json::from_str::<Scopes>(r#"["profiles:read","from:later","segments:write"]"#).unwrap(), some);
    }
}
