//! API keys.

use super::common::{AnyTime, KeyId, OrgPlace, Page, ScopeWord, Time};
use super::describe::Description;
use schemars::JsonSchema;
use serde_json::json;

/// What a key may do.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum KeyKind {
    /// Sends events; safe inside apps and web pages.
    Write,
    /// Everything of its tenant; never leaves a server.
    Secret,
}

/// A key as it is listed: never the key itself.
#[derive(JsonSchema)]
struct ApiKey {
    id: KeyId,
    kind: KeyKind,
    /// What people call it.
    name: String,
    /// Its first characters, to recognise it by.
    prefix: String,
    created_at: Time,
    revoked_at: Option<Time>,
    scopes: Vec<ScopeWord>,
    expires_at: Option<Time>,
    /// `null` for the whole tenant.
    org_scope: Option<OrgPlace>,
}

/// A key that was just made.
#[derive(JsonSchema)]
struct NewApiKey {
    #[schemars(flatten)]
    listed: ApiKey,
    /// The key. No other answer ever holds it.
    key: String,
}

/// What a new key is to be.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ApiKeyDraft {
    /// What people call it.
    #[schemars(length(min = 1, max = 120))]
    name: String,
    kind: KeyKind,
    /// Of a secret key: what it may do. What its maker may, where absent.
    #[serde(default)]
    #[schemars(length(min = 1))]
    scopes: Option<Vec<ScopeWord>>,
    /// In the future; never, where absent.
    #[serde(default)]
    expires_at: Option<AnyTime>,
}

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::get("/v1/api-keys", "listApiKeys")
            .says(
                "List API keys",
                "Those within the place of whoever asks, revoked ones too, on one page; never the keys themselves.",
            )
            .answers::<Page<ApiKey>>(200, "The keys."),
        Description::post("/v1/api-keys", "createApiKey")
            .says("Create an API key", "The answer is the only place that ever shows the key.")
            .takes::<ApiKeyDraft>("Name and kind.", json!({ "name": "website", "kind": "write" }))
            .answers::<NewApiKey>(201, "The key, once.")
            .with("Cache-Control", "`no-store`.")
            .refuses(403, &["more_than_own"])
            .refuses(409, &["answer_shown_once"]),
        Description::delete("/v1/api-keys/{id}", "revokeApiKey")
            .says("Revoke an API key", "It proves nothing from now on. Revoking it again changes nothing.")
            .of::<KeyId>("id", "Which key.")
            .answers_nothing(204, "It is revoked."),
    ]
}
