//! Shapes that several areas use: ids, times, pages, problems.

use super::schemas::named;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use std::borrow::Cow;

/// A schema that is written out, under a name or in place.
macro_rules! written {
    ($($(#[$doc:meta])* $name:ident $inline:literal => $schema:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                $inline
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}
pub(super) use written;

/// Ids of ours: the prefix, and 26 characters of Crockford base32, of which the first is at most 7.
macro_rules! ids {
    ($($name:ident, $kind:ty, $text:literal;)*) => {
        written! {$(
            $name false => json_schema!({
                "type": "string",
                "description": $text,
                "pattern": format!("^{}[0-7][0-9a-hjkmnp-tv-z]{{25}}$", <$kind>::PREFIX),
                "examples": [<$kind>::from_u128(0x0193_7b4e_8c00_5a5a_5a5a_5a5a_5a5a_5a5a).to_string()],
            });
        )*}
    };
}

ids! {
    TenantId, roadbook_kernel::TenantId, "A tenant (租户): a car maker or a dealer group.";
    UserId, roadbook_kernel::UserId, "A person (员工).";
    CustomerId, roadbook_kernel::CustomerId, "A customer's One ID (客户统一标识).";
    SegmentId, roadbook_kernel::SegmentId, "A segment (人群).";
    JourneyId, roadbook_kernel::JourneyId, "A journey (旅程).";
    VehicleId, roadbook_kernel::VehicleId, "A car (车辆): a hash of its VIN under the tenant's key.";
    RunId, roadbook_kernel::RunId, "One passage of one customer through one journey.";
    MessageId, roadbook_kernel::MessageId, "One accepted message; the same event sent again has the same one.";
    SendKey, roadbook_kernel::SendKey, "One message to one customer (触达).";
    LetterId, roadbook_kernel::DeadLetterId, "A dead letter (死信).";
    ConflictId, roadbook_kernel::ConflictId, "A suggested merge (疑似同一人).";
    EndpointId, roadbook_kernel::EndpointId, "A webhook endpoint (事件推送地址).";
    DeliveryId, roadbook_kernel::DeliveryId, "One announcement to one endpoint: the `webhook-id` of its calls.";
    JobId, roadbook_kernel::JobId, "A job (任务).";
    ReviewId, roadbook_kernel::ReviewId, "What an unmerge could not decide (待人工核对).";
}

written! {
    /// The id of an API key.
    KeyId false => json_schema!({
        "type": "string",
        "description": "An API key; also the `source` of what is sent with it.",
        "pattern": "^key_[0-9a-f]{16}$",
        "examples": ["key_0123456789abcdef"],
    });
    /// Kinds of identifiers.
    IdentifierKind false => json_schema!({
        "type": "string",
        "description": "Kinds of identifiers (标识), strongest first.",
        "enum": roadbook_identity::Kind::ALL.map(roadbook_identity::Kind::name),
    });
    /// What a consent is about.
    ConsentPurpose false => json_schema!({
        "type": "string",
        "description": "Why somebody is contacted, or their data used (处理目的). A service message rests on the contract;             everything else needs a grant.",
        "enum": roadbook_tenancy::Purpose::ALL.map(roadbook_tenancy::Purpose::word),
    });
    /// A time as it is answered.
    Time true => json_schema!({
        "type": "string",
        "format": "date-time",
        "description": "RFC 3339 in UTC, with milliseconds.",
        "examples": ["2026-03-02T08:00:00.000Z"],
    });
    /// A time as it is read.
    AnyTime true => json_schema!({
        "type": "string",
        "description": "RFC 3339 with any offset, a date, or Unix time in seconds or milliseconds.",
        "examples": ["2026-03-02T16:00:00+08:00"],
    });
    /// Rows of a page.
    Limit true => json_schema!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 });
    /// A caller's name for a request.
    IdempotencyKey true => json_schema!({ "type": "string", "minLength": 1, "maxLength": 255 });
    /// An entity tag.
    IfMatch true => json_schema!({ "type": "string", "examples": ["\"3\""] });
    /// What a key or a person may do.
    ScopeWord false => json_schema!({
        "type": "string",
        "description": "A right (权限).",
        "enum": roadbook_access::Scope::ALL.iter().map(|scope| scope.name()).collect::<Vec<_>>(),
    });
    /// A place in the organisation.
    OrgPlace false => json_schema!({
        "type": "string",
        "description": "A place in the organisation (组织范围), from the top down: region, dealer, store.",
        "pattern": "^(/[A-Za-z0-9_-]+)+$",
        "examples": ["/east/4S001"],
    });
    /// Any JSON.
    Anything true => json_schema!({});
    /// Any object.
    AnyObject true => json_schema!({ "type": "object", "additionalProperties": true });
    /// The condition language, which describes itself.
    Condition true => named("Condition");
    /// The journey language, which describes itself.
    JourneyDefinition true => named("JourneyDefinition");
    /// Why a message is sent: one of the words of journeys.
    SendPurpose true => named("SendPurpose");
    /// The ways a message can leave: one of the words of journeys.
    ChannelKind true => named("ChannelKind");
}

/// One page of a list.
#[derive(JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub(super) struct Page<T> {
    /// The rows.
    pub(super) data: Vec<T>,
    /// Where the next page begins: send it as `cursor`. `null` on the last page.
    pub(super) next_cursor: Option<String>,
    /// Whether there is a next page. A page may be short, or empty, and still have one behind it.
    pub(super) has_more: bool,
}

/// Values by name, personal ones masked.
pub(super) type Values = std::collections::BTreeMap<String, Value>;

/// A choice of a filter, or the empty text, which chooses nothing: forms send it.
pub(super) struct OrNothing<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OrNothing<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "OrNothing".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<T>(), { "const": "" }] })
    }
}
