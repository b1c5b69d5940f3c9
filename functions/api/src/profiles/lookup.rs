//! Who has this identifier?

use super::{live, view};
use crate::api::Api;
use crate::failure::Failure;
use crate::params::Params;
use crate::secret::Secret;
use crate::tags::{hide, published};
use axum::Json;
use axum::extract::State;
use roadbook_identity::{Identifier, Kind, TenantKeys};
use roadbook_runtime::ports::ItemKey;
use roadbook_runtime::read_claim;
use serde_json::Value;
use std::sync::Arc;

/// `GET /v1/profiles/lookup?key=<kind>:<value>`, with a scope in between for the kinds that need one:
/// `openid:<appid>:<value>`, `external_userid:<corp>:<value>`.
pub(crate) async fn lookup(
    State(api): State<Arc<Api>>,
    secret: Secret,
    params: Params,
) -> Result<Json<Value>, Failure> {
    let identifier = read(&secret.keys(&api), params.required("key")?)?;
    // Not the router's cache: it may remember a former owner of an identifier that changed its person.
    let key = ItemKey::claim(secret.tenant(), &identifier.key());
    let Some(item) = api.engine().store.load(&key).await? else { return Err(Failure::not_found("profile")) };
    let claim = read_claim(&item)?;
    if claim.released {
        return Err(Failure::not_found("profile"));
    }
    let row = live(&api, secret.tenant(), claim.owner).await?;
    let mut shown = view::profile(&row.state, api.engine().clock.now());
    let catalog = published(&api, secret.tenant()).await?;
    hide::in_profile(&catalog, &mut shown);
    Ok(Json(shown))
}

/// The error names the kind and the rule, never the value.
fn read(keys: &TenantKeys, key: &str) -> Result<Identifier, Failure> {
    let form = "`key` is `<kind>:<value>`, or `<kind>:<scope>:<value>` for openid and external_userid";
    let (kind, rest) = key.split_once(':').ok_or_else(|| Failure::invalid("malformed_key", "", form))?;
    let kind: Kind = kind.parse().map_err(|unknown: roadbook_identity::UnknownKind| {
        Failure::invalid("unknown_identifier_kind", "", unknown.to_string())
    })?;
    let (scope, value) = if kind.is_scoped() {
        rest.split_once(':').ok_or_else(|| Failure::invalid("malformed_key", "", form))?
    } else {
        ("", rest)
    };
    keys.identifier(kind, scope, value).map_err(|rejected| {
        Failure::invalid(rejected.code(), "", format!("the {kind} cannot be looked up: {rejected}"))
    })
}
