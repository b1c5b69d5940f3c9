//! Events come in, 事件接入.

use super::common::{AnyObject, AnyTime, Anything, written};
use super::describe::{Body, Description, JSON};
use super::problems;
use super::schemas::{Schemas, Shape};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

written! {
    /// A text; producers that send a whole number mean its digits.
    Text true => json_schema!({ "type": ["string", "integer", "null"] });
    /// `1` for yes, anything else for no.
    Flag true => json_schema!({ "type": "string", "examples": ["1"] });
    /// The text an SDK sends as JSON without saying so, to spare a browser a preflight request.
    JsonText true => json_schema!({ "type": "string", "contentMediaType": "application/json" });
}

/// One event. Fields that are not named here are not read; everything else that Segment's libraries send may stand in
/// it.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Event {
    /// Which call it is. Needed in a batch; the path says it for a single call.
    #[serde(default)]
    r#type: Option<CallName>,
    /// The producer's id of this event: the same event sent again under it counts once.
    #[serde(default)]
    message_id: Option<Text>,
    /// The id the tenant's own system gave after a login.
    #[serde(default)]
    user_id: Option<Text>,
    /// What an SDK drew for a browser or an installation before anybody logged in.
    #[serde(default)]
    anonymous_id: Option<Text>,
    /// Of an alias: the id that was used before.
    #[serde(default)]
    previous_id: Option<Text>,
    #[serde(default)]
    group_id: Option<Text>,
    /// Of a track: the name of what happened.
    #[serde(default)]
    event: Option<Text>,
    /// Of a page or a screen: its name.
    #[serde(default)]
    name: Option<Text>,
    /// Of a page or a screen: its category.
    #[serde(default)]
    category: Option<Text>,
    /// When it happened.
    #[serde(default)]
    timestamp: Option<AnyTime>,
    #[serde(default)]
    original_timestamp: Option<AnyTime>,
    /// When it was sent, by the producer's clock: what that clock is off is corrected. What cannot be read as a time
    /// corrects nothing and is no error.
    #[serde(default)]
    sent_at: Option<Anything>,
    /// The write key, for clients that cannot send a header.
    #[serde(default)]
    write_key: Option<Text>,
    /// What is known of what happened. At most 500 entries.
    #[serde(default)]
    properties: Option<AnyObject>,
    /// Of an identify: what is known of the customer. `phone` and `email` are identifiers too.
    #[serde(default)]
    traits: Option<AnyObject>,
    #[serde(default)]
    context: Option<Context>,
}

/// Which call.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum CallName {
    Identify,
    Track,
    Page,
    Screen,
    Group,
    Alias,
}

/// What the producer's library adds, as far as it is read.
#[derive(JsonSchema)]
#[schemars(rename = "EventContext", rename_all = "camelCase")]
struct Context {
    #[serde(default)]
    device: Option<Device>,
    #[serde(default)]
    external_ids: Option<Vec<ExternalId>>,
    #[serde(default)]
    traits: Option<AnyObject>,
    #[serde(default)]
    roadbook: Option<Extension>,
}

/// A device.
#[derive(JsonSchema)]
struct Device {
    #[serde(default)]
    id: Option<Text>,
}

/// An id that another system gave.
#[derive(JsonSchema)]
struct ExternalId {
    id: Text,
    /// The kind of identifier.
    r#type: Text,
    /// The appid of an openid, the corp of an external_userid.
    #[serde(default)]
    scope: Option<Text>,
    /// The same, for libraries that know no other field.
    #[serde(default)]
    collection: Option<Text>,
}

/// What the Segment shape has no place for.
#[derive(JsonSchema)]
#[schemars(rename = "RoadbookContext")]
struct Extension {
    /// Identifiers besides `userId` and `anonymousId`.
    #[serde(default)]
    identifiers: Option<Vec<NamedId>>,
    /// What kind of identifier an alias's `previousId` is.
    #[serde(default)]
    previous_kind: Option<Text>,
    #[serde(default)]
    traits: Option<Operations>,
}

/// An identifier under its kind.
#[derive(JsonSchema)]
#[schemars(rename = "NamedIdentifier")]
struct NamedId {
    /// `openid`, `external_userid`, `unionid`, `phone`, `email`, `device`, ...
    kind: Text,
    /// The appid of an openid, the corp of an external_userid.
    #[serde(default)]
    scope: Option<Text>,
    value: Text,
}

/// Operations on traits. One trait may stand under one operation only.
#[derive(JsonSchema)]
#[schemars(rename = "TraitOperations")]
struct Operations {
    #[serde(default)]
    set: Option<AnyObject>,
    /// Set where nothing is known yet.
    #[serde(default)]
    set_once: Option<AnyObject>,
    /// Added to a list.
    #[serde(default)]
    append: Option<AnyObject>,
    /// Added to a number; at most 6 decimals.
    #[serde(default)]
    increment: Option<BTreeMap<String, f64>>,
}

