//! The message relay of the outbox: carries what committed turns intend: sends to the send queue, announcements to the
//! webhook queue, amounts to the counters, message ids to History's index.
//!
//! What a batch of turns intends is the same in every host ([`Intents`]). Where a host stopped is not:
//!
//! - [`Relay`] reads a commit log of its own store. One pass is one commit together with the cursor, so a pass that is
//!   interrupted is as if it had never begun, and counters are exact.
//! - [`carry`] is given turns by a stream that may bring them again, in other batches. There each turn's row in the
//!   [`Ledger`] says that it was counted.

use crate::engine::Engine;
use crate::letters::{Letter, LetterKind, Undelivered};
use crate::mutants::mutant;
use crate::ports::{
    Carried, Commit, CommitError, Due, DueEntry, DueKind, Expect, Fault, Item, ItemKey, Ledger, Put, Store, Turn,
    TurnIndex,
};
use crate::record::{Front, Record};
use crate::sends::SendJob;
use crate::webhooks;
use roadbook_customer::{Announcement, Customer, Effect};
use roadbook_kernel::{ActorKey, ActorKind, Durable, MessageId, Moment, Refusal, TenantId};
use serde_json::json;
use std::collections::BTreeMap;

/// The tenant under which the store's own bookkeeping lies.
pub const SYSTEM: TenantId = TenantId::from_u128(0);
/// The name of the document that keeps the relay's place.
pub(crate) const CURSOR: &str = "relay/cursor";

/// Whether an item is a place in the commit log of the very store it lies in. It means nothing in another store, which has
/// a log of its own or none.
pub fn is_place(key: &ItemKey) -> bool {
    *key == ItemKey::document(SYSTEM, CURSOR)
}

/// How far the commit log of a store was carried.
///
/// # Errors
/// A fault of the store.
pub async fn place_in(store: &dyn Store) -> Result<u64, Fault> {
    Ok(cursor_of(store).await?.map_or(0, |(sequence, _)| sequence))
}

/// The place, and the version of its document.
async fn cursor_of(store: &dyn Store) -> Result<Option<(u64, u64)>, Fault> {
    let Some(item) = store.load(&ItemKey::document(SYSTEM, CURSOR)).await? else { return Ok(None) };
    let bytes = item.body.as_ref().try_into().map_err(|_| Fault::Corrupt("the relay's cursor".into()))?;
    Ok(Some((u64::from_be_bytes(bytes), item.version)))
}

/// A relay with its place in the log.
pub struct Relay {
    sequence: u64,
    version: u64,
}

impl Relay {
    /// Finds the place where the last relay stopped.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn open(engine: &Engine) -> Result<Self, Fault> {
        let place = cursor_of(engine.store.as_ref()).await?;
        let Some((sequence, version)) = place else { return Ok(Self { sequence: 0, version: 0 }) };
        // A relay that died between its commit and this left what it had carried in the log.
        engine.journal.truncate(sequence).await?;
        Ok(Self { sequence, version })
    }

    /// The last sequence that was carried.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Carries up to `limit` turns. Returns how many.
    ///
    /// # Errors
    /// A fault; the pass may or may not have been applied, so open the relay again.
    pub async fn pass(&mut self, engine: &Engine, limit: usize) -> Result<usize, Fault> {
        let batch = engine.journal.read(self.sequence, limit).await?;
        let Some(last) = batch.last().map(|committed| committed.sequence) else { return Ok(0) };
        let mut commit = Commit::default();
        let mut intents = Intents::default();
        for committed in &batch {
            let (actor, version) = (committed.turn.actor, committed.turn.version);
            let messages = intents.take(engine, &committed.turn);
            if !messages.is_empty() {
                commit.index.push(TurnIndex { actor, version, messages });
            }
        }
        commit.adds.extend(std::mem::take(&mut intents.adds));
        for Handover { decisive, puts, dues } in intents.handovers(engine).await? {
            // A send that is there already, whatever became of it, is not asked for again.
            if mutant!(RelayOverwrites) || engine.store.load(&decisive).await?.is_none() {
                commit.puts.extend(puts);
                commit.dues.extend(dues);
            }
        }
        commit.puts.push(self.cursor(last));
        if mutant!(OutboxDropped) {
            engine.journal.truncate(last).await?;
        }
        match engine.store.commit(commit).await {
            Ok(()) => {
                (self.sequence, self.version) = (last, self.version + 1);
                engine.journal.truncate(last).await?;
                Ok(batch.len())
            }
            Err(CommitError::Fault(fault)) => Err(fault),
            Err(CommitError::Conflict { .. }) => {
                *self = Self::open(engine).await?;
                Ok(0)
            }
        }
    }

    fn cursor(&self, sequence: u64) -> Put {
        let expect = if self.version == 0 { Expect::Absent } else { Expect::Version(self.version) };
        let body = bytes::Bytes::copy_from_slice(&sequence.to_be_bytes());
        let item = Some(Item { version: self.version + 1, body });
        Put { key: ItemKey::document(SYSTEM, CURSOR), expect, item }
    }
}

