//! The form in which two runs are compared: customers by what they are called outside, never by derived ids, because
//! which message of a differently cut batch founds a customer may differ.

use crate::Keeper;
use crate::rig::Rig;
use roadbook_customer::{Customer, SendOutcome, SendStatus};
use roadbook_kernel::{ActorKey, MessageId};
use roadbook_runtime::Letter;
use roadbook_runtime::ports::{DueKind, History, Space};
use roadbook_runtime::record::Record;
use roadbook_runtime::relay::Relay;
use roadbook_runtime::sends::{JobState, read as read_job};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The names a customer has outside, strongest first: what stands for them in comparisons.
pub fn names(customer: &Customer) -> Vec<String> {
    let mut names: Vec<String> = customer
        .links
        .iter()
        .map(|link| format!("{}:{}", link.identifier.kind, link.identifier.value.reveal()))
        .collect();
    names.sort();
    names
}

/// Everything about one customer that may not differ between two runs.
pub fn customer(customer: &Customer) -> Value {
    let traits: BTreeMap<_, _> =
        customer.traits.iter().filter_map(|(key, held)| Some((key, held.value()?.into_owned()))).collect();
    let tags: BTreeMap<_, _> = customer
        .tags
        .iter()
        .filter_map(|(key, tag)| Some((key, json!([tag.value.as_ref()?, tag.expires_at]))))
        .collect();
    let segments: BTreeMap<_, _> = customer
        .memberships
        .iter()
        .map(|(id, one)| (id.to_string(), json!([one.inside, one.since, one.recheck_at])))
        .collect();
    let mut runs: Vec<Value> = customer
        .runs
        .values()
        .map(|run| {
            let held = run.held.map(|held| held.since);
            json!([run.journey, run.revision, run.node, run.entered_at, run.state, held, run.entry.reveal()])
        })
        .collect();
    runs.sort_by_key(Value::to_string);
    let visits: BTreeMap<_, _> = customer.visits.iter().map(|(id, visits)| (id.to_string(), json!(visits))).collect();
    let mut sends: Vec<String> = customer
        .sends
        .iter()
        .map(|send| {
            format!("{}/{} {:?} {:?} {}", send.journey, send.node, send.asked_at, send.channel, word(&send.status))
        })
        .collect();
    sends.sort();
    let activity = &customer.activity;
    let trackers: BTreeMap<_, _> =
        customer.trackers.iter().map(|(id, tracker)| (format!("{id:?}"), json!(tracker))).collect();
    let grants: BTreeMap<_, _> = customer.grants.iter().map(|(key, grants)| (key, grants.left())).collect();
    let bound: BTreeMap<_, _> = customer
        .links
        .iter()
        .map(|link| (format!("{:?}", link.identifier.key()), json!([link.bound_at, link.moved])))
        .collect();
    json!({
        "traits": traits,
        "tags": tags,
        "consents": customer.consents,
        "segments": segments,
        "runs": runs,
        "visits": visits,
        "sends": sends,
        "events": customer.events(),
        "first": activity.values().map(|one| one.first).min(),
        "last": activity.values().map(|one| one.last).max(),
        "trackers": trackers,
        "grants": grants,
        "stage": customer.stage,
        "cars": customer.cars,
        "stores": customer.stores,
        "bound": bound,
    })
}

/// The word about a send without the time at which it was learned: that depends on who asked when.
fn word(status: &SendStatus) -> String {
    match status {
        SendStatus::Intended => "intended".into(),
        SendStatus::Suppressed { reason } => format!("suppressed {reason:?}"),
        SendStatus::Reported { outcome, .. } => match outcome {
            SendOutcome::Sent => "sent".into(),
            SendOutcome::HandedOver => "handed over".into(),
            SendOutcome::Refused { reason } => format!("refused {reason}"),
            SendOutcome::Expired => "expired".into(),
            SendOutcome::Failed { reason } => format!("failed {reason}"),
            SendOutcome::Unknown { reason } => format!("unknown {reason}"),
            SendOutcome::Withheld { reason } => format!("withheld {reason:?}"),
        },
    }
}

