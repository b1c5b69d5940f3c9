//! Cars (车辆) and what a person is to each. A VIN is a relation, never an identifier: two people who share a car stay
//! two people, and a car that is sold does not take its owner's past along.

use crate::command::Observation;
use crate::state::Customer;
use roadbook_identity::TenantKeys;
use roadbook_kernel::{Moment, Personal, VehicleId};
use roadbook_lifecycle::{Evidence, Position};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Cars one customer may have had. One more is not taken in by an event; merges may exceed it.
pub const CARS_MAX: usize = 20;
/// Characters of a VIN (ISO 3779).
const VIN_CHARS: usize = 17;

/// What a person is to a car. At one instant the first of the list counts most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Brought it to the workshop, asked about it (联系人).
    Contact,
    /// Something else a producer calls by a word of its own.
    Other,
    /// Pays for it (付款人).
    Payer,
    /// Belongs to the household (家人).
    Family,
    /// Drives it (用车人).
    Driver,
    /// Owns it (车主).
    Owner,
}

impl Role {
    /// All, weakest first.
    pub const ALL: [Role; 6] = [Role::Contact, Role::Other, Role::Payer, Role::Family, Role::Driver, Role::Owner];

    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Role::Contact => "contact",
            Role::Other => "other",
            Role::Payer => "payer",
            Role::Family => "family",
            Role::Driver => "driver",
            Role::Owner => "owner",
        }
    }
}

/// What holds between a person and a car since a moment: the later word counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Tie {
    /// As of when.
    #[serde(rename = "a")]
    pub at: Moment,
    /// As what; `None` = not any more.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// One car of one person. Every part is a join.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Car {
    /// Its VIN.
    #[serde(rename = "v")]
    pub vin: Personal<String>,
    /// The first moment of any relation.
    #[serde(rename = "f")]
    pub since: Moment,
    /// The latest word about the relation.
    #[serde(flatten)]
    pub tie: Tie,
    /// What was seen of this car.
    #[serde(rename = "s", default, skip_serializing_if = "Evidence::is_empty")]
    pub stage: Evidence,
}

impl Car {
    /// A first relation.
    pub(crate) fn new(vin: Personal<String>, role: Role, at: Moment) -> Self {
        Self { vin, since: at, tie: Tie { at, role: Some(role) }, stage: Evidence::default() }
    }

    /// Whether the person has the car now.
    pub fn is_current(&self) -> bool {
        self.tie.role.is_some()
    }

    /// When the relation ended, if it did.
    pub fn until(&self) -> Option<Moment> {
        if self.is_current() { None } else { Some(self.tie.at) }
    }

    /// Its stage.
    pub fn position(&self) -> Option<Position> {
        roadbook_lifecycle::car(&self.stage)
    }

    pub(crate) fn tell(&mut self, role: Option<Role>, at: Moment) {
        self.since = self.since.min(at);
        self.tie = self.tie.max(Tie { at, role });
    }

    pub(crate) fn join(&mut self, other: &Car) {
        self.since = self.since.min(other.since);
        self.tie = self.tie.max(other.tie);
        self.stage.join(&other.stage);
    }
}

/// The id and the normal form of a VIN: 17 letters and digits, upper case. `None` where a text is none.
pub fn vehicle(keys: &TenantKeys, raw: &str) -> Option<(VehicleId, String)> {
    let vin: String = raw.chars().filter(|one| !matches!(one, ' ' | '-')).collect::<String>().to_uppercase();
    let plain = vin.len() == VIN_CHARS && vin.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // What is typed where a VIN is required and none is at hand.
    let filler = vin.bytes().all(|byte| vin.as_bytes().first() == Some(&byte));
    (plain && !filler).then(|| (VehicleId::from_u128(keys.derived(&[b"vehicle", vin.as_bytes()]).0), vin))
}

/// What an event says about the relation to the car it names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tells {
    /// The person has it, as this.
    Has(Role),
    /// The person has it no more.
    Gone,
    /// The person has to do with it: a contact, unless more is known.
    Mentions,
}

/// Events that relate a person and a car, where they have a property `vin`.
const CAR_EVENTS: [(&str, Tells); 29] = [
    ("accident_reported", Tells::Mentions),
    ("app_bound", Tells::Has(Role::Owner)),
    ("charging_completed", Tells::Mentions),
    ("delivery_completed", Tells::Has(Role::Owner)),
    ("feature_subscribed", Tells::Mentions),
    ("inspection_due", Tells::Mentions),
    ("insurance_expiring", Tells::Mentions),
    ("insurance_lapsed", Tells::Mentions),
    ("insurance_quoted", Tells::Mentions),
    ("insurance_renewed", Tells::Mentions),
    ("mileage_reported", Tells::Mentions),
    ("ota_updated", Tells::Mentions),
    ("ownership_transferred", Tells::Gone),
    ("parts_purchased", Tells::Mentions),
    ("recall_announced", Tells::Mentions),
    ("recall_completed", Tells::Mentions),
    ("repair_completed", Tells::Mentions),
    ("rescue_requested", Tells::Mentions),
    ("service_arrived", Tells::Mentions),
    ("service_booked", Tells::Mentions),
    ("service_completed", Tells::Mentions),
    ("service_due", Tells::Mentions),
    ("survey_submitted", Tells::Mentions),
    ("tradein_valuated", Tells::Mentions),
    ("vehicle_bound", Tells::Has(Role::Owner)),
    ("vehicle_unbound", Tells::Gone),
    ("visit_booked", Tells::Mentions),
    ("warranty_claimed", Tells::Mentions),
    ("warranty_expiring", Tells::Mentions),
];