/// Carries turns that a stream brings, at least once each and in any batches. Everything a turn hands over is written
/// before its row in the ledger, each thing once under its own key: a batch that is brought again after a fault in the
/// middle repeats what is there already, and counts nothing twice.
///
/// Returns the sends and deliveries that this call handed over, for whoever tells their workers: what is lost of it costs
/// time only, for all of it stands in the due index.
///
/// # Errors
/// A fault; some of it may have been carried. Bring the batch again.
pub async fn carry(engine: &Engine, ledger: &dyn Ledger, turns: Vec<Turn>) -> Result<Vec<DueEntry>, Fault> {
    let mut intents = Intents::default();
    let mut carried = Vec::with_capacity(turns.len());
    for turn in turns {
        let messages = intents.take(engine, &turn);
        let adds = std::mem::take(&mut intents.adds).into_iter().collect();
        carried.push(Carried { turn, messages, adds });
    }
    let mut handed = Vec::new();
    for Handover { puts, dues, .. } in intents.handovers(engine).await? {
        let entry = |due: &Due| due.now.map(|now| DueEntry { due: now, key: due.key.clone() });
        let entries: Vec<DueEntry> = dues.iter().filter_map(entry).collect();
        match engine.store.commit(Commit { puts, dues, ..Commit::default() }).await {
            Ok(()) => handed.extend(entries),
            Err(CommitError::Conflict { .. }) => {}
            Err(CommitError::Fault(fault)) => return Err(fault),
        }
    }
    ledger.note(carried).await?;
    Ok(handed)
}

/// What [`crate::mutants::Mutant::SendBeforeCommit`] does; nothing otherwise.
#[cfg(feature = "mutants")]
pub(crate) async fn hand_over_early(engine: &Engine, commit: &Commit) {
    if !mutant!(SendBeforeCommit) {
        return;
    }
    let mut intents = Intents::default();
    for turn in &commit.turns {
        intents.take(engine, turn);
    }
    for Handover { puts, dues, .. } in intents.handovers(engine).await.unwrap_or_default() {
        let _ = engine.store.commit(Commit { puts, dues, ..Commit::default() }).await;
    }
}

/// What turns intend, gathered turn by turn.
#[derive(Default)]
struct Intents {
    adds: BTreeMap<ItemKey, i64>,
    sends: BTreeMap<ItemKey, SendJob>,
    announced: Vec<((ActorKey, u64, usize), Announcement)>,
    letters: Vec<Letter>,
}

/// Something handed over: written whole, once under its key, whoever carries it again.
struct Handover {
    /// Where this is there, all of it is.
    decisive: ItemKey,
    puts: Vec<Put>,
    dues: Vec<Due>,
}

