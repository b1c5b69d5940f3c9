//! Events as tests write them: who, what, when.

use roadbook_customer::{Call, Observation, TraitOps};
use roadbook_identity::{Grade, Identifier, Kind, TenantKeys, strongest_first};
use roadbook_kernel::{Moment, Personal};
use roadbook_runtime::Accepted;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One identifier as a producer writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who(pub Kind, pub String);

impl Who {
    /// The identifier in the tenant's keys. Scoped kinds get one scope for all tests.
    ///
    /// # Panics
    /// Where the value is not one of its kind: a mistake in the test.
    pub fn identifier(&self, keys: &TenantKeys) -> Identifier {
        keys.identifier(self.0, "ww1", &self.1).expect("a valid test identifier")
    }
}

/// A user of the tenant's own system.
pub fn user(name: &str) -> Who {
    Who(Kind::UserId, format!("user-{name}"))
}

/// A browser.
pub fn anon(name: &str) -> Who {
    Who(Kind::AnonymousId, format!("visitor-0000-{name}"))
}

/// A device.
pub fn device(name: &str) -> Who {
    Who(Kind::Device, format!("device-0000-{name}"))
}

/// An e-mail address.
pub fn email(name: &str) -> Who {
    Who(Kind::Email, format!("{name}@example.com"))
}

/// A WeCom customer of the one test corp.
pub fn external(name: &str) -> Who {
    Who(Kind::ExternalUserid, format!("wmTestTestTestTestTest{name}"))
}

/// One event in the making.
#[derive(Clone, Debug)]
pub struct Say {
    id: String,
    call: Call,
    name: String,
    who: Vec<Who>,
    occurred: Moment,
    accepted: Option<Moment>,
    properties: Map<String, Value>,
    traits: TraitOps,
    evidence: Vec<(Kind, Grade)>,
}

impl Say {
    fn new(id: impl Into<String>, call: Call, name: &str, who: &[Who]) -> Self {
        Self {
            id: id.into(),
            call,
            name: name.to_owned(),
            who: who.to_vec(),
            occurred: Moment::from_millis(0),
            accepted: None,
            properties: Map::new(),
            traits: TraitOps::default(),
            evidence: Vec::new(),
        }
    }

    /// They did something. `id` is the producer's id of the message.
    pub fn track(id: impl Into<String>, name: &str, who: &[Who]) -> Self {
        Self::new(id, Call::Track, name, who)
    }

    /// "This is me."
    pub fn identify(id: impl Into<String>, who: &[Who]) -> Self {
        Self::new(id, Call::Identify, "identify", who)
    }

    /// "These two are one."
    pub fn alias(id: impl Into<String>, one: &Who, other: &Who) -> Self {
        Self::new(id, Call::Alias, "alias", &[one.clone(), other.clone()])
    }

    /// When it happened; also when it was accepted, unless [`Say::accepted`] says otherwise.
    #[must_use]
    pub fn at(mut self, at: Moment) -> Self {
        self.occurred = at;
        self
    }

    /// When it was accepted.
    #[must_use]
    pub fn accepted(mut self, at: Moment) -> Self {
        self.accepted = Some(at);
        self
    }

    /// When it happens.
    pub const fn when(&self) -> Moment {
        self.occurred
    }

    /// One of the event's own properties.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.properties.insert(key.to_owned(), value.into());
        self
    }

    /// How sure the producer is of its identifiers of a kind.
    #[must_use]
    pub fn sure(mut self, kind: Kind, grade: Grade) -> Self {
        self.evidence.push((kind, grade));
        self
    }

    /// A trait as of the event's time.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        put(&mut self.traits.set, key, value.into());
        self
    }

    /// One entry added to a list trait.
    #[must_use]
    pub fn append(mut self, key: &str, value: impl Into<Value>) -> Self {
        put(&mut self.traits.append, key, value.into());
        self
    }

    /// An amount added to a trait, in millionths.
    #[must_use]
    pub fn add(mut self, key: &str, millionths: i64) -> Self {
        self.traits.increment.insert(key.to_owned(), millionths);
        self
    }

    /// The accepted event, at its place in its batch.
    pub fn accept(&self, keys: &TenantKeys, position: usize) -> Accepted {
        let mut identifiers: Vec<Identifier> = self.who.iter().map(|who| who.identifier(keys)).collect();
        strongest_first(&mut identifiers);
        let observation = Observation {
            call: self.call,
            name: self.name.clone(),
            identifiers,
            evidence: self.evidence.clone(),
            traits: self.traits.clone(),
            properties: Personal::new(self.properties.clone()),
        };
        Accepted {
            id: keys.message("test", &self.id),
            accepted: self.accepted.unwrap_or(self.occurred),
            occurred: self.occurred,
            position: u32::try_from(position).unwrap_or(u32::MAX),
            observation: Arc::new(observation),
        }
    }
}

fn put(slot: &mut Option<Personal<BTreeMap<String, Value>>>, key: &str, value: Value) {
    let mut map = slot.take().map(Personal::into_revealed).unwrap_or_default();
    map.insert(key.to_owned(), value);
    *slot = Some(Personal::new(map));
}
