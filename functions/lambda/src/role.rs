//! The functions of a deployment.

use std::str::FromStr;

/// What a function of this artefact does. `infra/README.md` says what each may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Answers HTTP: the same router as on one machine.
    Api,
    /// Applies what the inbox holds, and fires who is poked.
    Inbox,
    /// Carries turns from the stream of the items table.
    Relay,
    /// Calls providers and endpoints about what is due.
    Send,
    /// Every minute: what is due.
    Sweep,
    /// Makes tenants, for whoever may invoke it.
    Admin,
}

/// Every role with its name in the environment.
const NAMES: [(&str, Role); 6] = [
    ("api", Role::Api),
    ("inbox", Role::Inbox),
    ("relay", Role::Relay),
    ("send", Role::Send),
    ("sweep", Role::Sweep),
    ("admin", Role::Admin),
];

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, role)| *role).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("ROADBOOK_ROLE is `{text}`; it must be one of {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_role_is_told_which_there_are() {
        assert_eq!("sweep".parse(), Ok(Role::Sweep));
        let told = "relais".parse::<Role>().unwrap_err();
        assert!(told.contains("relais") && told.contains("api, inbox, relay, send, sweep, admin"), "{told}");
    }
}
