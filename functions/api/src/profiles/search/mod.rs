//! Finding customers: by something somebody said at a desk, or by what they have in common.
//!
//! What is searched for is personal. It stands in the query, which is neither logged nor repeated in an answer.

mod guess;
mod scan;

use super::lookup::{by_identifier, read};
use super::short;
use crate::api::Api;
use crate::failure::Failure;
use crate::page::{Page, PageQuery};
use crate::params::Params;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use scan::Wanted;
use std::sync::Arc;

/// Bytes of what is searched for.
const QUERY_BYTES_MAX: usize = 256;

/// `GET /v1/profiles?key=&q=&tag=&segment=&stage=&limit=&cursor=`. `key` and `q` answer at once and with one page; the
/// others look through the customers, eldest first, and may answer a short page with a cursor to go on.
pub(crate) async fn search(State(api): State<Arc<Api>>, secret: Secret, params: Params) -> Result<Json<Page>, Failure> {
    let (key, said) = (given(&params, "key")?, given(&params, "q")?);
    let wanted = Wanted::read(&params)?;
    if usize::from(key.is_some()) + usize::from(said.is_some()) + usize::from(wanted.is_some()) > 1 {
        let detail = "`key`, `q` and the filters (`tag`, `segment`, `stage`) exclude each other";
        return Err(Failure::invalid("conflicting_parameters", "", detail));
    }
    let keys = secret.keys(&api);
    let page = PageQuery::read(&params, &keys, format!("profiles/{wanted:?}"))?;
    let found = match (key, said) {
        (Some(key), _) => by_identifier(&api, &secret, &read(&keys, key)?).await?.into_iter().collect(),
        (None, Some(said)) => guess::find(&api, &secret, said).await?,
        (None, None) => return scan::scan(&api, &secret, &page, wanted.unwrap_or_default()).await,
    };
    let data = found.iter().take(page.limit).map(short).collect();
    Ok(Json(page.answer(data, None)))
}

/// A parameter that says something; its bytes are counted, and never shown.
fn given<'a>(params: &'a Params, name: &str) -> Result<Option<&'a str>, Failure> {
    let given = params.get(name).map(str::trim).filter(|text| !text.is_empty());
    if given.is_some_and(|text| text.len() > QUERY_BYTES_MAX) {
        let detail = format!("`{name}` has at most {QUERY_BYTES_MAX} bytes");
        return Err(Failure::invalid("query_too_long", "", detail));
    }
    Ok(given)
}
