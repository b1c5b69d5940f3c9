//! Letters of one event: the original, and those that its refused replays have left.

use roadbook_kernel::{DeadLetterId, MessageId, TenantId};
use roadbook_runtime::ports::{Commit, CommitError, Expect, Fault, Item, ItemKey, Put};
use roadbook_runtime::{Engine, Letter, LetterStatus};

/// Letters of refused replays that are looked at. Older ones were set aside by a later replay.
const REPLAYS_MAX: u32 = 64;
/// Times that somebody else may change one of the letters while they are settled.
const TRIES_MAX: u32 = 8;

/// Leads from a replay to the letter that was replayed. It is written before the replay is sent: the turn that refuses
/// it writes its letter, and knows nothing of replays.
fn mark(tenant: TenantId, message: MessageId) -> ItemKey {
    ItemKey::document(tenant, &format!("replayof/{message}"))
}

/// Says of a message that it replays this letter.
pub(crate) async fn note_origin(engine: &Engine, original: &Letter, message: MessageId) -> Result<(), Fault> {
    let item = Item { version: 1, body: bytes::Bytes::copy_from_slice(&original.id.as_u128().to_be_bytes()) };
    let put = Put { key: mark(original.tenant, message), expect: Expect::Anything, item: Some(item) };
    match engine.store.commit(Commit { puts: vec![put], ..Commit::default() }).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict { .. }) => Err(Fault::Contended(1)),
        Err(CommitError::Fault(fault)) => Err(fault),
    }
}

/// Whether a message came to nothing and has a letter.
pub(crate) async fn has_letter(engine: &Engine, tenant: TenantId, message: MessageId) -> Result<bool, Fault> {
    Ok(engine.store.load(&ItemKey::letter_of(tenant, message)).await?.is_some())
}

/// The letter that counts the replays of this one: itself, unless it is what a refused replay has left.
pub(crate) async fn original(engine: &Engine, letter: &Letter) -> Result<Letter, Fault> {
    let id = match letter.origin {
        Some(id) => Some(id),
        None => {
            let item = engine.store.load(&mark(letter.tenant, letter.message)).await?;
            item.and_then(|item| Letter::marked(&item))
        }
    };
    let found = load(engine, letter.tenant, id.unwrap_or(letter.id)).await?;
    Ok(found.map_or_else(|| letter.clone(), |(letter, _)| letter))
}

/// Whether a replay of the event of this letter was applied.
///
/// # Errors
/// A fault of the store.
pub async fn settled(engine: &Engine, letter: &Letter) -> Result<bool, Fault> {
    Ok(letter.applied || original(engine, letter).await?.applied)
}

async fn load(engine: &Engine, tenant: TenantId, id: DeadLetterId) -> Result<Option<(Letter, u64)>, Fault> {
    let item = engine.store.load(&ItemKey::letter(tenant, id)).await?;
    item.map(|item| Ok((Letter::read(&item)?, item.version))).transpose()
}

/// Notes on every letter of an event what its replay of this `number` came to. `sent` is the letter that was sent; it
/// becomes what is stored.
///
/// # Errors
/// A fault; the next replay has the same number, and so is recognised as this one.
pub(crate) async fn settle(
    engine: &Engine,
    original: &Letter,
    number: u32,
    applied: bool,
    sent: &mut Letter,
) -> Result<(), Fault> {
    let message = engine.keys.of(original.tenant).replayed(original.message, number);
    let came = Came { number, message, applied };
    for _ in 0..TRIES_MAX {
        let mut commit = Commit::default();
        for (mut letter, version) in family(engine, original, number).await? {
            let before = letter.bytes()?;
            settle_one(&mut letter, original, &came, sent);
            let body = letter.bytes()?;
            if letter.id == sent.id {
                *sent = letter.clone();
            }
            if body != before {
                let item = Some(Item { version: version + 1, body });
                let key = ItemKey::letter(letter.tenant, letter.id);
                commit.puts.push(Put { key, expect: Expect::Version(version), item });
            }
        }
        if commit.puts.is_empty() {
            return Ok(());
        }
        match engine.store.commit(commit).await {
            Ok(()) => return Ok(()),
            Err(CommitError::Conflict { .. }) => {}
            Err(CommitError::Fault(fault)) => return Err(fault),
        }
    }
    Err(Fault::Contended(TRIES_MAX))
}

/// The original and what its replays have left.
async fn family(engine: &Engine, original: &Letter, number: u32) -> Result<Vec<(Letter, u64)>, Fault> {
    let tenant = original.tenant;
    let keys = engine.keys.of(tenant);
    let mut found: Vec<(Letter, u64)> = load(engine, tenant, original.id).await?.into_iter().collect();
    let last = found.first().map_or(number, |(letter, _)| letter.replays.max(number));
    for replay in last.saturating_sub(REPLAYS_MAX) + 1..=last {
        let mark = engine.store.load(&ItemKey::letter_of(tenant, keys.replayed(original.message, replay))).await?;
        if let Some(id) = mark.and_then(|mark| Letter::marked(&mark)) {
            found.extend(load(engine, tenant, id).await?);
        }
    }
    Ok(found)
}

/// What a replay came to.
struct Came {
    number: u32,
    /// Its message.
    message: MessageId,
    applied: bool,
}

fn settle_one(letter: &mut Letter, original: &Letter, came: &Came, sent: &Letter) {
    let (is_original, is_sent) = (letter.id == original.id, letter.id == sent.id);
    if is_original {
        letter.replays = letter.replays.max(came.number);
    } else {
        letter.origin = Some(original.id);
        letter.replays += u32::from(is_sent && !letter.applied);
    }
    if came.applied {
        letter.applied = true;
        letter.status = LetterStatus::Replayed;
        return;
    }
    let is_corrected_since = letter.correction.as_ref().map(|by| by.at) != sent.correction.as_ref().map(|by| by.at);
    let is_superseded = match letter.status {
        // The letter of the newest replay is what waits, and what somebody has corrected waits as well.
        LetterStatus::Open => letter.message != came.message,
        LetterStatus::Corrected => is_sent && !is_corrected_since,
        LetterStatus::Replayed => false,
    };
    if is_superseded {
        letter.status = LetterStatus::Replayed;
    }
}
