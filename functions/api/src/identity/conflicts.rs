//! Suggested merges: two customers were met in one event, and the rules kept them apart. Somebody merges or dismisses.

use crate::api::Api;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::page::{Page, PageQuery};
use crate::params::{Params, PathId};
use crate::profiles::live;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_kernel::{ConflictId, CustomerId};
use roadbook_runtime::suggestions::{self, Closed, Conflict, Suggestion};
use roadbook_wire::time::write;
use serde_json::{Value, json};
use std::sync::Arc;

/// Suggestions looked at for one page. A filter that finds little ends its page early, with a cursor to go on.
const LOOKED_AT_MAX: usize = 1_000;
/// Longest note in bytes.
pub(super) const NOTE_BYTES_MAX: usize = 500;

/// `GET /v1/identity/conflicts?status=&limit=&cursor=`; `status` is open (the default), merged, dismissed or all.
pub(crate) async fn list(State(api): State<Arc<Api>>, secret: Secret, params: Params) -> Result<Json<Page>, Failure> {
    let wanted = match params.get("status") {
        None | Some("") => "open",
        Some(word @ ("open" | "merged" | "dismissed" | "all")) => word,
        Some(_) => {
            return Err(Failure::invalid("unknown_choice", "", "`status` is open, merged, dismissed or all"));
        }
    };
    let keys = secret.keys(&api);
    let page = PageQuery::read(&params, &keys, format!("conflicts/{wanted}"))?;
    let (mut place, mut rows, mut looked_at) = (page.after.clone(), Vec::new(), 0);
    loop {
        let store = api.engine().store.as_ref();
        let found = suggestions::list::<Conflict>(store, secret.tenant(), place.as_deref(), page.limit).await?;
        let last_read = found.len() < page.limit;
        for (conflict, closed) in found {
            if rows.len() == page.limit {
                return Ok(Json(page.answer(rows, place)));
            }
            let (customers, status) = standing(&api, &secret, &conflict, closed.as_ref()).await?;
            if wanted == "all" || wanted == status {
                rows.push(shown(&conflict, closed.as_ref(), &customers, status));
            }
            place = Some(suggestions::place(&conflict));
            looked_at += 1;
        }
        if last_read {
            return Ok(Json(page.answer(rows, None)));
        }
        if looked_at >= LOOKED_AT_MAX {
            return Ok(Json(page.answer(rows, place)));
        }
    }
}

/// Who the two are by now, and so how the suggestion stands.
async fn standing(
    api: &Api,
    secret: &Secret,
    conflict: &Conflict,
    closed: Option<&Closed>,
) -> Result<([CustomerId; 2], &'static str), Failure> {
    let [a, b] = conflict.customers;
    let one = live(api, secret, a).await?.state.id;
    let other = if a == b { one } else { live(api, secret, b).await?.state.id };
    let status = match closed {
        Some(_) => "dismissed",
        None if a != b && one == other => "merged",
        None => "open",
    };
    Ok(([one, other], status))
}

fn shown(conflict: &Conflict, closed: Option<&Closed>, customers: &[CustomerId; 2], status: &str) -> Value {
    json!({
        "id": conflict.id,
        "customers": if customers[0] == customers[1] { &customers[..1] } else { &customers[..] },
        "kind": conflict.identifier.kind,
        "reason": conflict.reason,
        "message": conflict.by,
        "met_at": write(conflict.at),
        "status": status,
        "dismissed": closed.map(decision),
    })
}

pub(super) fn decision(closed: &Closed) -> Value {
    json!({ "by": closed.by, "at": write(closed.at), "note": closed.note })
}

/// `POST /v1/identity/conflicts/{id}/dismiss {note?}`: they are two. The first decision stays.
pub(crate) async fn dismiss(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<ConflictId>,
    fields: Fields,
) -> Result<Json<Value>, Failure> {
    let note = note(fields)?;
    let (store, tenant) = (api.engine().store.as_ref(), secret.tenant());
    let conflict = suggestions::get::<Conflict>(store, tenant, id).await?;
    let conflict = conflict.ok_or_else(|| Failure::not_found("conflict"))?;
    close::<Conflict>(&api, &secret, id, note).await?;
    let closed = suggestions::closed::<Conflict>(store, tenant, id).await?;
    let (customers, status) = standing(&api, &secret, &conflict, closed.as_ref()).await?;
    Ok(Json(shown(&conflict, closed.as_ref(), &customers, status)))
}

pub(super) fn note(mut fields: Fields) -> Result<String, Failure> {
    let note = fields.optional_text("note").unwrap_or_default();
    if note.len() > NOTE_BYTES_MAX {
        fields.wrong("note", "too_long", format!("at most {NOTE_BYTES_MAX} bytes are kept"));
    }
    fields.close()?;
    Ok(note)
}

pub(super) async fn close<S: Suggestion>(api: &Api, secret: &Secret, id: S::Id, note: String) -> Result<(), Failure> {
    let how = Closed { by: secret.0.source().to_owned(), at: api.engine().clock.now(), note };
    suggestions::close::<S>(api.engine().store.as_ref(), secret.tenant(), id, &how).await?;
    Ok(())
}
