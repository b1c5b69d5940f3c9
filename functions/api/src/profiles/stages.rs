//! Where a customer stands in the life with cars: the headline, and every car.

use super::live;
use crate::api::Api;
use crate::failure::Failure;
use crate::params::PathId;
use crate::past;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_customer::{Car, Customer, Event};
use roadbook_kernel::{CustomerId, MessageId, Moment, VehicleId};
use roadbook_lifecycle::{Position, RIPENINGS, Signal, THRESHOLDS};
use roadbook_wire::time::write;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// When somebody came to where they stand, and the message that moved them.
type Moved = BTreeMap<Option<VehicleId>, (Moment, Option<MessageId>)>;

/// `GET /v1/profiles/{id}/stages`.
pub(crate) async fn stages(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<CustomerId>,
) -> Result<Json<Value>, Failure> {
    let customer = live(&api, &secret, id).await?.state;
    let mut open: BTreeMap<Option<VehicleId>, Position> =
        customer.position().map(|at| (None, at)).into_iter().collect();
    open.extend(customer.cars.iter().filter_map(|(id, car)| Some((Some(*id), car.position()?))));
    let mut moved = Moved::new();
    // The newest word about each that says where it stands now; after a merge there may be none.
    past::back(&api, secret.tenant(), &customer, None, |entry| {
        for fact in entry.facts.iter().rev() {
            if let Event::StageMoved { car, to: Some(to), at, .. } = fact
                && open.get(car).is_some_and(|position| position.says_the_same(to))
            {
                moved.entry(*car).or_insert((*at, past::message(&entry.cause)));
                open.remove(car);
            }
        }
        if open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await?;
    let cars: Vec<Value> = customer
        .cars
        .iter()
        .map(|(id, car)| {
            let mut shown = self::car(id, car);
            shown["position"] = car.position().map_or(Value::Null, |at| position(&at, moved.get(&Some(*id))));
            shown
        })
        .collect();
    let person = customer.position().map_or(Value::Null, |at| position(&at, moved.get(&None)));
    Ok(Json(json!({ "id": customer.id, "person": person, "cars": cars })))
}

/// A position in every vocabulary, each word with what desks call it.
fn position(at: &Position, moved: Option<&(Moment, Option<MessageId>)>) -> Value {
    macro_rules! word {
        ($word:expr) => {{
            let word = $word;
            json!({ "code": word.word(), "zh": word.zh(), "en": word.en() })
        }};
    }
    let (since, message) = moved.map_or((at.since, None), |(since, message)| (*since, *message));
    json!({
        "stage": word!(at.stage),
        "aipl": word!(at.aipl),
        "purchase": at.purchase.map(|state| word!(state)),
        "phase": word!(at.phase),
        "step": word!(at.step),
        "since": write(since),
        "confirmed_at": write(at.since),
        "because": {
            "signal": at.because.word(), "zh": at.because.zh(), "en": at.because.en(),
            "event": message, "by_itself": by_itself(at.because),
        },
    })
}

/// Whether no event is this signal.
fn by_itself(signal: Signal) -> bool {
    RIPENINGS.iter().any(|one| one.gives == signal) || THRESHOLDS.iter().any(|one| one.gives == signal)
}

/// A car as every answer shows it.
fn car(id: &VehicleId, car: &Car) -> Value {
    json!({
        "id": id,
        "vin": car.vin.masked(),
        "role": car.tie.role,
        "since": write(car.since),
        "until": car.until().map(write),
    })
}

/// The cars of a profile, those given away included.
pub(super) fn cars(customer: &Customer) -> Vec<Value> {
    let shown = |(id, known): (&VehicleId, &Car)| {
        let mut shown = car(id, known);
        shown["stage"] = json!(known.position().map(|at| at.stage));
        shown
    };
    customer.cars.iter().map(shown).collect()
}

/// The stores of a profile, the last seen first.
pub(super) fn stores(customer: &Customer) -> Vec<Value> {
    let mut stores: Vec<_> = customer.stores.iter().collect();
    stores.sort_by_key(|(code, _, last)| (std::cmp::Reverse(*last), *code));
    let shown = |(code, first, last)| json!({ "id": code, "first_seen_at": write(first), "last_seen_at": write(last) });
    stores.into_iter().map(shown).collect()
}

/// A move as the timeline tells it.
pub(super) fn moved(car: Option<VehicleId>, from: Option<&Position>, to: Option<&Position>) -> Value {
    let words = |at: Option<&Position>| {
        at.map(|at| json!({ "stage": at.stage, "aipl": at.aipl, "purchase": at.purchase, "phase": at.phase, "step": at.step }))
    };
    json!({ "car": car, "from": words(from), "to": words(to), "because": to.map(|at| at.because) })
}
