//! What an unmerge could not give to one of the two: a list for somebody to look at.

use super::conflicts::{close, decision, note};
use crate::api::Api;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::page::{Page, PageQuery};
use crate::params::{Params, PathId};
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_kernel::ReviewId;
use roadbook_runtime::suggestions::{self, Closed, Review};
use roadbook_wire::time::write;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/identity/reviews?limit=&cursor=`, resolved ones included.
pub(crate) async fn list(State(api): State<Arc<Api>>, secret: Secret, params: Params) -> Result<Json<Page>, Failure> {
    let keys = secret.keys(&api);
    let page = PageQuery::read(&params, &keys, "reviews".to_owned())?;
    let store = api.engine().store.as_ref();
    let mut found = suggestions::list::<Review>(store, secret.tenant(), page.after.as_deref(), page.limit + 1).await?;
    let more = found.len() > page.limit;
    found.truncate(page.limit);
    let next = found.last().filter(|_| more).map(|(review, _)| suggestions::place(review));
    Ok(Json(page.answer(found.iter().map(|(review, closed)| shown(review, closed.as_ref())).collect(), next)))
}

fn shown(review: &Review, closed: Option<&Closed>) -> Value {
    json!({
        "id": review.id,
        "stayed": review.customers[0],
        "restored": review.customers[1],
        "message": review.message,
        "happened_at": write(review.at),
        "what": review.what,
        "why": review.why,
        "status": if closed.is_some() { "resolved" } else { "open" },
        "resolved": closed.map(decision),
    })
}

/// `POST /v1/identity/reviews/{id}/resolve {note?}`: somebody has looked. It changes neither customer: what belongs to
/// the other is told them by an event or a command of its own. The first decision stays.
pub(crate) async fn resolve(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<ReviewId>,
    fields: Fields,
) -> Result<Json<Value>, Failure> {
    let note = note(fields)?;
    let (store, tenant) = (api.engine().store.as_ref(), secret.tenant());
    let review = suggestions::get::<Review>(store, tenant, id).await?.ok_or_else(|| Failure::not_found("review"))?;
    close::<Review>(&api, &secret, id, note).await?;
    let closed = suggestions::closed::<Review>(store, tenant, id).await?;
    Ok(Json(shown(&review, closed.as_ref())))
}
