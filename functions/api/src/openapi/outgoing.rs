//! What is sent to webhook endpoints: the `webhooks` of the document. What each says stands in
//! `actors/customer/src/announce.rs`; a test of `tests/it` holds real calls against this.

use super::common::{
    ChannelKind, ConsentPurpose, CustomerId, DeliveryId, JourneyId, RunId, SegmentId, SendKey, SendPurpose, Time,
    VehicleId, written,
};
use super::lifecycle::{AiplWord, PhaseWord, PurchaseWord, SignalWord, StageWord, StepWord};
use super::profile_shapes::SuppressReason;
use super::schemas::{Schemas, Shape};
use roadbook_customer::Topic;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

written! {
    /// What is the same for every endpoint that hears of a fact.
    AnnouncementId false => json_schema!({
        "type": "string",
        "description": "One fact that is told: the same for every endpoint that hears it.",
        "pattern": format!("^{}[0-7][0-9a-hjkmnp-tv-z]{{25}}$", roadbook_kernel::AnnouncementId::PREFIX),
        "examples": [roadbook_kernel::AnnouncementId::from_u128(0x0193_7b4e_8c00_5a5a_5a5a_5a5a_5a5a_5a5a).to_string()],
    });
    /// The tenant, as the source of a CloudEvent.
    TenantPath true => json_schema!({
        "type": "string",
        "description": "The tenant it happened to.",
        "pattern": "^/tenants/tn_[0-7][0-9a-hjkmnp-tv-z]{25}$",
    });
}

/// Another customer is the subject from now on: ask for the subject where `merged` was known.
#[derive(JsonSchema)]
struct CustomerMergedData {
    merged: CustomerId,
}

/// A merge was undone.
#[derive(JsonSchema)]
struct CustomerUnmergedData {
    /// A customer of its own again.
    other: CustomerId,
}

/// A segment was entered or left.
#[derive(JsonSchema)]
struct SegmentData {
    segment: SegmentId,
    /// Of the segment's definition.
    revision: u32,
}

/// A passage through a journey began.
#[derive(JsonSchema)]
struct JourneyEnteredData {
    journey: JourneyId,
    run: RunId,
    revision: u32,
    /// Where it begins.
    node: String,
}

/// A passage through a journey ended.
#[derive(JsonSchema)]
struct JourneyEndedData {
    journey: JourneyId,
    run: RunId,
    /// Where it ended.
    node: String,
    how: JourneyEnding,
}

/// How a passage ended.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum JourneyEnding {
    /// Walked to its end.
    Completed,
    /// The goal was reached.
    Goal,
    /// An exit trigger happened.
    Exited,
    /// Another passage of the same customer took its place.
    Superseded,
    /// The journey was retired.
    Archived,
}

/// A stage is another than before.
#[derive(JsonSchema)]
struct StageMovedData {
    /// Which car; `null` for the person.
    vehicle: Option<VehicleId>,
    /// `null` where they stood nowhere.
    from: Option<StageAt>,
    to: Option<StageAt>,
}

/// Where somebody stands.
#[derive(JsonSchema)]
struct StageAt {
    stage: StageWord,
    aipl: AiplWord,
    /// Absent where no purchase is under way.
    #[schemars(skip_serializing_if = "Option::is_none", with = "PurchaseWord")]
    purchase: Option<PurchaseWord>,
    phase: PhaseWord,
    step: StepWord,
    /// Since when: Unix time in milliseconds.
    since: i64,
    because: SignalWord,
}

/// A grant or a withdrawal that counts from now on.
#[derive(JsonSchema)]
struct ConsentChangedData {
    purpose: ConsentPurpose,
    /// `null` where it is about every channel.
    channel: Option<ChannelKind>,
    verdict: ConsentVerdict,
    text_version: Option<String>,
}

/// What was said.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum ConsentVerdict {
    Granted,
    Withdrawn,
}

/// What became of a message.
#[derive(JsonSchema)]
struct MessageSentData {
    send: SendKey,
    /// This and what follows are absent where the customer remembers the message no more.
    #[schemars(skip_serializing_if = "Option::is_none", with = "JourneyId")]
    journey: Option<JourneyId>,
    #[schemars(skip_serializing_if = "Option::is_none", with = "RunId")]
    run: Option<RunId>,
    #[schemars(skip_serializing_if = "Option::is_none", with = "String")]
    node: Option<String>,
    #[schemars(skip_serializing_if = "Option::is_none", with = "ChannelKind")]
    channel: Option<ChannelKind>,
    #[schemars(skip_serializing_if = "Option::is_none", with = "SendPurpose")]
    purpose: Option<SendPurpose>,
    #[schemars(flatten)]
    outcome: MessageOutcome,
}

