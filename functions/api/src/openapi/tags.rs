//! What tags mean, 标签体系, and tags that are set by hand.

use super::common::{CustomerId, Page, Time, written};
use super::describe::Description;
use super::profile_shapes::Tag;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::borrow::Cow;

written! {
    /// The key of a described tag.
    TagKey true => json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$", "examples": ["intent_model"] });
    /// The key of any tag.
    AnyTagKey true => json_schema!({ "type": "string", "minLength": 1, "maxLength": 200, "examples": ["intent_model"] });
    /// The value of a tag as it is sent.
    TagValue true => json_schema!({
        "description": "A text, a number, a mark, or a list of texts. A bare tag where absent.",
        "oneOf": [
            { "type": "string", "maxLength": 2048 },
            { "type": "number" },
            { "type": "boolean" },
            { "type": "array", "items": { "type": "string" } },
        ],
    });
    /// One line.
    Line true => json_schema!({ "type": "string", "minLength": 1, "maxLength": 120 });
}

/// What kind of value a tag has.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum TagType {
    /// A mark: empty, `true` or `false`.
    Bool,
    /// One of the values listed.
    Enum,
    String,
    Number,
    /// A calendar day, `YYYY-MM-DD`.
    Date,
    /// Several values.
    Multi,
}

/// Where a tag's value comes from in the first place.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum TagOrigin {
    /// A system of record says so.
    Fact,
    /// A rule derives it from events.
    Rule,
    /// A model computes it.
    Model,
    /// A person says so.
    Hand,
}

/// What a tag means.
#[derive(JsonSchema)]
struct TagDefinition {
    key: TagKey,
    name_zh: String,
    name_en: String,
    group: String,
    r#type: TagType,
    /// The values of an `enum`; those a `multi` is limited to.
    values: Vec<String>,
    origin: TagOrigin,
    /// Whether the value names or reaches a person: then it is masked wherever it is shown.
    pii: bool,
    /// Days after which a value ends by itself.
    ttl_days: Option<u32>,
    revision: u64,
    created_at: Time,
    updated_at: Time,
}

/// What a tag is to mean.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TagDefinitionDraft {
    key: TagKey,
    name_zh: Line,
    name_en: Line,
    group: Line,
    r#type: TagType,
    #[serde(default)]
    #[schemars(length(max = 200))]
    values: Option<Vec<String>>,
    origin: TagOrigin,
    #[serde(default)]
    pii: Option<bool>,
    #[serde(default)]
    #[schemars(range(min = 1, max = 3650))]
    ttl_days: Option<u32>,
}

/// What a tag is to mean from now on.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TagDefinitionChange {
    /// May be left out: the path names it.
    #[serde(default)]
    key: Option<TagKey>,
    name_zh: Line,
    name_en: Line,
    group: Line,
    r#type: TagType,
    #[serde(default)]
    #[schemars(length(max = 200))]
    values: Option<Vec<String>>,
    origin: TagOrigin,
    #[serde(default)]
    pii: Option<bool>,
    #[serde(default)]
    #[schemars(range(min = 1, max = 3650))]
    ttl_days: Option<u32>,
}

/// How many tags were described.
#[derive(JsonSchema)]
struct LoadedTags {
    loaded: u64,
    tag_definitions: u64,
}

/// A tag to be set by hand.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ManualTag {
    #[serde(default)]
    value: Option<TagValue>,
    /// In the future; for ever, or as its description says, where absent.
    #[serde(default)]
    expires_at: Option<super::common::AnyTime>,
}

/// The tag as the customer has it now; all but `id` and `tag` are absent where it ended at once.
#[derive(JsonSchema)]
struct CustomerTag {
    id: CustomerId,
    tag: String,
    #[schemars(flatten)]
    now: Tag,
}

fn draft() -> Value {
    json!({
        "key": "intent_model", "name_zh": "意向车型", "name_en": "Model of interest", "group": "intent",
        "type": "string", "origin": "hand",
    })
}

pub(super) fn routes() -> Vec<Description> {
    let mut all = definitions();
    all.extend(manual());
    all
}

fn definitions() -> Vec<Description> {
    const REFUSED: &[&str] = &["invalid_tag_definition", "too_many_definitions", "catalog_full"];
    vec![
        Description::get("/v1/tag-definitions", "listTagDefinitions")
            .says("List what tags mean (标签体系)", "By key.")
            .query::<String>("group", "Only those of this group.")
            .paged()
            .answers::<Page<TagDefinition>>(200, "A page of descriptions."),
        Description::post("/v1/tag-definitions", "createTagDefinition")
            .says("Describe a tag", "From now on its values must fit, and are masked where they are personal.")
            .takes::<TagDefinitionDraft>("The description.", draft())
            .answers::<TagDefinition>(201, "The description.")
            .with("Location", "The path of the new description.")
            .tagged()
            .refuses(409, &["already_defined", "tag_in_use"])
            .refuses(422, REFUSED),
        Description::post("/v1/tag-definitions/load-builtin", "loadBuiltinTags")
            .says("Describe the tags that come with the product", "What is described already stays as it is.")
            .answers::<LoadedTags>(200, "How many there are now.")
            .refuses(409, &["tag_in_use"])
            .refuses(422, REFUSED),
        Description::get("/v1/tag-definitions/{key}", "getTagDefinition")
            .says("What does a tag mean?", "Its description.")
            .of::<TagKey>("key", "Which tag.")
            .answers::<TagDefinition>(200, "The description.")
            .tagged(),
        Description::put("/v1/tag-definitions/{key}", "updateTagDefinition")
            .says("Describe a tag anew", "The whole description.")
            .of::<TagKey>("key", "Which tag.")
            .guarded()
            .idempotent()
            .takes::<TagDefinitionChange>("The description.", draft())
            .answers::<TagDefinition>(200, "The description.")
            .tagged()
            .refuses(409, &["tag_in_use"])
            .refuses(422, REFUSED),
        Description::delete("/v1/tag-definitions/{key}", "deleteTagDefinition")
            .says("Forget what a tag means", "Customers keep the tag.")
            .of::<TagKey>("key", "Which tag.")
            .guarded()
            .idempotent()
            .answers_nothing(204, "It is forgotten.")
            .refuses(409, &["tag_in_use"]),
    ]
}

fn manual() -> Vec<Description> {
    vec![
        Description::put("/v1/profiles/{id}/tags/{key}", "setTag")
            .says(
                "Set a tag (打标签) by hand",
                "Where the tag is described, its value must fit. The cause is who did it.",
            )
            .of::<CustomerId>("id", "Which customer.")
            .of::<AnyTagKey>("key", "Which tag.")
            .idempotent()
            .takes_maybe::<ManualTag>("The value.", json!({ "value": "T-1", "expires_at": "2099-01-01T00:00:00Z" }))
            .answers::<CustomerTag>(200, "The tag as it is now.")
            .refuses(400, &["invalid_key"])
            .refuses(404, &["no_such_customer"])
            .refuses(422, &["customer_full", "too_many_tags", "unfit_tag_value"]),
        Description::delete("/v1/profiles/{id}/tags/{key}", "clearTag")
            .says("Take a tag away", "Whoever set it.")
            .of::<CustomerId>("id", "Which customer.")
            .of::<AnyTagKey>("key", "Which tag.")
            .idempotent()
            .answers_nothing(204, "The customer does not have it.")
            .refuses(400, &["invalid_key"])
            .refuses(404, &["no_such_customer"])
            .refuses(422, &["customer_full"]),
    ]
}
