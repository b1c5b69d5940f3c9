//! The message relay of the outbox: reads commits in order and carries what they intend: sends to the send queue,
//! amounts to the counters, message ids to History's index.
//!
//! One pass is one commit together with the cursor, so in a store that holds both, a pass that is interrupted is as if
//! it had never begun, and counters are exact.

use crate::engine::Engine;
use crate::letters::{Letter, LetterKind, Undelivered};
use crate::ports::{Commit, CommitError, Committed, Due, DueKind, Expect, Fault, Item, ItemKey, Put, TurnIndex};
use crate::record::{Front, Record};
use crate::sends::SendJob;
use crate::webhooks;
use roadbook_customer::{Announcement, Customer, Effect};
use roadbook_kernel::{ActorKey, ActorKind, Durable, MessageId, Refusal, TenantId};
use serde_json::json;
use std::collections::BTreeMap;

/// The tenant under which the store's own bookkeeping lies.
pub const SYSTEM: TenantId = TenantId::from_u128(0);
/// The name of the document that keeps the relay's place.
pub(crate) const CURSOR: &str = "relay/cursor";

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
        let item = engine.store.load(&ItemKey::document(SYSTEM, CURSOR)).await?;
        let Some(item) = item else { return Ok(Self { sequence: 0, version: 0 }) };
        let bytes = item.body.as_ref().try_into().map_err(|_| Fault::Corrupt("the relay's cursor".into()))?;
        let sequence = u64::from_be_bytes(bytes);
        // A relay that died between its commit and this left what it had carried in the log.
        engine.journal.truncate(sequence).await?;
        Ok(Self { sequence, version: item.version })
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
        let mut adds = BTreeMap::<ItemKey, i64>::new();
        let mut sends = BTreeMap::<ItemKey, SendJob>::new();
        let mut announced = Vec::new();
        for committed in &batch {
            if let Err(fault) = carry(engine, committed, &mut commit, &mut adds, &mut sends, &mut announced) {
                commit.puts.extend(whole_letter(engine, committed, &fault)?.puts()?);
            }
        }
        let mut deliveries = BTreeMap::new();
        for (place, said) in &announced {
            let subscribed = engine.subscriptions.of(engine.store.as_ref(), place.0.tenant).await?;
            deliveries.extend(webhooks::deliveries_of(engine, &subscribed, *place, said));
        }
        for (key, delivery) in deliveries {
            // The same after a relay that died: what was handed over, and perhaps delivered, is not begun again.
            if engine.store.load(&key).await?.is_none() {
                let (kind, now) = (DueKind::Delivery, Some(delivery.due()));
                commit.dues.push(Due { kind, key: key.clone(), was: None, now });
                commit.puts.push(Put { key, expect: Expect::Absent, item: Some(delivery.item(1)?) });
            }
        }
        for (key, job) in sends {
            // The business key decides: a send that is there already, whatever became of it, is not asked for again.
            if engine.store.load(&key).await?.is_none() {
                commit.dues.push(Due { kind: DueKind::Send, key: key.clone(), was: None, now: Some(job.due()) });
                commit.puts.push(Put { key, expect: Expect::Absent, item: Some(job.item(1)?) });
            }
        }
        commit.adds.extend(adds);
        commit.puts.push(self.cursor(last));
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

fn carry(
    engine: &Engine,
    committed: &Committed,
    commit: &mut Commit,
    adds: &mut BTreeMap<ItemKey, i64>,
    sends: &mut BTreeMap<ItemKey, SendJob>,
    announced: &mut Vec<((ActorKey, u64, usize), Announcement)>,
) -> Result<(), Fault> {
    let turn = &committed.turn;
    let record = Record::new(&turn.record)?;
    let front = match turn.actor.kind {
        ActorKind::Customer => record.front::<<Customer as Durable>::Effect>()?,
        ActorKind::Catalog => None,
    };
    let Front { effects, adds: amounts } = front.unwrap_or(Front { effects: Vec::new(), adds: Vec::new() });
    let tenant = turn.actor.tenant;
    let now = engine.clock.now();
    for (place, effect) in effects.into_iter().enumerate() {
        match effect {
            Effect::Send(outbound) => {
                let key = ItemKey::send(tenant, outbound.key);
                sends.entry(key).or_insert_with(|| SendJob::new(outbound, turn.actor, turn.version, now));
            }
            Effect::Announce(said) => announced.push(((turn.actor, turn.version, place), said)),
        }
    }
    for (name, amount) in amounts {
        *adds.entry(ItemKey::counter(tenant, &name)).or_default() += amount;
    }
    let (actor, version) = (turn.actor, turn.version);
    let messages: Vec<MessageId> = record.messages().collect();
    if !messages.is_empty() {
        commit.index.push(TurnIndex { actor, version, messages });
    }
    Ok(())
}

/// A record that cannot be carried is kept whole and passed, so that it blocks nobody.
fn whole_letter(engine: &Engine, committed: &Committed, fault: &Fault) -> Result<Letter, Fault> {
    let turn = &committed.turn;
    let id = engine.keys.of(turn.actor.tenant).derived(&[
        b"unreadable turn",
        &turn.actor.to_bytes(),
        &turn.version.to_be_bytes(),
    ]);
    tracing::error!(actor = ?turn.actor, version = turn.version, %fault, "a turn cannot be relayed; it is in the dead letters");
    let now = engine.clock.now();
    Ok(Letter::new(Undelivered {
        tenant: turn.actor.tenant,
        message: MessageId::from_u128(id.0),
        kind: LetterKind::Command,
        source: "relay".into(),
        accepted: now,
        occurred: now,
        reason: Refusal::new("unreadable_turn", fault.to_string()),
        body: json!({ "actor": format!("{:?}", turn.actor), "version": turn.version }),
    }))
}