/// The car an event names, and what it says about it.
pub(crate) fn told(observation: &Observation, keys: &TenantKeys) -> Option<(VehicleId, Personal<String>, Tells)> {
    let properties = observation.properties.reveal();
    let raw = properties.get("vin")?.as_str()?;
    let row = CAR_EVENTS.binary_search_by(|(event, _)| (*event).cmp(&observation.name)).ok()?;
    let (id, vin) = vehicle(keys, raw)?;
    Some((id, Personal::new(vin), refined(CAR_EVENTS[row].1, properties)))
}

/// A producer may name the role; of a transfer it may say that the car comes in (`direction: "in"`).
fn refined(tells: Tells, properties: &Map<String, Value>) -> Tells {
    let text = |key: &str| properties.get(key).and_then(Value::as_str);
    let role = text("role").map(|word| Role::ALL.into_iter().find(|role| role.word() == word).unwrap_or(Role::Other));
    match tells {
        Tells::Has(usual) => Tells::Has(role.unwrap_or(usual)),
        Tells::Gone if text("direction") == Some("in") => Tells::Has(role.unwrap_or(Role::Owner)),
        Tells::Gone => Tells::Gone,
        Tells::Mentions => role.map_or(Tells::Mentions, Tells::Has),
    }
}

/// What changes in the relation to a car.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    Related(Role),
    Released,
}

impl Customer {
    /// The cars the customer has now.
    pub fn current_cars(&self) -> impl Iterator<Item = (&VehicleId, &Car)> {
        self.cars.iter().filter(|(_, car)| car.is_current())
    }

    /// Whether an event would relate one more car than a customer can have.
    pub(crate) fn has_no_place_for(&self, id: VehicleId, tells: Tells) -> bool {
        let relates = match tells {
            Tells::Has(_) | Tells::Mentions => true,
            Tells::Gone => false,
        };
        relates && self.cars.len() >= CARS_MAX && !self.cars.contains_key(&id)
    }

    /// What an event changes about a car; `None` where it is known already. That there is a place for it was asked
    /// before: see [`Customer::has_no_place_for`].
    pub(crate) fn change_of_car(&self, id: VehicleId, tells: Tells, at: Moment) -> Option<Change> {
        let known = self.cars.get(&id);
        let change = match (tells, known.map(|car| car.tie)) {
            (Tells::Gone, None) => return None,
            (Tells::Gone, Some(_)) => Change::Released,
            (Tells::Has(role), _) => Change::Related(role),
            (Tells::Mentions, None | Some(Tie { role: None, .. })) => Change::Related(Role::Contact),
            (Tells::Mentions, Some(Tie { role: Some(_), .. })) => return None,
        };
        let next = match change {
            Change::Related(role) => Tie { at, role: Some(role) },
            Change::Released => Tie { at, role: None },
        };
        let news = known.is_none_or(|car| at < car.since || (next > car.tie && next.role != car.tie.role));
        news.then_some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::TenantId;

    #[test]
    fn a_vin_has_one_form_and_another_id_for_every_tenant() {
        let keys = |tenant| TenantKeys::derive(&[7; 32], TenantId::from_u128(tenant));
        let (id, vin) = vehicle(&keys(1), " ltestvin-000000001 ").unwrap();
        assert_eq!((vin.as_str(), vehicle(&keys(1), "LTESTVIN000000001").unwrap().0), ("LTESTVIN000000001", id));
        assert_ne!(vehicle(&keys(2), "LTESTVIN000000001").unwrap().0, id);
        for text in ["", "LTESTVIN00000001", "00000000000000000", "LTESTVIN0000000O测", "LTESTVIN000000001X"] {
            assert!(vehicle(&keys(1), text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_table_of_events_can_be_searched() {
        assert!(CAR_EVENTS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(Role::ALL.is_sorted());
    }

    #[test]
    fn the_later_word_about_a_car_counts_and_the_first_moment_stays() {
        let at = Moment::from_millis;
        let mut car = Car::new(Personal::new("LTESTVIN000000001".to_owned()), Role::Driver, at(10));
        car.tell(None, at(30));
        car.tell(Some(Role::Owner), at(20));
        assert_eq!((car.since, car.until()), (at(10), Some(at(30))));
        car.tell(Some(Role::Owner), at(5));
        assert_eq!((car.since, car.until()), (at(5), Some(at(30))));
        let stored = serde_json::to_value(&car).unwrap();
        assert_eq!(stored, serde_json::json!({ "v": { "p0": "LTESTVIN000000001" }, "f": 5, "a": 30 }));
        assert_eq!(serde_json::from_value::<Car>(stored).unwrap(), car);
    }
}
