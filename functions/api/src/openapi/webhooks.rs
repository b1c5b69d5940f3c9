//! Outbound webhooks: endpoints of a tenant, and how calling them went.

use super::common::{AnyTime, EndpointId, Page, Time, WebhookMessageId, written};
use super::describe::Description;
use roadbook_customer::Topic;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;
use std::borrow::Cow;

written! {
    /// What can be told.
    WebhookType false => json_schema!({
        "type": "string",
        "description": "What is told.",
        "enum": Topic::ALL.iter().map(|topic| topic.name()).collect::<Vec<_>>(),
    });
    /// Where to call.
    WebhookUrl true => json_schema!({
        "type": "string",
        "format": "uri",
        "maxLength": 2048,
        "description": "By https, at a public address.",
        "examples": ["https://example.com/hooks"],
    });
}

/// Whether an endpoint is told anything.
#[derive(JsonSchema)]
#[schemars(rename = "WebhookStatus", rename_all = "snake_case")]
enum Status {
    Enabled,
    Disabled,
}

/// Why an endpoint is told nothing.
#[derive(JsonSchema)]
#[schemars(rename = "WebhookDisabledBecause", rename_all = "snake_case")]
enum Because {
    /// Somebody said so.
    Operator,
    /// It answered 410.
    Gone,
    /// It has failed for days.
    Failing,
}

/// Where a tenant wants to be told what happens.
#[derive(JsonSchema)]
#[schemars(rename = "WebhookEndpoint")]
struct Endpoint {
    id: EndpointId,
    url: String,
    description: String,
    types: Vec<WebhookType>,
    status: Status,
    disabled_because: Option<Because>,
    disabled_at: Option<Time>,
    /// `null` where its last call was taken.
    failing_since: Option<Time>,
    created_at: Time,
}

/// An endpoint with a new secret.
#[derive(JsonSchema)]
#[schemars(rename = "WebhookEndpointWithSecret")]
struct WithSecret {
    #[schemars(flatten)]
    endpoint: Endpoint,
    /// Signs the calls, as Standard Webhooks has it. No other answer ever holds it.
    secret: String,
}

/// Where to call, and about what.
#[derive(JsonSchema)]
#[schemars(rename = "WebhookEndpointDraft", deny_unknown_fields)]
struct Draft {
    url: WebhookUrl,
    #[schemars(length(min = 1))]
    types: Vec<WebhookType>,
    #[serde(default)]
    #[schemars(length(max = 200))]
    description: Option<String>,
}

/// What changes; what is absent stays.
#[derive(JsonSchema)]
#[schemars(rename = "WebhookEndpointChange", deny_unknown_fields)]
struct Change {
    #[serde(default)]
    url: Option<WebhookUrl>,
    #[serde(default)]
    #[schemars(length(min = 1))]
    types: Option<Vec<WebhookType>>,
    #[serde(default)]
    #[schemars(length(max = 200))]
    description: Option<String>,
    #[serde(default)]
    status: Option<Status>,
}

/// One call of an endpoint.
#[derive(JsonSchema)]
#[schemars(rename = "WebhookAttempt")]
struct Attempt {
    at: Time,
    message: WebhookMessageId,
    r#type: WebhookType,
    /// Which attempt of this message.
    attempt: u32,
    /// What it answered; `null` where it did not.
    status: Option<u16>,
    /// How long it took, in milliseconds.
    ms: i64,
    /// What went wrong.
    error: Option<String>,
}

/// What to send again: one message, or everything that was given up since a time.
#[derive(JsonSchema)]
#[schemars(rename = "WebhookReplay", deny_unknown_fields)]
struct Replay {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    since: Option<AnyTime>,
    /// The `after` of the answer before.
    #[serde(default)]
    after: Option<WebhookMessageId>,
}

