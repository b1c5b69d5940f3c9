//! The guard of links and merges: what becomes of one identifier that an event about one customer carries. Pure: the
//! caller reads the claim, does what the plan says in one transaction, and asks again when it lost a race.

use crate::{Evidence, Grade, Holding, Identifier, IdentifierKey, Kind, Policy};
use roadbook_kernel::{CustomerId, DAY_MS, Moment};
use serde::{Deserialize, Serialize};

/// Identifiers one customer may have. Everything that a merge changes then fits one transaction of 100 actions.
pub const IDENTIFIERS_MAX: usize = 80;
/// How often a weak identifier may change its person within [`WINDOW_MS`]; after that it stays where it is.
pub const MOVES_MAX: u32 = 8;
/// The window in which duplicates are recognised and moves are counted: 15 days, one more than a queue keeps messages.
pub const WINDOW_MS: i64 = 15 * DAY_MS;

/// The customer whom the event is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Here<'a> {
    /// Who it is.
    pub id: CustomerId,
    /// Whether it has any strong identifier, those counted that this very event brings.
    pub known: bool,
    /// The identifiers it owns.
    pub holds: Vec<Holding<'a>>,
}

/// The customer who owns the claim now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct There<'a> {
    /// Who it is: the live end of the tombstone chain.
    pub owner: CustomerId,
    /// Whether it has any strong identifier.
    pub known: bool,
    /// The identifiers it owns.
    pub holds: Vec<Holding<'a>>,
    /// When the newest identify that bound this claim happened (`occurred_at`); [`Moment::MIN`] if none did.
    pub bound_at: Moment,
    /// How often the claim changed its person within the last [`WINDOW_MS`].
    pub moves_in_window: u32,
}

/// An event that carries an identifier, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Carried<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its scope, empty for most kinds.
    pub scope: &'a str,
    /// How the event speaks of it.
    pub evidence: Evidence,
    /// How sure it is.
    pub grade: Grade,
    /// When the event happened.
    pub at: Moment,
}

/// Why a link is refused. It becomes a fact that names both customers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedLink {
    /// Both customers have strong identifiers and the evidence is too weak to say that they are one: a suggestion for
    /// a person to decide.
    TwoKnownPeople,
    /// One person would have more identifiers of a kind than the policy allows.
    OverLimit(Kind),
    /// More than [`IDENTIFIERS_MAX`] identifiers would come together.
    TooMany,
}

impl RefusedLink {
    /// Stable code, part of the API.
    pub const fn code(self) -> &'static str {
        match self {
            RefusedLink::TwoKnownPeople => "two_known_people",
            RefusedLink::OverLimit(_) => "over_limit",
            RefusedLink::TooMany => "too_many_identifiers",
        }
    }
}

/// What to do with one identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plan {
    /// It is owned here already.
    Keep,
    /// Nobody owns it: claim it for this customer.
    Claim,
    /// A weak identifier changes its person: only the claim moves, both people stay.
    Move,
    /// The two customers are one person: unite them under [`survivor`].
    Merge,
    /// Two people it stays. The event counts here, the claim stays there, the caller records the fact.
    Refuse(RefusedLink),
    /// Late or worn out: the event counts here, the claim stays there, and there is nothing to tell.
    Ignore,
}

/// Decides about one identifier of an event that is about `here`; `there` is the owner of its claim, `None` if it is
/// unclaimed.
///
/// A weak identifier belongs to the person of its newest identify: one that arrives late moves nothing, whatever the
/// order of arrival. Where at least one of the two is nobody yet (weak identifiers only), they are one person. Two
/// known people become one where the evidence is good enough ([`Grade::merges`]) and nobody would have more of a kind
/// than the policy allows; an alias or a command says it outright and is held to [`IDENTIFIERS_MAX`] alone.
pub fn plan(policy: &Policy, carried: &Carried<'_>, here: &Here<'_>, there: Option<&There<'_>>) -> Plan {
    let outright = matches!(carried.evidence, Evidence::Alias | Evidence::Command);
    let Some(there) = there else {
        return if here.holds.len() >= IDENTIFIERS_MAX {
            Plan::Refuse(RefusedLink::TooMany)
        } else if !outright && policy.is_full(carried.kind, carried.scope, carried.at, &here.holds) {
            Plan::Refuse(RefusedLink::OverLimit(carried.kind))
        } else {
            Plan::Claim
        };
    };
    if there.owner == here.id {
        return Plan::Keep;
    }
    if !here.known || !there.known {
        return merge(policy, carried.at, outright, here, there);
    }
    match (carried.kind.is_weak(), carried.evidence) {
        (true, Evidence::Identify) => move_or_stay(carried.at, here, there),
        (true, Evidence::Mention | Evidence::Alias | Evidence::Command) => Plan::Ignore,
        (false, Evidence::Alias | Evidence::Command) => merge(policy, carried.at, outright, here, there),
        (false, Evidence::Identify | Evidence::Mention) if carried.grade.merges() => {
            merge(policy, carried.at, outright, here, there)
        }
        (false, Evidence::Identify | Evidence::Mention) => Plan::Refuse(RefusedLink::TwoKnownPeople),
    }
}

fn merge(policy: &Policy, at: Moment, outright: bool, here: &Here<'_>, there: &There<'_>) -> Plan {
    if here.holds.len().saturating_add(there.holds.len()) > IDENTIFIERS_MAX {
        return Plan::Refuse(RefusedLink::TooMany);
    }
    match policy.over_together(at, &here.holds, &there.holds) {
        Some(kind) if !outright => Plan::Refuse(RefusedLink::OverLimit(kind)),
        Some(_) | None => Plan::Merge,
    }
}

fn move_or_stay(occurred_at: Moment, here: &Here<'_>, there: &There<'_>) -> Plan {
    if occurred_at <= there.bound_at || there.moves_in_window >= MOVES_MAX {
        Plan::Ignore
    } else if here.holds.len() >= IDENTIFIERS_MAX {
        Plan::Refuse(RefusedLink::TooMany)
    } else {
        Plan::Move
    }
}

/// Who stays when two customers become one: the smaller One ID, that is the earlier founded. A total order, so chains
/// of merges have no cycles.
pub fn survivor(a: CustomerId, b: CustomerId) -> CustomerId {
    a.min(b)
}

/// Puts identifiers into the one order that an observation keeps them in: strongest kind first, each once.
pub fn strongest_first(identifiers: &mut Vec<Identifier>) {
    if identifiers.len() > 1 {
        identifiers.sort_unstable_by_key(Identifier::key);
        identifiers.dedup_by_key(|identifier| identifier.key());
    }
}

/// The order in which claims are looked up to find out whom an event is about: the first that has an owner decides; if
/// none has, the first of all founds the customer.
pub fn route(identifiers: &[Identifier]) -> Vec<IdentifierKey> {
    let mut keys: Vec<IdentifierKey> = identifiers.iter().map(Identifier::key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
