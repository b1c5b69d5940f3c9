//! What a merge would do, before anybody does it.

use super::pair;
use crate::api::Api;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::mask;
use crate::profiles::{consents, live};
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_customer::{Customer, merged};
use roadbook_identity::{IDENTIFIERS_MAX, survivor};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// `POST /v1/identity/merge/preview {customers: [a, b]}`: who would stay, what the two would be together, where they
/// differ and which value would count, and what speaks against it. Changes nothing.
pub(crate) async fn preview(
    State(api): State<Arc<Api>>,
    secret: Secret,
    mut fields: Fields,
) -> Result<Json<Value>, Failure> {
    let pair = pair(&mut fields);
    fields.close()?;
    let Some([a, b]) = pair else { return Err(Failure::defect()) };
    let tenant = secret.tenant();
    let (one, other) = (live(&api, &secret, a).await?.state, live(&api, &secret, b).await?.state);
    if one.id == other.id {
        return Ok(Json(json!({ "stays": one.id, "already_one": true })));
    }
    let (stays, goes) = if survivor(one.id, other.id) == one.id { (one, other) } else { (other, one) };
    let together = merged(&stays, &goes);
    let now = api.engine().clock.now();
    let policy = api.engine().catalogs.at_least(api.engine(), tenant, 0).await?.identity.clone();
    let over = policy.over_together(now, &stays.holdings(), &goes.holdings());
    Ok(Json(json!({
        "stays": stays.id,
        "goes": goes.id,
        "already_one": false,
        "identifiers": together.links.iter().map(|link| json!({
            "kind": link.identifier.kind,
            "value": link.identifier.value.masked(),
            "from": if stays.owns(&link.identifier.key()) { stays.id } else { goes.id },
        })).collect::<Vec<_>>(),
        "events": together.events(),
        "traits_that_differ": differing(&stays, &goes, &together),
        "consents_after": consents(&together.consents),
        "segments_of_both": shared(&stays, &goes),
        "journeys_of_both": journeys(&stays, &goes),
        "against": {
            "too_many_identifiers": together.links.len() > IDENTIFIERS_MAX,
            "over_limit": over,
        },
    })))
}

fn differing(stays: &Customer, goes: &Customer, together: &Customer) -> Vec<Value> {
    let shown = |customer: &Customer, key: &str| {
        customer.traits.get(key).and_then(|known| known.value().map(|value| mask::value(key, &value)))
    };
    let both = stays.traits.keys().filter(|key| goes.traits.contains_key(*key));
    both.filter_map(|key| {
        let (mine, theirs) = (stays.traits.get(key)?.value(), goes.traits.get(key)?.value());
        let differ = mine != theirs;
        differ.then(|| {
            json!({
                "trait": key, "stays": shown(stays, key), "goes": shown(goes, key), "after": shown(together, key),
            })
        })
    })
    .collect()
}

fn shared(stays: &Customer, goes: &Customer) -> Vec<Value> {
    let inside = |customer: &Customer| -> BTreeSet<_> {
        customer.memberships.iter().filter(|(_, one)| one.inside).map(|(id, _)| *id).collect()
    };
    inside(stays).intersection(&inside(goes)).map(|id| json!(id)).collect()
}

/// Journeys in which both are under way: each run goes on.
fn journeys(stays: &Customer, goes: &Customer) -> Vec<Value> {
    let under_way = |customer: &Customer| -> BTreeSet<_> { customer.runs.values().map(|run| run.journey).collect() };
    under_way(stays).intersection(&under_way(goes)).map(|id| json!(id)).collect()
}
