//! How many identifiers of each kind one person may have.

use crate::api::Api;
use crate::command::{self, CommandId};
use crate::etag::{IfMatch, tagged};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use roadbook_catalog::{Catalog, Command, IdentityPolicy};
use roadbook_identity::{IDENTIFIERS_MAX, Kind, Limit, Policy};
use roadbook_kernel::{ActorKey, TenantId};
use roadbook_runtime::load_row;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `GET /v1/identity/policy`: the limits in force; revision 0 is what is built in.
pub(crate) async fn get(State(api): State<Arc<Api>>, secret: Secret) -> Result<Response, Failure> {
    answer(&api, secret.tenant()).await
}

/// `PUT /v1/identity/policy {limits: {kind: {max, within_days?}}}` with `If-Match`. A kind that is not named has no
/// limit but the one on all identifiers together. What people have already stays with them.
pub(crate) async fn put(
    State(api): State<Arc<Api>>,
    secret: Secret,
    IfMatch(expected): IfMatch,
    CommandId(message): CommandId,
    mut fields: Fields,
) -> Result<Response, Failure> {
    let limits = fields.required("limits").and_then(|value| read(&mut fields, value));
    fields.close()?;
    let policy = limits.and_then(|limits| Policy::new(limits).ok()).ok_or_else(Failure::defect)?;
    let accepted = api.engine().clock.now();
    let command = Command::SetIdentityPolicy { policy, expected };
    command::to_catalog(&api, &secret, message, accepted, command).await?;
    answer(&api, secret.tenant()).await
}

/// Every wrong place is named at once.
fn read(fields: &mut Fields, value: Value) -> Option<BTreeMap<Kind, Limit>> {
    let Value::Object(named) = value else {
        fields.wrong("limits", "wrong_type", "expected an object: a limit by kind of identifier");
        return None;
    };
    let mut limits = BTreeMap::new();
    for (name, limit) in named {
        let short: String = name.chars().take(40).collect();
        let at = format!("limits/{}", short.replace('~', "~0").replace('/', "~1"));
        let kind = match name.parse::<Kind>() {
            Ok(kind) => kind,
            Err(unknown) => {
                fields.wrong(&at, "unknown_identifier_kind", unknown.to_string());
                continue;
            }
        };
        let form = format!("a limit is {{\"max\": 1 to {IDENTIFIERS_MAX}, \"within_days\": 1 to 3650 or absent}}");
        match serde_json::from_value::<Limit>(limit).ok().filter(|limit| Policy::new([(kind, *limit)].into()).is_ok()) {
            Some(limit) => drop(limits.insert(kind, limit)),
            None => fields.wrong(&at, "invalid_limit", form),
        }
    }
    Some(limits)
}

async fn answer(api: &Api, tenant: TenantId) -> Result<Response, Failure> {
    let catalog = load_row::<Catalog>(api.engine(), &ActorKey::catalog(tenant)).await?.state;
    let IdentityPolicy { revision, policy } = catalog.identity;
    let limits: Map<String, Value> = policy
        .limits()
        .iter()
        .map(|(kind, limit)| (kind.name().to_owned(), json!({ "max": limit.max, "within_days": limit.within_days })))
        .collect();
    let shown = json!({ "revision": revision, "limits": limits, "identifiers_max": IDENTIFIERS_MAX });
    Ok(tagged(revision, Json(shown)))
}
