//! What is known about one customer.

mod data_scope;
mod fact;
mod lookup;
mod read;
mod search;
mod short;
mod stages;
mod timeline;
mod view;

pub(crate) use data_scope::may_see;
pub(crate) use fact::observed;
pub(crate) use lookup::lookup;
pub(crate) use read::{live, reach};
pub(crate) use search::search;
pub(crate) use short::short;
pub(crate) use stages::stages;
pub(crate) use timeline::timeline;
pub(crate) use view::{consents, run, tag, word};

use crate::api::Api;
use crate::failure::Failure;
use crate::params::PathId;
use crate::secret::Secret;
use crate::tags::{hide, published};
use axum::Json;
use axum::extract::State;
use roadbook_kernel::CustomerId;
use serde_json::Value;
use std::sync::Arc;

/// `GET /v1/profiles/{id}`: an id that was merged away leads to the customer it is now.
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<CustomerId>,
) -> Result<Json<Value>, Failure> {
    let row = live(&api, &secret, id).await?;
    let mut shown = view::profile(&row.state, api.engine().clock.now());
    let catalog = published(&api, secret.tenant()).await?;
    hide::in_profile(&catalog, &mut shown);
    Ok(Json(shown))
}
