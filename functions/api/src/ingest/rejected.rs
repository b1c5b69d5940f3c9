//! Events that cannot be read: kept whole, with the reason and the place, before the request is answered.

use super::Door;
use crate::api::{Api, random};
use crate::debugger::Refused;
use crate::failure::Failure;
use crate::metrics::add;
use roadbook_access::Authority;
use roadbook_customer::Call;
use roadbook_identity::TenantKeys;
use roadbook_kernel::{DeadLetterId, MessageId, Moment, Place, Refusal};
use roadbook_runtime::ports::{Commit, CommitError, ItemKey};
use roadbook_runtime::{Letter, LetterKind, Undelivered};
use roadbook_wire::{Rejected, keyless};
use serde_json::Value;
use std::collections::BTreeMap;

/// Letters of one commit: a body holds at most 4 MB, so this bounds a commit to about as much.
const COMMIT_LETTERS_MAX: usize = 256;

/// Writes a dead letter for each of these events, unless its message has one: a request that is repeated because its
/// answer was lost leaves one letter per event. Says where each waits, in their order.
pub(super) async fn keep(
    api: &Api,
    door: Door,
    authority: &Authority,
    received: Moment,
    bad: Vec<(Rejected, Value)>,
) -> Result<Vec<Refused>, Failure> {
    let (tenant, engine) = (authority.tenant(), api.engine());
    let keys = engine.keys.of(tenant);
    let mut known: BTreeMap<MessageId, Option<DeadLetterId>> = BTreeMap::new();
    let (mut letters, mut kept) = (Vec::new(), Vec::new());
    for (rejected, event) in bad {
        let message = message_id(&keys, authority.source(), &event)?;
        let before = match known.get(&message) {
            Some(id) => Some(*id),
            None => engine.store.load(&ItemKey::letter_of(tenant, message)).await?.map(|mark| Letter::marked(&mark)),
        };
        let reason = reason(rejected);
        let id = match before {
            Some(id) => id,
            None => {
                letters.push(letter(door, authority, received, message, reason.clone(), event));
                letters.last().map(|letter| letter.id)
            }
        };
        known.insert(message, id);
        kept.push(Refused { reason, letter: id });
    }
    for chunk in letters.chunks(COMMIT_LETTERS_MAX) {
        let mut commit = Commit::default();
        for letter in chunk {
            commit.puts.extend(letter.puts()?);
        }
        match engine.store.commit(commit).await {
            Ok(()) => {}
            Err(CommitError::Conflict { .. }) => unreachable_conflict(),
            Err(CommitError::Fault(fault)) => return Err(fault.into()),
        }
        add(&engine.tally.letters, chunk.len() as u64);
        add(&api.metrics.rejected, chunk.len() as u64);
    }
    Ok(kept)
}

/// A pointer to an event. `list` is what stands before its index; there is none for a single call.
pub(super) fn at(list: Option<&str>, position: u32) -> String {
    list.map_or_else(String::new, |list| format!("{list}/{position}"))
}

/// What everybody is told of it.
pub(super) fn reason(rejected: Rejected) -> Refusal {
    let Rejected { code, pointer, detail, .. } = rejected;
    Refusal { code: code.clone(), detail: detail.clone(), places: vec![Place { pointer, code, detail }] }
}

/// Letters are written without a condition; a store that reports one anyway is broken, and says so in the log.
fn unreachable_conflict() {
    tracing::error!("the store reported a conflict for a write without a condition");
}

/// The id an event would have had. One without a name of its own is a new one each time it is sent.
fn message_id(keys: &TenantKeys, source: &str, event: &Value) -> Result<MessageId, Failure> {
    if let Some(id) = crate::letters::producer_id(event) {
        return Ok(keys.message(source, &id));
    }
    Ok(MessageId::from_u128(keys.derived(&[b"nameless rejected event", &random::<16>()?]).0))
}

fn letter(
    door: Door,
    authority: &Authority,
    received: Moment,
    message: MessageId,
    reason: Refusal,
    event: Value,
) -> Letter {
    Letter::new(Undelivered {
        tenant: authority.tenant(),
        message,
        kind: LetterKind::Wire,
        source: authority.source().to_owned(),
        accepted: received,
        occurred: received,
        reason,
        body: with_call(door, event),
    })
}

/// The path of a single call says what it is; a letter has no path, so its event must say it.
fn with_call(door: Door, mut event: Value) -> Value {
    if let (Door::Single(call), Value::Object(fields)) = (door, &mut event) {
        fields.insert("type".to_owned(), Value::from(call_name(call)));
    }
    keyless(event)
}

const fn call_name(call: Call) -> &'static str {
    match call {
        Call::Identify => "identify",
        Call::Track => "track",
        Call::Page => "page",
        Call::Screen => "screen",
        Call::Group => "group",
        Call::Alias => "alias",
    }
}
