//! The JSON Schema of a definition, for editors and other programs. [`crate::Revision::parse`] is the judge: it also
//! checks what a schema cannot say (targets, loops, templates). That both agree on the shape is a law in `laws.rs`.

#![allow(dead_code, reason = "the types describe the shape; `revision.rs` and its neighbours read it")]

use roadbook_audience::Condition;
use roadbook_tenancy::ChannelKind;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The JSON Schema (2020-12) of a journey definition, with the condition language's own schema among its
/// definitions.
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(forget_null_default));
    settings.into_generator().into_root_schema_for::<Definition>().to_value()
}

/// A default of `null` says that there is none. Validators hold it against the type, and generators of clients take a
/// field that has a default for one that is always there.
fn forget_null_default(schema: &mut Schema) {
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
}

/// A journey: who enters, what happens to them, what ends it.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    /// What lets a customer in.
    entry: Trigger,
    /// How often a customer may come. At most one passage per customer is active at any time.
    reentry: Reentry,
    /// What the journey is for: ends a passage as reached, at once, whatever it waits for.
    #[serde(default)]
    #[schemars(with = "Trigger")]
    goal: Option<Trigger>,
    /// What ends a passage early, at once, whatever it waits for.
    #[serde(default)]
    #[schemars(length(max = 20))]
    exit: Vec<Trigger>,
    /// The node a passage begins at.
    start: Name,
    /// The nodes by name.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 200, "propertyNames" = {"pattern": "^[A-Za-z0-9_-]{1,64}$"}))]
    nodes: BTreeMap<String, Node>,
}

/// 1 to 64 of A-Z a-z 0-9 _ -
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[schemars(extend("pattern" = "^[A-Za-z0-9_-]{1,64}$"))]
struct Name(String);

/// An ISO 8601 duration of whole weeks, or of days, hours, minutes and seconds: above zero, 20 years at most. Years
/// and months are not taken: their length depends on the calendar.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[schemars(extend(
    "pattern" = "^P([0-9]+W|[0-9]+D(T([0-9]+H)?([0-9]+M)?([0-9]+S)?)?|T([0-9]+H)?([0-9]+M)?([0-9]+S)?)$",
    "examples" = ["PT30M", "P3D", "P1DT12H", "P2W"]
))]
struct Duration(String);

/// Something to listen to.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(untagged, deny_unknown_fields)]
enum Trigger {
    /// An event of the customer.
    Event {
        /// The event's name, exactly.
        #[schemars(length(min = 1))]
        event: String,
        /// What its properties must all pass.
        #[serde(default, rename = "where")]
        filters: Vec<Filter>,
    },
    /// A crossing of a segment's border.
    Segment {
        /// The segment's id.
        #[schemars(extend("pattern" = "^seg_[0-9a-hjkmnp-tv-z]{26}$"))]
        segment: String,
        /// Which way.
        edge: Edge,
    },
}

#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
enum Edge {
    Enter,
    Leave,
}

#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
enum Often {
    /// Once in a life.
    Once,
    /// As soon as the former passage is over.
    AfterExit,
}

/// How often a customer may come.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(untagged, deny_unknown_fields)]
enum Reentry {
    Rule(Often),
    /// Not before so many hours have passed since the former passage was over.
    Cooldown {
        #[schemars(range(min = 1, max = 175_320))]
        cooldown_hours: u32,
    },
}

/// What happens at a place of the journey.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Node {
    /// Waits a fixed time.
    Wait { duration: Duration, next: Name },
    /// Waits for an event of the customer, up to a time.
    WaitFor {
        /// The event's name, exactly.
        #[schemars(length(min = 1))]
        event: String,
        /// What its properties must all pass.
        #[serde(default, rename = "where")]
        filters: Vec<Filter>,
        timeout: Duration,
        on_event: Name,
        on_timeout: Name,
    },
    /// Goes the way of the first case that holds, else `otherwise`.
    Branch {
        #[schemars(length(min = 1, max = 50))]
        cases: Vec<Case>,
        otherwise: Name,
    },
    /// Asks for a message; consent and address decide whether it goes out.
    Send {
        channel: ChannelKind,
        purpose: Purpose,
        /// Where to: may be left out for the channel `recording` only.
        #[serde(default)]
        #[schemars(with = "Recipient")]
        to: Option<Recipient>,
        content: Content,
        next: Name,
    },
    /// Sets a tag.
    SetTag {
        #[schemars(length(min = 1, max = 200))]
        tag: String,
        #[serde(default)]
        #[schemars(with = "String", length(min = 1, max = 200))]
        value: Option<String>,
        /// How long it stays; for ever where absent.
        #[serde(default)]
        #[schemars(with = "Duration")]
        expires_in: Option<Duration>,
        next: Name,
    },
    /// Takes a tag away.
    ClearTag {
        #[schemars(length(min = 1, max = 200))]
        tag: String,
        next: Name,
    },
    /// Sets a trait; null removes it.
    SetTrait {
        #[serde(rename = "trait")]
        #[schemars(length(min = 1, max = 200))]
        key: String,
        value: Value,
        next: Name,
    },
    /// The end.
    Exit {},
    /// The end, with the goal reached.
    Goal {},
}

/// Why a message is sent. Other purposes of consent say what may be done with data; nothing is sent for them.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
enum Purpose {
    /// Needed for what the customer asked for or owns. Allowed unless withdrawn.
    Service,
    /// Everything that advertises. Allowed only while granted.
    Marketing,
}

#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "if")]
    condition: Condition,
    next: Name,
}

#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(untagged, deny_unknown_fields)]
enum Recipient {
    /// `wecom_seller`: this member. `wecom_group_task`: the customer, by a task this member confirms.
    Member { corp: String, member: Member },
    /// `miniprogram_subscribe`: the customer as a user of this mini-program.
    MiniProgram { appid: String },
    /// `recording`: nobody.
    Nobody {},
}

#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(untagged, deny_unknown_fields)]
enum Member {
    /// A userid of the corp.
    Userid(String),
    /// The userid that stands in this trait of the customer.
    Trait {
        #[serde(rename = "trait")]
        key: String,
    },
}

#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(untagged, deny_unknown_fields)]
enum Content {
    /// A text with placeholders, for the WeCom channels.
    Text {
        #[schemars(length(min = 1, max = 4096))]
        text: String,
    },
    /// A template that lies at the provider, for `miniprogram_subscribe`.
    Template {
        template: String,
        /// A text with placeholders per field of the template.
        #[schemars(extend("minProperties" = 1, "maxProperties" = 20))]
        data: BTreeMap<String, String>,
    },
}

/// A property filter of the condition language.
#[cfg_attr(test, derive(serde::Deserialize))]
struct Filter(Value);

impl JsonSchema for Filter {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Filter".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // A condition is described in every schema of a journey, and its filters with it.
        Schema::new_ref("#/$defs/ConditionFilter".to_owned())
    }
}