/// What is on its way again.
#[derive(JsonSchema)]
#[schemars(rename = "WebhookReplayed")]
struct Replayed {
    replayed: u64,
    /// Whether to repeat the request with `after`.
    has_more: bool,
    after: Option<WebhookMessageId>,
}

const PATH: &str = "/v1/webhook-endpoints/{id}";
const WHICH: &str = "Which endpoint.";

pub(super) fn routes() -> Vec<Description> {
    let mut all = endpoints();
    all.extend(calls());
    all.into_iter().map(|one| one.refuses(403, &["whole_tenant_only"])).collect()
}

fn endpoints() -> Vec<Description> {
    let draft = json!({ "url": "https://example.com/hooks", "types": [Topic::ALL[0].name()] });
    vec![
        Description::get("/v1/webhook-endpoints", "listWebhookEndpoints")
            .says("List webhook endpoints", "All of them, oldest first, on one page.")
            .answers::<Page<Endpoint>>(200, "The endpoints."),
        Description::post("/v1/webhook-endpoints", "createWebhookEndpoint")
            .says("Create a webhook endpoint", "The answer is the only place that shows its secret.")
            .takes::<Draft>("Where, and about what.", draft)
            .answers::<WithSecret>(201, "The endpoint, with its secret.")
            .with("Cache-Control", "`no-store`.")
            .tagged()
            .refuses(409, &["answer_shown_once", "too_many_endpoints"])
            .refuses(412, &["stale_etag"]),
        Description::get(PATH, "getWebhookEndpoint")
            .says("Get a webhook endpoint", "Never with its secret.")
            .of::<EndpointId>("id", WHICH)
            .answers::<Endpoint>(200, "The endpoint.")
            .tagged(),
        Description::patch(PATH, "updateWebhookEndpoint")
            .says("Change a webhook endpoint", "What is absent stays.")
            .of::<EndpointId>("id", WHICH)
            .guarded()
            .takes::<Change>("What.", json!({ "status": "disabled" }))
            .answers::<Endpoint>(200, "The endpoint.")
            .tagged(),
        Description::delete(PATH, "deleteWebhookEndpoint")
            .says("Remove a webhook endpoint", "What was on its way to it is dropped.")
            .of::<EndpointId>("id", WHICH)
            .guarded()
            .answers_nothing(204, "It is gone."),
    ]
}

fn calls() -> Vec<Description> {
    vec![
        Description::post("/v1/webhook-endpoints/{id}/secret/rotate", "rotateWebhookSecret")
            .says("Rotate a secret", "The new one is shown once. The one before signs beside it for a day.")
            .of::<EndpointId>("id", WHICH)
            .answers::<WithSecret>(200, "The endpoint, with its new secret.")
            .with("Cache-Control", "`no-store`.")
            .tagged()
            .refuses(409, &["answer_shown_once"])
            .refuses(412, &["stale_etag"]),
        Description::post("/v1/webhook-endpoints/{id}/enable", "enableWebhookEndpoint")
            .says("Enable a webhook endpoint", "Gives it another chance.")
            .of::<EndpointId>("id", WHICH)
            .answers::<Endpoint>(200, "The endpoint.")
            .tagged()
            .refuses(412, &["stale_etag"]),
        Description::get("/v1/webhook-endpoints/{id}/attempts", "listWebhookAttempts")
            .says("How did calling it go?", "The newest hundred calls, newest first, on one page.")
            .of::<EndpointId>("id", WHICH)
            .answers::<Page<Attempt>>(200, "The calls."),
        Description::post("/v1/webhook-endpoints/{id}/replay", "replayWebhooks")
            .says("Send again", "One `message`, whatever became of it, or every one that was given up `since` a time.")
            .of::<EndpointId>("id", WHICH)
            .takes::<Replay>("What.", json!({ "since": "2026-03-02T00:00:00Z" }))
            .answers::<Replayed>(202, "They are on their way.")
            .refuses(409, &["endpoint_disabled"]),
    ]
}
