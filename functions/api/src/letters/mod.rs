//! Dead letters: what could not be applied, why, how it is corrected, and how it is sent again.

mod correct;
mod producer;
mod replay;
mod replay_many;
mod view;

pub(crate) use correct::correct;
pub(crate) use producer::producer_id;
pub(crate) use replay::replay;
pub(crate) use replay_many::replay_many;
pub(crate) use view::wire as shown_event;

use crate::api::Api;
use crate::etag::tagged;
use crate::failure::Failure;
use crate::page::{Page, PageQuery};
use crate::params::{Params, PathId};
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use roadbook_kernel::{DeadLetterId, TenantId};
use roadbook_runtime::ports::{ItemKey, Space};
use roadbook_runtime::{Letter, LetterStatus};
use std::sync::Arc;

/// Letters read at once.
const LETTERS_READ: usize = 256;
/// Letters looked at for one page. A filter that finds little ends its page early, with a cursor to go on.
const LETTERS_LOOKED_AT_MAX: usize = 4_096;

/// `GET /v1/dead-letters?status=&code=&limit=&cursor=`, newest first.
pub(crate) async fn list(State(api): State<Arc<Api>>, secret: Secret, params: Params) -> Result<Json<Page>, Failure> {
    let status = match params.get("status") {
        None | Some("") => None,
        Some("open") => Some(LetterStatus::Open),
        Some("corrected") => Some(LetterStatus::Corrected),
        Some("replayed") => Some(LetterStatus::Replayed),
        Some(_) => return Err(Failure::invalid("unknown_choice", "", "`status` is open, corrected or replayed")),
    };
    let code = params.get("code").filter(|code| !code.is_empty());
    let keys = secret.keys(&api);
    let page = PageQuery::read(&params, &keys, format!("dead letters/{status:?}/{}", code.unwrap_or_default()))?;
    let mut place = page.after.clone();
    let (mut rows, mut looked_at) = (Vec::new(), 0);
    loop {
        let found =
            api.engine().store.scan(Space::Letter, secret.tenant(), b"l", place.as_deref(), LETTERS_READ).await?;
        let last_read = found.len() < LETTERS_READ;
        for (key, item) in found {
            if rows.len() == page.limit {
                return Ok(Json(page.answer(rows, place)));
            }
            let letter = Letter::read(&item)?;
            let wanted = status.is_none_or(|status| status == letter.status);
            if wanted && code.is_none_or(|code| code == letter.reason.code) {
                rows.push(view::letter(&letter));
            }
            place = Some(key.local().to_vec());
            looked_at += 1;
        }
        if last_read {
            return Ok(Json(page.answer(rows, None)));
        }
        if looked_at >= LETTERS_LOOKED_AT_MAX {
            return Ok(Json(page.answer(rows, place)));
        }
    }
}

/// `GET /v1/dead-letters/{id}`.
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<DeadLetterId>,
) -> Result<Response, Failure> {
    let (letter, version) = load(&api, secret.tenant(), id).await?;
    Ok(tagged(version, Json(view::letter(&letter))))
}

/// A letter and the version it was read at.
async fn load(api: &Api, tenant: TenantId, id: DeadLetterId) -> Result<(Letter, u64), Failure> {
    let item = api.engine().store.load(&ItemKey::letter(tenant, id)).await?;
    let item = item.ok_or_else(|| Failure::not_found("dead letter"))?;
    Ok((Letter::read(&item)?, item.version))
}
