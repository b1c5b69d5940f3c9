//! Events on their way through the real router into real mailboxes, and what must be true when all are answered.

use crate::process::{NOW, Process};
use roadbook_customer::{Call, Observation, TraitOps};
use roadbook_identity::{Kind, strongest_first};
use roadbook_kernel::{ActorKey, MessageId, TenantId};
use roadbook_runtime::ports::{Fault, History};
use roadbook_runtime::record::Record;
use roadbook_runtime::{Accepted, Outcome, Router};
use std::collections::BTreeMap;
use std::sync::Arc;

const TENANT: TenantId = TenantId::from_u128(7);
/// Times somebody tries again after a fault: more than there are faults.
const TRIES: usize = 10;

/// A browser.
pub fn visitor(number: usize) -> (Kind, String) {
    (Kind::AnonymousId, format!("visitor-0000-{number}"))
}

/// Somebody signed in.
pub fn user(number: usize) -> (Kind, String) {
    (Kind::UserId, format!("user-{number}"))
}

/// An event with a name of its own: what somebody says about one customer.
pub fn event(router: &Router, name: &str, who: &[(Kind, String)]) -> Accepted {
    let keys = router.engine().keys.of(TENANT);
    let identifier = |(kind, value): &(Kind, String)| keys.identifier(*kind, "", value).expect("a valid identifier");
    let mut identifiers: Vec<_> = who.iter().map(identifier).collect();
    strongest_first(&mut identifiers);
    let call = if who.len() > 1 { Call::Identify } else { Call::Track };
    let mut traits = TraitOps::default();
    traits.increment.insert("visits".into(), 1_000_000);
    let observation = Observation {
        call,
        name: "visit".into(),
        identifiers,
        evidence: Vec::new(),
        traits,
        properties: Default::default(),
    };
    let id = keys.message("schedules", name);
    Accepted { id, accepted: NOW, occurred: NOW, position: 0, observation: Arc::new(observation) }
}

/// Brings an event once.
pub async fn bring(router: &Router, event: &Accepted) -> Result<Outcome, Fault> {
    let answers = router.observe(TENANT, vec![event.clone()]).await;
    answers.into_iter().next().expect("one answer for one event")
}

/// Brings an event until it is answered.
pub async fn insist(router: &Router, event: &Accepted) -> Outcome {
    for _ in 0..TRIES {
        if let Ok(outcome) = bring(router, event).await {
            return outcome;
        }
    }
    panic!("{TRIES} faults in a row, and there were not so many");
}

/// The version an outcome speaks of.
pub fn applied(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Applied { version, .. } => *version,
        Outcome::Duplicate { .. } | Outcome::Refused(_) | Outcome::Defect | Outcome::NotMine { .. } => {
            panic!("a new event was answered {outcome:?}")
        }
    }
}

/// Where an identifier leads.
pub async fn actor(process: &Process, who: &(Kind, String)) -> ActorKey {
    let router = process.elsewhere();
    let key = router.engine().keys.of(TENANT).identifier(who.0, "", &who.1).expect("a valid identifier").key();
    let owner = router.owner(TENANT, &key).await.expect("a claim").expect("an owner");
    ActorKey::customer(TENANT, owner)
}

/// The turns in which each message of an actor was decided.
pub async fn decided(process: &Process, actor: &ActorKey) -> BTreeMap<MessageId, Vec<u64>> {
    let mut found: BTreeMap<MessageId, Vec<u64>> = BTreeMap::new();
    for turn in process.memory().turns(actor, 0, usize::MAX).await.expect("history") {
        let record = Record::new(&turn.record).expect("a record");
        record.messages().for_each(|message| found.entry(message).or_default().push(turn.version));
    }
    found
}
