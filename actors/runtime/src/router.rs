//! From identifiers to the actor they lead to: resolve, deliver, and resolve again when a claim has moved meanwhile.

use crate::claim::{Claim, read_claim, write_claim};
use crate::engine::{Engine, Tally};
use crate::gate::may_be_meant;
use crate::letters::{Letter, LetterKind, Undelivered};
use crate::live;
use crate::message::{Message, Outcome};
use crate::ports::{Commit, CommitError, Expect, Fault, Item, ItemKey, Put};
use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use quick_cache::sync::Cache;
use roadbook_customer::{Command, Observation};
use roadbook_identity::{Identifier, IdentifierKey};
use roadbook_kernel::{ActorKey, CustomerId, MessageId, Moment, Refusal, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// Claims remembered by a process. Safe to be stale: the actor that does not own the identifier says so.
const CLAIMS_CACHED: usize = 100_000;

/// Deliveries of one call under way at once: several commit groups' worth. A replay hands over tens of thousands, and
/// each holds its rows until its commit.
const DELIVERIES_MAX: usize = 1_024;

/// Where deliveries go: to a mailbox in the host, straight to the engine in a test or a function.
#[async_trait]
pub trait Deliver: Send + Sync {
    /// Delivers messages to a customer; one outcome each, in their order.
    async fn customer(&self, key: ActorKey, messages: Vec<Message<Command>>) -> Result<Vec<Outcome>, Fault>;

    /// Delivers a message to a catalog.
    async fn catalog(&self, key: ActorKey, message: Message<roadbook_catalog::Command>) -> Result<Outcome, Fault>;

    /// Tells an actor to look whether something is due.
    async fn poke(&self, key: ActorKey) -> Result<(), Fault>;
}

/// An accepted event on its way to its customer. Its stored form stands in queues: see `envelope.rs`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// Its id.
    pub id: MessageId,
    /// When it was accepted.
    pub accepted: Moment,
    /// When it happened.
    pub occurred: Moment,
    /// Its place in its batch.
    pub position: u32,
    /// The event.
    pub observation: Arc<Observation>,
}

/// The router of a process.
pub struct Router {
    engine: Arc<Engine>,
    deliver: Arc<dyn Deliver>,
    claims: Cache<(TenantId, IdentifierKey), CustomerId>,
}

/// Events with one target, and whether they may found it.
type Group = (ActorKey, bool, Vec<Traveller>);

/// One event while it looks for its customer.
struct Traveller {
    index: usize,
    accepted: Accepted,
    keys: Vec<IdentifierKey>,
    target: Option<CustomerId>,
    /// The identifier that led to the target.
    via: IdentifierKey,
    ordinal: u32,
}

impl Router {
    /// A router over an engine and a way to deliver.
    pub fn new(engine: Arc<Engine>, deliver: Arc<dyn Deliver>) -> Self {
        Self { engine, deliver, claims: Cache::new(CLAIMS_CACHED) }
    }

    /// The engine behind it.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The way deliveries go.
    pub fn deliver(&self) -> &Arc<dyn Deliver> {
        &self.deliver
    }

    /// Brings events to their customers. Events that share an identifier travel together, so that one batch which
    /// introduces a person introduces them once. One result per event, in their order; a fault on one leaves the
    /// others as they are.
    pub async fn observe(&self, tenant: TenantId, events: Vec<Accepted>) -> Vec<Result<Outcome, Fault>> {
        let mut results: Vec<Option<Result<Outcome, Fault>>> = Vec::new();
        results.resize_with(events.len(), || None);
        let mut travellers: Vec<Traveller> = events
            .into_iter()
            .enumerate()
            .filter_map(|(index, accepted)| {
                let keys = roadbook_identity::route(&accepted.observation.identifiers);
                let via = *keys.first()?;
                Some(Traveller { index, accepted, keys, target: None, via, ordinal: 0 })
            })
            .collect();
        for hop in 0..=self.engine.limits.hops_max {
            if travellers.is_empty() {
                break;
            }
            Tally::add(&self.engine.tally.hops, if hop == 0 { 0 } else { travellers.len() as u64 });
            travellers = self.hop(tenant, travellers, &mut results).await;
        }
        for lost in travellers {
            results[lost.index] = Some(self.bury(tenant, lost.accepted).await);
        }
        let first = |one: &&Option<_>| matches!(one, Some(Ok(Outcome::Applied { .. } | Outcome::Refused(_))));
        Tally::add(&self.engine.tally.observed, results.iter().filter(first).count() as u64);
        results.into_iter().map(|result| result.unwrap_or(Ok(Outcome::Defect))).collect()
    }