/// What became of it: what the channel told, or why it was not sent.
#[derive(JsonSchema)]
#[schemars(tag = "outcome", rename_all = "snake_case")]
enum MessageOutcome {
    /// The provider has it and delivers it.
    Sent {},
    /// A task waits for a seller's confirmation.
    HandedOver {},
    /// The seller or the platform declined.
    Refused {
        /// Stable snake_case reason.
        reason: String,
    },
    /// Nobody confirmed the task in time.
    Expired {},
    /// It was not delivered and will not be.
    Failed {
        /// Stable snake_case reason.
        reason: String,
    },
    /// Nobody can say; it is never sent again.
    Unknown {
        /// Stable snake_case reason.
        reason: String,
    },
    /// It was not allowed, or nobody could get it, when the journey asked for it.
    Suppressed { reason: SuppressReason },
    /// It was no longer allowed when its turn came at the sender.
    Withheld { reason: SuppressReason },
}

/// What a topic says, and in which shape.
fn told(topic: Topic) -> (&'static str, Shape) {
    match topic {
        Topic::CustomerMerged => ("Two customers turned out to be one (合并)", Schemas::answered::<CustomerMergedData>),
        Topic::CustomerUnmerged => ("A merge was undone (拆分)", Schemas::answered::<CustomerUnmergedData>),
        Topic::SegmentEntered => ("A customer came into a segment (进入人群)", Schemas::answered::<SegmentData>),
        Topic::SegmentLeft => ("A customer left a segment (离开人群)", Schemas::answered::<SegmentData>),
        Topic::JourneyEntered => ("A customer entered a journey (进入旅程)", Schemas::answered::<JourneyEnteredData>),
        Topic::JourneyEnded => ("A passage through a journey ended (旅程结束)", Schemas::answered::<JourneyEndedData>),
        Topic::StageMoved => ("A stage is another than before (阶段变化)", Schemas::answered::<StageMovedData>),
        Topic::ConsentChanged => {
            ("A grant or a withdrawal counts from now on (授权变化)", Schemas::answered::<ConsentChangedData>)
        }
        Topic::MessageSent => ("What became of a message (触达结果)", Schemas::answered::<MessageSentData>),
    }
}

const HOW: &str = "A CloudEvent 1.0, signed by Standard Webhooks. It holds ids and words, never a value of a customer: \
    whoever may read those asks for the profile that `subject` names. It comes at least once, and not always in order: \
    drop a `webhook-id` that was seen before, and read `time`.";

/// Every call that an endpoint may get, by the type it asked for.
pub(super) fn webhooks(schemas: &mut Schemas) -> Map<String, Value> {
    Topic::ALL.iter().map(|topic| (topic.name().to_owned(), json!({ "post": call(schemas, *topic) }))).collect()
}

fn call(schemas: &mut Schemas, topic: Topic) -> Value {
    let (summary, data) = told(topic);
    json!({
        "operationId": operation_id(topic),
        "tags": ["webhooks"],
        "summary": summary,
        "description": HOW,
        "security": [],
        "parameters": headers(schemas),
        "requestBody": {
            "required": true,
            "content": { "application/cloudevents+json": { "schema": event(schemas, topic, data) } },
        },
        "responses": {
            "2XX": { "description": "Taken. What the answer says besides is not read." },
            "410": { "description": "Nobody is there any more: the endpoint is disabled at once, and told nothing until \
                it is enabled again." },
            "default": { "description": "Not taken, a redirect too, or no answer in 15 s: it is sent again, with the same \
                `webhook-id`, after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h. An endpoint that has failed \
                for five days is disabled." },
        },
    })
}

/// `onSegmentEntered`.
fn operation_id(topic: Topic) -> String {
    format!("on{topic:?}")
}

fn headers(schemas: &mut Schemas) -> Value {
    let id = schemas.answered::<DeliveryId>();
    json!([
        {
            "name": "webhook-id", "in": "header", "required": true, "schema": id,
            "description": "This call, the same at every attempt and every replay.",
        },
        {
            "name": "webhook-timestamp", "in": "header", "required": true,
            "schema": { "type": "string", "pattern": "^[0-9]+$", "examples": ["1772438400"] },
            "description": "When this attempt was signed: Unix time in seconds. Refuse what is older than five minutes.",
        },
        {
            "name": "webhook-signature", "in": "header", "required": true,
            "schema": { "type": "string", "pattern": "^v1,[A-Za-z0-9+/]+=*( v1,[A-Za-z0-9+/]+=*)*$" },
            "description": "HMAC-SHA256 of `{webhook-id}.{webhook-timestamp}.{body}`, base64, after `v1,`. For 24 hours \
                after a rotation there are two, separated by a space.",
        },
    ])
}

fn event(schemas: &mut Schemas, topic: Topic, data: Shape) -> Value {
    json!({
        "type": "object",
        "properties": {
            "specversion": { "type": "string", "const": "1.0" },
            "id": schemas.answered::<AnnouncementId>(),
            "source": schemas.answered::<TenantPath>(),
            "type": { "type": "string", "const": topic.name() },
            "subject": schemas.answered::<CustomerId>(),
            "time": schemas.answered::<Time>(),
            "datacontenttype": { "type": "string", "const": "application/json" },
            "data": data(schemas),
        },
        "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"],
    })
}
