//! Where a tenant wants to be told what happens, 事件推送.

use super::common::{AnyTime, DeliveryId, EndpointId, Page, Time, written};
use super::describe::Description;
use roadbook_customer::Topic;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;
use std::borrow::Cow;

written! {
    /// The types of events that are announced.
    EventType false => json_schema!({
        "type": "string",
        "description": "The `type` of a CloudEvent, its version included (事件类型).",
        "enum": Topic::ALL.iter().map(|topic| topic.name()).collect::<Vec<_>>(),
    });
    /// An address.
    EndpointUrl true => json_schema!({
        "type": "string",
        "description": "An https address on the public internet, without a user and a fragment.",
        "maxLength": 2048,
        "examples": ["https://crm.example.com/hooks/roadbook"],
    });
}

/// Whether an endpoint is told anything.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum EndpointStatus {
    /// It is.
    Enabled,
    /// It is not, and what happens meanwhile is not kept for it.
    Disabled,
}

/// Why an endpoint is disabled.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum DisabledBecause {
    /// Somebody said so.
    Operator,
    /// It answered 410.
    Gone,
    /// It has failed for five days.
    Failing,
}

/// An endpoint (推送地址), without its secret.
#[derive(JsonSchema)]
struct Endpoint {
    id: EndpointId,
    url: EndpointUrl,
    description: String,
    types: Vec<EventType>,
    status: EndpointStatus,
    disabled_because: Option<DisabledBecause>,
    disabled_at: Option<Time>,
    /// The first failure since the last call that was taken; `null` where the last one was.
    failing_since: Option<Time>,
    created_at: Time,
}

/// An endpoint with a secret that was just made.
#[derive(JsonSchema)]
struct EndpointWithSecret {
    #[schemars(flatten)]
    endpoint: Endpoint,
    /// Begins with `whsec_`. No other answer ever holds it.
    secret: String,
}

/// What a new endpoint is to be.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct EndpointDraft {
    url: EndpointUrl,
    #[schemars(length(min = 1))]
    types: Vec<EventType>,
    #[serde(default)]
    #[schemars(length(max = 200))]
    description: Option<String>,
}

/// What is to be different.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct EndpointChange {
    #[serde(default)]
    url: Option<EndpointUrl>,
    #[serde(default)]
    #[schemars(length(min = 1))]
    types: Option<Vec<EventType>>,
    #[serde(default)]
    #[schemars(length(max = 200))]
    description: Option<String>,
    #[serde(default)]
    status: Option<EndpointStatus>,
}

/// One call.
#[derive(JsonSchema)]
struct EndpointAttempt {
    at: Time,
    message: DeliveryId,
    r#type: EventType,
    /// Which attempt of that message, from 1.
    attempt: u32,
    /// The HTTP status; `null` where there was no answer.
    status: Option<u16>,
    /// How long it took, in milliseconds.
    ms: i64,
    /// Stable snake_case code; `null` where the endpoint took it.
    error: Option<String>,
}

/// What to send again: one of the two.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ReplayRequest {
    /// This message, whatever became of it.
    #[serde(default)]
    message: Option<DeliveryId>,
    /// Every message that was given up since then.
    #[serde(default)]
    since: Option<AnyTime>,
    /// With `since`: the `after` of the answer before, to go on.
    #[serde(default)]
    after: Option<DeliveryId>,
}

/// How much goes out again.
#[derive(JsonSchema)]
struct Replayed {
    replayed: u64,
    /// Whether there is more: repeat the request with `after`.
    has_more: bool,
    after: Option<DeliveryId>,
}

const PLACE: &[&str] = &["whole_tenant_only"];
const ID: &str = "Which endpoint.";

pub(super) fn routes() -> Vec<Description> {
    let mut all = endpoints();
    all.extend(about_one());
    all
}

