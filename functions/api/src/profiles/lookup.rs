//! Who has this identifier?

use super::data_scope::may_see;
use super::view;
use crate::api::Api;
use crate::failure::Failure;
use crate::params::Params;
use crate::secret::Secret;
use crate::tags::{hide, published};
use axum::Json;
use axum::extract::State;
use roadbook_customer::Customer;
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
    let customer = by_identifier(&api, &secret, &identifier).await?;
    let customer = customer.ok_or_else(|| Failure::not_found("profile"))?;
    let mut shown = view::profile(&customer, api.engine().clock.now());
    let catalog = published(&api, secret.tenant()).await?;
    hide::in_profile(&catalog, &mut shown);
    Ok(Json(shown))
}

/// Who has an identifier now, where the one who asks may see them.
pub(super) async fn by_identifier(
    api: &Api,
    secret: &Secret,
    identifier: &Identifier,
) -> Result<Option<Customer>, Failure> {
    let tenant = secret.tenant();
    // Not the router's cache: it may remember a former owner of an identifier that changed its person.
    let key = ItemKey::claim(tenant, &identifier.key());
    let Some(item) = api.engine().store.load(&key).await? else { return Ok(None) };
    let claim = read_claim(&item)?;
    if claim.released {
        return Ok(None);
    }
    let row = roadbook_runtime::live(api.engine(), tenant, claim.owner).await?;
    Ok(row.map(|row| row.state).filter(|customer| may_see(&secret.0, customer)))
}

/// The error names the kind and the rule, never the value.
pub(super) fn read(keys: &TenantKeys, key: &str) -> Result<Identifier, Failure> {
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
