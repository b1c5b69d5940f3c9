//! Made-up customers: who they are known as, and what the client knows it did with them.

/// What a person is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Books a test drive: one journey, one message in the recording channel.
    Recorded,
    /// The same, but a seller is told through the simulated WeCom.
    Told,
    /// Turns out to be the same as the person beside them.
    Pair,
}

/// A person, and their state as their one client knows it.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their browser.
    pub anonymous: String,
    /// Their account.
    pub user: String,
    /// What they are for.
    pub role: Role,
    /// Whether an identify that joins browser and account was acknowledged.
    pub known: bool,
    /// The value of the tag as the last answered command left it.
    pub tag: Option<String>,
    /// Commands that set the tag, and that took it away.
    pub tags: (u64, u64),
    /// Whether a command about them is under way: the next one waits.
    pub busy: bool,
    /// Whether they were merged with the person beside them.
    pub merged: bool,
}

/// One person in so many is told through WeCom.
const TOLD_EVERY: u32 = 20;
/// One pair in so many people.
const PAIR_EVERY: u32 = 10;

impl Person {
    /// Person `index` of writer `writer`.
    pub fn new(writer: usize, index: u32) -> Self {
        let role = match index {
            _ if index % PAIR_EVERY < 2 => Role::Pair,
            _ if index % TOLD_EVERY == 2 => Role::Told,
            _ => Role::Recorded,
        };
        Self {
            anonymous: format!("browser-{writer}-{index}"),
            user: format!("user-{writer}-{index}"),
            role,
            known: false,
            tag: None,
            tags: (0, 0),
            busy: false,
            merged: false,
        }
    }

    /// The one beside a person of a pair.
    pub const fn beside(index: u32) -> u32 {
        if index.is_multiple_of(PAIR_EVERY) { index + 1 } else { index - 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_beside_each_other() {
        for index in 0..100 {
            let person = Person::new(0, index);
            if person.role == Role::Pair {
                let other = Person::beside(index);
                assert_eq!((Person::new(0, other).role, Person::beside(other)), (Role::Pair, index));
            }
        }
    }
}
