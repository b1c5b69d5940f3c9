//! How sends came out.

use crate::api::Api;
use crate::failure::Failure;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_runtime::projections::send_stats;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/sends/stats`: counts by outcome, as far as the relay has come. A handed-over send is counted under its end
/// as well.
pub(crate) async fn stats(State(api): State<Arc<Api>>, secret: Secret) -> Result<Json<Value>, Failure> {
    let counts = send_stats::read(api.engine().store.as_ref(), secret.tenant()).await?;
    Ok(Json(json!({ "sends": counts })))
}