/// Everything about a tenant that may not differ between two runs.
pub async fn tenant<S: Keeper>(rig: &Rig<S>) -> Value {
    let mut customers = Map::new();
    for one in rig.live().await {
        let name = names(&one).join(" ");
        assert!(customers.insert(name.clone(), customer(&one)).is_none(), "two customers are called {name}");
    }
    let counters = rig.engine.store.scan(Space::Counter, rig.tenant, b"", None, 100_000).await.expect("no fault");
    let counters: BTreeMap<_, _> =
        counters.iter().map(|(key, item)| (String::from_utf8_lossy(key.local()).into_owned(), item.amount())).collect();
    let letters: Vec<String> = letters(rig).await.iter().map(|letter| format!("{:?}", letter.message)).collect();
    json!({ "customers": customers, "counters": counters, "letters": letters })
}

/// The dead letters of the tenant.
pub async fn letters<S: Keeper>(rig: &Rig<S>) -> Vec<Letter> {
    let items = rig.engine.store.scan(Space::Letter, rig.tenant, b"l", None, 100_000).await.expect("no fault");
    items.iter().map(|(_, item)| Letter::read(item).expect("a letter")).collect()
}

/// How often each message was decided, over every row the tenant has.
pub async fn decided<S: Keeper>(rig: &Rig<S>) -> BTreeMap<MessageId, u32> {
    let mut counts = BTreeMap::new();
    for row in rig.rows().await {
        let actor = ActorKey::customer(rig.tenant, row.state.id);
        let turns = History::turns(rig.store.as_ref(), &actor, 0, 100_000).await.expect("no fault");
        for turn in turns {
            let record = Record::new(&turn.record).expect("a record");
            record.messages().for_each(|id| *counts.entry(id).or_default() += 1);
        }
    }
    counts
}

/// What must hold of every store once nothing is under way.
///
/// # Errors
/// A sentence about what is lost, twice or stuck.
pub async fn at_rest<S: Keeper>(rig: &Rig<S>) -> Result<(), String> {
    let now = rig.engine.clock.now();
    for (id, times) in decided(rig).await {
        if times != 1 {
            return Err(format!("message {id} was decided {times} times"));
        }
    }
    for row in rig.rows().await {
        let due = row.state.next_due();
        if row.parked {
            return Err(format!("{} is parked", row.state.id));
        }
        if row.due != due {
            return Err(format!("{}: the index says {:?}, the state {due:?}", row.state.id, row.due));
        }
        if due.is_some_and(|due| due <= now) {
            return Err(format!("{} is due in the past: {due:?}", row.state.id));
        }
        if !row.state.is_live() && row.due.is_some() {
            return Err(format!("the tombstone {} has a timer", row.state.id));
        }
    }
    let store = &rig.engine.store;
    let due = store.due(DueKind::Actor, now, 100).await.map_err(|fault| fault.to_string())?;
    if !due.is_empty() {
        return Err(format!("the index still names {} actors as due", due.len()));
    }
    let next = store.next_due(DueKind::Send).await.map_err(|fault| fault.to_string())?;
    if next.is_some() {
        return Err(format!("a send is due at {next:?}"));
    }
    for (_, item) in store.scan(Space::Send, rig.tenant, b"", None, 100_000).await.map_err(|fault| fault.to_string())? {
        let job = read_job(&item).map_err(|fault| fault.to_string())?;
        if !matches!(job.state, JobState::Done { .. }) {
            return Err(format!("send {} is not done: {:?}", job.outbound.key, job.state));
        }
    }
    let carried = Relay::open(&rig.engine).await.map_err(|fault| fault.to_string())?.sequence();
    if carried != rig.engine.journal.last() {
        return Err("the commit log was not carried".into());
    }
    if !rig.engine.journal.read(0, 10).await.map_err(|fault| fault.to_string())?.is_empty() {
        return Err("the commit log was carried and not truncated".into());
    }
    Ok(())
}

/// The lines in which two canonical forms differ, the expected one first.
pub fn difference(expected: &Value, found: &Value) -> String {
    let lines = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let (expected, found) = (lines(expected), lines(found));
    let (expected, found): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    let missing = expected.iter().filter(|line| !found.contains(line)).map(|line| format!("- {line}"));
    let new = found.iter().filter(|line| !expected.contains(line)).map(|line| format!("+ {line}"));
    let short = |line: String| line.chars().take(200).collect::<String>();
    missing.chain(new).take(60).map(short).collect::<Vec<_>>().join("\n")
}