/// Many events in one body.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct Batch {
    /// At most 2,500. A bad one does not sink the others: it becomes a dead letter.
    #[schemars(length(max = 2500))]
    batch: Vec<Event>,
    #[serde(default)]
    write_key: Option<Text>,
    #[serde(default)]
    sent_at: Option<AnyTime>,
}

/// Everything was taken.
#[derive(JsonSchema)]
struct Taken {
    /// Always true: whatever is not is answered with a problem.
    #[schemars(extend("const" = true))]
    success: bool,
}

/// Paths, method names and summaries of the calls, each with its short form.
const CALLS: &[(&str, &str, &str, &str, &str)] = &[
    ("/v1/identify", "identify", "/v1/i", "identifyShort", "Say who somebody is"),
    ("/v1/track", "track", "/v1/t", "trackShort", "Say what somebody did"),
    ("/v1/page", "page", "/v1/p", "pageShort", "A page was viewed"),
    ("/v1/screen", "screen", "/v1/s", "screenShort", "A screen was viewed"),
    ("/v1/group", "group", "/v1/g", "groupShort", "Say to which group (dealer, household) somebody belongs"),
    ("/v1/alias", "alias", "/v1/a", "aliasShort", "Say that two ids are one person"),
];

const BATCHES: &[(&str, &str)] = &[("/v1/batch", "batch"), ("/v1/b", "batchShort"), ("/v1/import", "batchImport")];

const HOW: &str = "Answers after the commit of every event, or, on AWS, when a queue keeps all of them: they are applied \
    in a moment, in the order in which their producer sent them. A part that failed is answered 503, and repeating the \
    whole is safe. An event that cannot be used is answered 200 as well and becomes a dead letter, unless \
    `X-Strict-Mode` is 1. The key stands in the header, or as `writeKey` in the body.";

const STRICT: &str = "`1`: one bad event fails the request, and then nothing of it is taken. What the customers themselves \
    refuse is told as well where events are applied at once; a queue cannot know it, and it is in the dead letters then.";

fn takes(described: Description, shape: Shape, example: Value) -> Description {
    let text: Shape = Schemas::wanted::<JsonText>;
    let content = vec![(JSON, shape), ("text/plain", text)];
    described
        .header::<Flag>("X-Strict-Mode", STRICT)
        .body(Body {
            required: true,
            text: "As it is, or with `Content-Encoding: gzip`.",
            content,
            example: Some(example),
        })
        .answers::<Taken>(200, "Everything was taken, or is a dead letter.")
        .refuses(400, &["malformed_json", "malformed_utf8", "malformed_batch", "events_rejected"])
        .refuses(413, &["too_many_events"])
        .refuses(429, &["too_many_in_flight"])
}

fn event(call: &str) -> Value {
    match call {
        "track" => json!({
            "userId": "u-1001", "event": "test_drive_completed", "messageId": "m-1",
            "timestamp": "2026-03-02T16:00:00+08:00", "properties": { "model": "T-1", "dealer_id": "4S001" },
        }),
        "identify" => json!({ "userId": "u-1001", "traits": { "city": "Shanghai" } }),
        "page" | "screen" => json!({ "anonymousId": "a-1", "name": "model/T-1" }),
        "group" => json!({ "userId": "u-1001", "groupId": "4S001" }),
        _ => json!({ "userId": "u-1001", "previousId": "a-1" }),
    }
}

pub(super) fn routes() -> Vec<Description> {
    let mut routes = Vec::new();
    for (path, id) in BATCHES {
        let example =
            json!({ "batch": [{ "type": "track", "userId": "u-1001", "event": "model_viewed", "messageId": "m-2" }] });
        let described = Description::post(path, id).says("Send many events", HOW);
        routes.push(takes(described, Schemas::wanted::<Batch>, example));
    }
    for (path, id, short, short_id, summary) in CALLS {
        for (path, name) in [(path, id), (short, short_id)] {
            let described = Description::post(path, name).says(summary, HOW);
            routes.push(takes(described, Schemas::wanted::<Event>, event(id)));
        }
    }
    routes.push(
        Description::get("/v1/projects/{write_key}/settings", "getProjectSettings")
            .says("Settings of a browser SDK", "What analytics.js reads before it sends anything.")
            .of::<String>("write_key", "The write key of the page.")
            .answers::<AnyObject>(200, "The settings.")
            .refuses(503, problems::STORE_FAILS),
    );
    let anything: Shape = Schemas::wanted::<Anything>;
    let mut measurements = Description::post("/v1/m", "takeMeasurements")
        .says("Measurements that SDKs take of themselves", "Nobody here reads them.")
        .answers_nothing(204, "Thank you.");
    measurements.body =
        Some(Body { required: false, text: "Whatever it is.", content: vec![(JSON, anything)], example: None });
    routes.push(measurements);
    routes
}
