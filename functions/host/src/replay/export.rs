//! What became of every customer of a tenant, one JSON object per line, in the order of their user ids.

use anyhow::{Context, Result};
use roadbook_app::App;
use roadbook_customer::{Customer, Event};
use roadbook_identity::Kind;
use roadbook_journey::{Ending, RunEvent};
use roadbook_kernel::{ActorKey, ActorKind, Moment, TenantId};
use roadbook_runtime::Row;
use roadbook_runtime::ports::Space;
use roadbook_runtime::record::Record;
use roadbook_wire::time;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Customers read at once.
const PAGE: usize = 1_000;

/// Writes the file.
///
/// # Errors
/// A fault of the store, or a file that cannot be written.
pub async fn write(app: &App, tenant: TenantId, path: &Path) -> Result<()> {
    let mut lines = BTreeMap::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let prefix = [ActorKind::Customer.byte()];
        let rows = app.engine.store.scan(Space::Actor, tenant, &prefix, after.as_deref(), PAGE).await?;
        let Some((last, _)) = rows.last() else { break };
        after = Some(last.local().to_vec());
        for (key, item) in &rows {
            let Some(actor) = ActorKey::from_bytes(key.bytes()) else { continue };
            let row = Row::<Customer>::read(&actor, item)?;
            if row.state.is_live() {
                lines.insert(user_id(&row.state), line(app, &actor, &row.state).await?);
            }
        }
    }
    let file = std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut file = BufWriter::new(file);
    for line in lines.values() {
        writeln!(file, "{line}")?;
    }
    file.flush()?;
    Ok(())
}

/// The user id an export is asked for by name: the one place where an identifier leaves unmasked, on the operator's
/// own machine and order.
fn user_id(customer: &Customer) -> String {
    let link = customer.links.iter().find(|link| link.identifier.kind == Kind::UserId);
    link.map_or_else(|| customer.id.to_string(), |link| link.identifier.value.reveal().clone())
}

async fn line(app: &App, actor: &ActorKey, customer: &Customer) -> Result<Value> {
    let (mut messages, mut goals) = (Vec::new(), Vec::new());
    let mut after = 0;
    loop {
        let turns = app.engine.history.turns(actor, after, 1_000).await?;
        let Some(last) = turns.last() else { break };
        after = last.version;
        for turn in &turns {
            for entry in Record::new(&turn.record)?.body::<Event>()?.entries {
                for fact in entry.facts {
                    if let Event::Journey { step: RunEvent::Ended { how: Ending::Goal, at, .. }, .. } = fact {
                        goals.push(at);
                    } else if let Event::Messaged { record } = fact {
                        messages.push(record.asked_at);
                    }
                }
            }
        }
    }
    let traits: Map<String, Value> = customer
        .traits
        .iter()
        .filter_map(|(key, known)| known.value().map(|value| (key.clone(), value.into_owned())))
        .collect();
    let whole = |at: Moment| time::write(at).replace(".000Z", "Z");
    let texts = |times: Vec<Moment>| times.into_iter().map(whole).collect::<Vec<_>>();
    Ok(json!({
        "user_id": user_id(customer),
        "messages": texts(messages),
        "goals": texts(goals),
        "traits": traits,
    }))
}
