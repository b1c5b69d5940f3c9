//! Stages of the life with cars, 客户生命周期: the words are those of the tables in `roadbook-lifecycle`.

use super::common::{CustomerId, MessageId, Time, VehicleId, written};
use super::describe::Description;
use roadbook_customer::Role;
use roadbook_lifecycle::{Aipl, Phase, Purchase, Signal, Stage, Step};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// A closed list of words, with what Chinese desks call them.
macro_rules! vocabulary {
    ($what:literal, $kind:ty) => {{
        let called: Vec<String> = <$kind>::ALL.iter().map(|one| format!("`{}` {}", one.word(), one.zh())).collect();
        json_schema!({
            "type": "string",
            "description": format!("{}: {}.", $what, called.join(", ")),
            "enum": <$kind>::ALL.map(<$kind>::word),
        })
    }};
}

written! {
    /// The six stages.
    StageWord false => vocabulary!("One of the six stages (六阶段)", Stage);
    /// Closeness to the brand.
    AiplWord false => vocabulary!("How close somebody is to the brand (AIPL)", Aipl);
    /// States of a purchase.
    PurchaseWord false => vocabulary!("The state of a purchase (购车意向状态)", Purchase);
    /// Phases of a car's life.
    PhaseWord false => vocabulary!("A phase of the life of a car (买卖用修服营改拓)", Phase);
    /// Steps.
    StepWord false => vocabulary!("The finest step; stage, AIPL, purchase and phase follow from it", Step);
    /// Signals.
    SignalWord false => vocabulary!("What moves somebody (信号)", Signal);
    /// Roles towards a car.
    CarRole false => json_schema!({
        "type": "string",
        "description": "What a person is to a car (人车关系), weakest first.",
        "enum": Role::ALL.map(Role::word),
    });
}

/// A word with what desks call it.
#[derive(JsonSchema)]
#[schemars(rename = "Called{T}")]
struct Called<T> {
    code: T,
    zh: String,
    en: String,
}

/// Where somebody stands, in every vocabulary.
#[derive(JsonSchema)]
struct Position {
    stage: Called<StageWord>,
    aipl: Called<AiplWord>,
    /// `null` where no purchase is under way.
    purchase: Option<Called<PurchaseWord>>,
    phase: Called<PhaseWord>,
    step: Called<StepWord>,
    /// When they came to stand here.
    since: Time,
    /// When it was last confirmed.
    confirmed_at: Time,
    because: Because,
}

/// What moved them here.
#[derive(JsonSchema)]
#[schemars(rename = "StageCause")]
struct Because {
    signal: SignalWord,
    zh: String,
    en: String,
    /// The message that brought it; `null` where it lies too far back, or no event is this signal.
    event: Option<MessageId>,
    /// Whether it came by time or number alone.
    by_itself: bool,
}

/// A car, as a person has to do with it.
#[derive(JsonSchema)]
struct Car {
    id: VehicleId,
    /// Masked.
    vin: String,
    /// `null` once they have nothing to do with it any more.
    role: Option<CarRole>,
    since: Time,
    until: Option<Time>,
}

/// A car of a profile.
#[derive(JsonSchema)]
pub(super) struct ProfileCar {
    #[schemars(flatten)]
    car: Car,
    stage: Option<StageWord>,
}

/// A car with where its life stands.
#[derive(JsonSchema)]
struct CarPosition {
    #[schemars(flatten)]
    car: Car,
    position: Option<Position>,
}

/// Where a customer stands, and each of their cars.
#[derive(JsonSchema)]
struct Stages {
    id: CustomerId,
    /// The headline; `null` before anything is known.
    person: Option<Position>,
    cars: Vec<CarPosition>,
}

/// A position by its codes.
#[derive(JsonSchema)]
pub(super) struct Words {
    stage: StageWord,
    aipl: AiplWord,
    purchase: Option<PurchaseWord>,
    phase: PhaseWord,
    step: StepWord,
}

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::get("/v1/profiles/{id}/stages", "getProfileStages")
            .says(
                "Stages (生命周期阶段) of a customer and of each car",
                "The six stages, AIPL, the state of a purchase and the phase, since when, and which signal moved them.",
            )
            .of::<CustomerId>("id", "Which customer.")
            .answers::<Stages>(200, "Where they stand."),
    ]
}