impl Intents {
    /// Takes in what a turn intends, and returns the messages it decided. A record that cannot be read becomes a dead
    /// letter, so that it blocks nobody.
    fn take(&mut self, engine: &Engine, turn: &Turn) -> Vec<MessageId> {
        self.read(engine, turn).unwrap_or_else(|fault| {
            self.letters.push(whole_letter(engine, turn, &fault));
            Vec::new()
        })
    }

    fn read(&mut self, engine: &Engine, turn: &Turn) -> Result<Vec<MessageId>, Fault> {
        let record = Record::new(&turn.record)?;
        let front = match turn.actor.kind {
            ActorKind::Customer => record.front::<<Customer as Durable>::Effect>()?,
            ActorKind::Catalog => None,
        };
        let Front { effects, adds } = front.unwrap_or(Front { effects: Vec::new(), adds: Vec::new() });
        let tenant = turn.actor.tenant;
        let now = engine.clock.now();
        for (place, effect) in effects.into_iter().enumerate() {
            match effect {
                Effect::Send(outbound) => {
                    // The business key decides: the first to ask for a send is the one that asked.
                    let key = ItemKey::send(tenant, outbound.key);
                    self.sends.entry(key).or_insert_with(|| SendJob::new(outbound, turn.actor, turn.version, now));
                }
                Effect::Announce(said) => self.announced.push(((turn.actor, turn.version, place), said)),
            }
        }
        for (name, amount) in adds {
            *self.adds.entry(ItemKey::counter(tenant, &name)).or_default() += amount;
        }
        Ok(record.messages().collect())
    }

    /// What is to be written for it, each thing apart.
    async fn handovers(self, engine: &Engine) -> Result<Vec<Handover>, Fault> {
        let mut handovers = Vec::new();
        for letter in self.letters {
            let [letter, mark] = letter.puts()?;
            let mark = Put { expect: Expect::Absent, ..mark };
            handovers.push(Handover { decisive: mark.key.clone(), puts: vec![mark, letter], dues: Vec::new() });
        }
        let mut deliveries = BTreeMap::new();
        for (place, said) in &self.announced {
            let subscribed = engine.subscriptions.of(engine, place.0.tenant).await?;
            deliveries.extend(webhooks::deliveries_of(engine, &subscribed, *place, said));
        }
        for (key, delivery) in deliveries {
            let now = Some(delivery.due());
            handovers.push(Handover::queued(DueKind::Delivery, key, now, delivery.item(1)?));
        }
        for (key, job) in self.sends {
            handovers.push(Handover::queued(DueKind::Send, key, Some(job.due()), job.item(1)?));
        }
        Ok(handovers)
    }
}

impl Handover {
    fn queued(kind: DueKind, key: ItemKey, now: Option<Moment>, item: Item) -> Self {
        let dues = vec![Due { kind, key: key.clone(), was: None, now }];
        let expect = if mutant!(RelayOverwrites) { Expect::Anything } else { Expect::Absent };
        let puts = vec![Put { key: key.clone(), expect, item: Some(item) }];
        Self { decisive: key, puts, dues }
    }
}

/// A record that cannot be carried is kept whole and passed, so that it blocks nobody.
fn whole_letter(engine: &Engine, turn: &Turn, fault: &Fault) -> Letter {
    let id = engine.keys.of(turn.actor.tenant).derived(&[
        b"unreadable turn",
        &turn.actor.to_bytes(),
        &turn.version.to_be_bytes(),
    ]);
    tracing::error!(actor = ?turn.actor, version = turn.version, %fault, "a turn cannot be relayed; it is in the dead letters");
    let now = engine.clock.now();
    Letter::new(Undelivered {
        tenant: turn.actor.tenant,
        message: MessageId::from_u128(id.0),
        kind: LetterKind::Command,
        source: "relay".into(),
        accepted: now,
        occurred: now,
        reason: Refusal::new("unreadable_turn", fault.to_string()),
        body: json!({ "actor": format!("{:?}", turn.actor), "version": turn.version }),
    })
}