    async fn hop(
        &self,
        tenant: TenantId,
        mut travellers: Vec<Traveller>,
        results: &mut [Option<Result<Outcome, Fault>>],
    ) -> Vec<Traveller> {
        if let Err(fault) = self.resolve(tenant, &mut travellers).await {
            travellers.iter().for_each(|one| results[one.index] = Some(Err(fault.clone())));
            return Vec::new();
        }
        let groups = self.group(tenant, travellers);
        let mut again = Vec::new();
        for (members, outcomes) in self.send_all(groups).await {
            match outcomes {
                Err(fault) => members.iter().for_each(|one| results[one.index] = Some(Err(fault.clone()))),
                Ok(outcomes) => {
                    for (mut member, outcome) in members.into_iter().zip(outcomes) {
                        if let Outcome::NotMine { forward, exists } = outcome {
                            self.correct(tenant, &member, forward).await;
                            member.ordinal += u32::from(exists && forward.is_none() && member.target.is_none());
                            member.target = forward;
                            again.push(member);
                        } else {
                            results[member.index] = Some(Ok(outcome));
                        }
                    }
                }
            }
        }
        again
    }

    /// Finds the owner of each event's strongest claimed identifier.
    async fn resolve(&self, tenant: TenantId, travellers: &mut [Traveller]) -> Result<(), Fault> {
        for traveller in travellers {
            if traveller.target.is_some() {
                continue;
            }
            traveller.via = traveller.keys[0];
            let observation = traveller.accepted.observation.clone();
            let mut unclaimed: Vec<&Identifier> = Vec::new();
            for identifier in &observation.identifiers {
                let key = identifier.key();
                let Some(owner) = self.owner(tenant, &key).await? else {
                    unclaimed.push(identifier);
                    continue;
                };
                let at = traveller.accepted.occurred;
                if self.may_be_meant(tenant, owner, identifier, &unclaimed, &observation, at).await? {
                    (traveller.target, traveller.via) = (Some(owner), key);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether the owner of an identifier can be whom an event is about: see the gate, which asks again. Reads a row
    /// only for events that name somebody nobody knows.
    async fn may_be_meant(
        &self,
        tenant: TenantId,
        owner: CustomerId,
        by: &Identifier,
        unclaimed: &[&Identifier],
        observation: &Observation,
        at: Moment,
    ) -> Result<bool, Fault> {
        if unclaimed.iter().all(|one| one.kind.is_weak()) {
            return Ok(true);
        }
        let catalog = self.engine.catalogs.at_least(&self.engine, tenant, 0).await?;
        let state = live::end(&self.engine, tenant, owner).await?.state;
        Ok(may_be_meant(&catalog.identity, &state, by, unclaimed, observation, at))
    }

    /// The owner a claim names: a customer, or a tombstone that will say where to go.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn owner(&self, tenant: TenantId, key: &IdentifierKey) -> Result<Option<CustomerId>, Fault> {
        if let Some(owner) = self.claims.get(&(tenant, *key)) {
            return Ok(Some(owner));
        }
        let Some(item) = self.engine.store.load(&ItemKey::claim(tenant, key)).await? else { return Ok(None) };
        let claim = read_claim(&item)?;
        if claim.released {
            return Ok(None);
        }
        let owner = claim.owner;
        self.claims.insert((tenant, *key), owner);
        Ok(Some(owner))
    }

    /// Puts events with the same target together; of those nobody knows yet, the ones that share an identifier.
    fn group(&self, tenant: TenantId, travellers: Vec<Traveller>) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let actor = |id| ActorKey::customer(tenant, id);
        let mut by_target: HashMap<CustomerId, usize> = HashMap::new();
        let mut by_identifier: HashMap<IdentifierKey, usize> = HashMap::new();
        for traveller in travellers {
            let place = match traveller.target {
                Some(target) => *by_target.entry(target).or_insert_with(|| {
                    groups.push((actor(target), false, Vec::new()));
                    groups.len() - 1
                }),
                None => match traveller.keys.iter().find_map(|key| by_identifier.get(key)) {
                    Some(place) => *place,
                    None => {
                        groups.push((actor(self.found(tenant, &traveller)), true, Vec::new()));
                        groups.len() - 1
                    }
                },
            };
            traveller.keys.iter().for_each(|key| {
                by_identifier.entry(*key).or_insert(place);
            });
            groups[place].2.push(traveller);
        }
        groups
    }

    /// The One ID an event would found: nothing in it is drawn.
    fn found(&self, tenant: TenantId, traveller: &Traveller) -> CustomerId {
        let Accepted { accepted, id, .. } = traveller.accepted;
        self.engine.keys.of(tenant).customer(accepted, id, &traveller.keys[0], traveller.ordinal)
    }

    async fn send_all(&self, mut groups: Vec<Group>) -> Vec<(Vec<Traveller>, Result<Vec<Outcome>, Fault>)> {
        // One event of one customer is the most frequent request of all: it needs nobody to wait for several.
        if groups.len() == 1
            && let Some((key, founding, members)) = groups.pop()
        {
            return vec![self.send(key, founding, members).await];
        }
        let all = groups.into_iter().map(|(key, founding, members)| self.send(key, founding, members));
        stream::iter(all).buffer_unordered(DELIVERIES_MAX).collect().await
    }

    async fn send(
        &self,
        key: ActorKey,
        founding: bool,
        members: Vec<Traveller>,
    ) -> (Vec<Traveller>, Result<Vec<Outcome>, Fault>) {
        let messages = members
            .iter()
            .map(|member| Message {
                id: member.accepted.id,
                accepted: member.accepted.accepted,
                occurred: member.accepted.occurred,
                position: member.accepted.position,
                via: Some(member.via),
                founding,
                command: Command::Observe(member.accepted.observation.clone()),
            })
            .collect();
        let outcomes = self.deliver.customer(key, messages).await;
        (members, outcomes)
    }

    /// A claim led to the wrong row: forget what the cache says, and where a tombstone named the next, shorten the
    /// chain. The write is conditioned on the claim as it was read, so it can never undo a move or an unmerge.
    async fn correct(&self, tenant: TenantId, traveller: &Traveller, forward: Option<CustomerId>) {
        for key in &traveller.keys {
            self.claims.remove(&(tenant, *key));
        }
        let Some(next) = forward else { return };
        let item_key = ItemKey::claim(tenant, &traveller.via);
        let Ok(Some(item)) = self.engine.store.load(&item_key).await else { return };
        let Ok(claim) = read_claim(&item) else { return };
        if claim.released || Some(claim.owner) != traveller.target {
            return;
        }
        let Ok(body) = write_claim(&Claim { owner: next, past: claim.past, released: false }) else { return };
        let item_next = Item { version: item.version + 1, body };
        let put = Put { key: item_key, expect: Expect::Version(item.version), item: Some(item_next) };
        let shortened = self.engine.store.commit(Commit { puts: vec![put], ..Commit::default() }).await;
        if let Err(CommitError::Fault(fault)) = shortened {
            tracing::warn!(%fault, "could not shorten a chain of tombstones; it stays as it is");
        }
    }

    /// After too many hops the event goes whole into the dead letters, with its own id: no turn has decided it.
    async fn bury(&self, tenant: TenantId, lost: Accepted) -> Result<Outcome, Fault> {
        let detail = "its identifiers changed hands too often while it was delivered; replay it";
        let reason = Refusal::new("too_many_hops", detail);
        let body = serde_json::to_value(Command::Observe(lost.observation)).unwrap_or_default();
        let letter = Letter::new(Undelivered {
            tenant,
            message: lost.id,
            kind: LetterKind::Command,
            source: String::new(),
            accepted: lost.accepted,
            occurred: lost.occurred,
            reason: reason.clone(),
            body,
        });
        write_letter(&self.engine, &letter).await?;
        Ok(Outcome::Refused(reason))
    }
}

/// Writes a letter outside a turn, unless its message already has one.
///
/// # Errors
/// A fault of the store.
pub async fn write_letter(engine: &Engine, letter: &Letter) -> Result<(), Fault> {
    if engine.store.load(&ItemKey::letter_of(letter.tenant, letter.message)).await?.is_some() {
        return Ok(());
    }
    let commit = Commit { puts: letter.puts()?.into(), ..Commit::default() };
    match engine.store.commit(commit).await {
        Ok(()) => {
            Tally::add(&engine.tally.letters, 1);
            Ok(())
        }
        Err(CommitError::Conflict { .. }) => Ok(()),
        Err(CommitError::Fault(fault)) => Err(fault),
    }
}