fn endpoints() -> Vec<Description> {
    let change = "What is left out stays. A new address is called from the next attempt on.";
    vec![
        Description::get("/v1/webhook-endpoints", "listWebhookEndpoints")
            .says("List webhook endpoints (推送地址)", "All of them on one page, oldest first.")
            .answers::<Page<Endpoint>>(200, "The endpoints.")
            .refuses(403, PLACE),
        Description::post("/v1/webhook-endpoints", "createWebhookEndpoint")
            .says("Create a webhook endpoint", "The answer is the only place that ever shows the secret.")
            .takes::<EndpointDraft>(
                "Where, and what about.",
                json!({ "url": "https://crm.example.com/hooks/roadbook", "types": ["cn.roadbook.segment.entered.v1"] }),
            )
            .answers::<EndpointWithSecret>(201, "The endpoint, with its secret once.")
            .tagged()
            .with("Cache-Control", "`no-store`.")
            .refuses(403, PLACE)
            .refuses(409, &["too_many_endpoints", "answer_shown_once"])
            .refuses(412, &["stale_etag"]),
        Description::get("/v1/webhook-endpoints/{id}", "getWebhookEndpoint")
            .says("A webhook endpoint", "As it is now.")
            .of::<EndpointId>("id", ID)
            .answers::<Endpoint>(200, "The endpoint.")
            .tagged()
            .refuses(403, PLACE),
        Description::patch("/v1/webhook-endpoints/{id}", "changeWebhookEndpoint")
            .says("Change a webhook endpoint", change)
            .of::<EndpointId>("id", ID)
            .guarded()
            .takes_maybe::<EndpointChange>("What is to be different.", json!({ "status": "disabled" }))
            .answers::<Endpoint>(200, "The endpoint.")
            .tagged()
            .refuses(403, PLACE),
        Description::delete("/v1/webhook-endpoints/{id}", "removeWebhookEndpoint")
            .says("Remove a webhook endpoint", "What was on its way to it is dropped.")
            .of::<EndpointId>("id", ID)
            .guarded()
            .answers_nothing(204, "It is removed.")
            .refuses(403, PLACE),
    ]
}

fn about_one() -> Vec<Description> {
    vec![
        Description::post("/v1/webhook-endpoints/{id}/secret/rotate", "rotateWebhookSecret")
            .says("Give an endpoint a new secret", "The one before signs beside it for 24 hours.")
            .of::<EndpointId>("id", ID)
            .answers::<EndpointWithSecret>(200, "The endpoint, with its new secret once.")
            .tagged()
            .with("Cache-Control", "`no-store`.")
            .refuses(403, PLACE)
            .refuses(409, &["answer_shown_once"])
            .refuses(412, &["stale_etag"]),
        Description::post("/v1/webhook-endpoints/{id}/enable", "enableWebhookEndpoint")
            .says("Give an endpoint another chance", "What happened while it was disabled is not told.")
            .of::<EndpointId>("id", ID)
            .answers::<Endpoint>(200, "The endpoint.")
            .tagged()
            .refuses(403, PLACE)
            .refuses(412, &["stale_etag"]),
        Description::get("/v1/webhook-endpoints/{id}/attempts", "listWebhookAttempts")
            .says("How did the calls go?", "The newest hundred on one page, newest first; neither bodies nor answers.")
            .of::<EndpointId>("id", ID)
            .answers::<Page<EndpointAttempt>>(200, "The calls.")
            .refuses(403, PLACE),
        Description::post("/v1/webhook-endpoints/{id}/replay", "replayWebhookMessages")
            .says(
                "Send again (重推)",
                "One message, or all that failed since a time, each under its own id. Delivered messages can be sent \
                 again for 7 days, failed ones for 30.",
            )
            .of::<EndpointId>("id", ID)
            .takes::<ReplayRequest>("What to send again.", json!({ "since": "2099-01-01T00:00:00Z" }))
            .answers::<Replayed>(202, "They are on their way.")
            .refuses(403, PLACE)
            .refuses(409, &["endpoint_disabled"]),
    ]
}
