//! Pages: `?limit=&cursor=` in, `{data, next_cursor, has_more}` out.
//!
//! A cursor is where the page ended, signed under the tenant's key together with the list it belongs to: one that was
//! made up, changed, or taken from another list or another tenant is refused, so no cursor is ever a way around a check.

use crate::failure::Failure;
use crate::params::Params;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roadbook_identity::TenantKeys;
use serde::Serialize;
use serde_json::Value;

/// Rows of a page unless asked otherwise.
const LIMIT: usize = 50;
/// Most rows of one page.
const LIMIT_MAX: usize = 200;
const SIGNATURE_BYTES: usize = 8;

/// Which page of which list.
pub(crate) struct PageQuery<'a> {
    pub(crate) limit: usize,
    pub(crate) after: Option<Vec<u8>>,
    keys: &'a TenantKeys,
    list: String,
}

/// One page.
#[derive(Serialize)]
pub(crate) struct Page {
    data: Vec<Value>,
    next_cursor: Option<String>,
    has_more: bool,
}

impl<'a> PageQuery<'a> {
    /// Reads limit and cursor. `list` names the list and whatever else its cursor must not be used beyond.
    pub(crate) fn read(params: &Params, keys: &'a TenantKeys, list: String) -> Result<Self, Failure> {
        let limit = match params.get("limit") {
            None => LIMIT,
            Some(text) => text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or_else(|| {
                Failure::invalid("invalid_limit", "", format!("`limit` is a whole number, 1 to {LIMIT_MAX}"))
            })?,
        };
        let mut page = Self { limit, after: None, keys, list };
        page.after = params.get("cursor").map(|cursor| page.open(cursor)).transpose()?;
        Ok(page)
    }

    fn open(&self, cursor: &str) -> Result<Vec<u8>, Failure> {
        let invalid =
            || Failure::invalid("invalid_cursor", "", "`cursor` is the `next_cursor` of the page before, of this list");
        let mut place = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
        let at = place.len().checked_sub(SIGNATURE_BYTES).ok_or_else(invalid)?;
        let signature = place.split_off(at);
        if signature == self.signature(&place) { Ok(place) } else { Err(invalid()) }
    }

    fn signature(&self, place: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let hash = self.keys.derived(&[b"page cursor", self.list.as_bytes(), place]);
        let mut signature = [0; SIGNATURE_BYTES];
        signature.copy_from_slice(&hash.0.to_be_bytes()[..SIGNATURE_BYTES]);
        signature
    }

    /// The page of these rows. `next` is the place of the last row, where there are more behind it.
    pub(crate) fn answer(&self, data: Vec<Value>, next: Option<Vec<u8>>) -> Page {
        let has_more = next.is_some();
        let next_cursor = next.map(|mut place| {
            let signature = self.signature(&place);
            place.extend_from_slice(&signature);
            URL_SAFE_NO_PAD.encode(place)
        });
        Page { data, next_cursor, has_more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::FromRequestParts;
    use axum::http::Request;
    use roadbook_kernel::TenantId;

    async fn read<'a>(query: &str, keys: &'a TenantKeys, list: &str) -> Result<PageQuery<'a>, Failure> {
        let (mut parts, ()) = Request::get(format!("/?{query}")).body(()).expect("a request").into_parts();
        let params = Params::from_request_parts(&mut parts, &()).await?;
        PageQuery::read(&params, keys, list.to_owned())
    }

    #[tokio::test]
    async fn a_cursor_opens_its_own_list_of_its_own_tenant_only() {
        let keys = TenantKeys::derive(&[1; 32], TenantId::from_u128(1));
        let other = TenantKeys::derive(&[1; 32], TenantId::from_u128(2));
        let first = read("limit=2", &keys, "letters").await.expect("a first page");
        assert_eq!((first.limit, first.after.clone()), (2, None));
        let cursor = first.answer(Vec::new(), Some(b"place".to_vec())).next_cursor.expect("there is more");
        let next = read(&format!("cursor={cursor}"), &keys, "letters").await.expect("its own cursor");
        assert_eq!((next.limit, next.after.as_deref()), (LIMIT, Some(&b"place"[..])));
        let changed = format!("cursor=A{}", &cursor[1..]);
        for (query, keys, list) in [
            (format!("cursor={cursor}"), &keys, "segments"),
            (format!("cursor={cursor}"), &other, "letters"),
            (changed, &keys, "letters"),
            ("cursor=nonsense".into(), &keys, "letters"),
            ("cursor=".into(), &keys, "letters"),
            ("limit=0".into(), &keys, "letters"),
            ("limit=-1".into(), &keys, "letters"),
            ("limit=201".into(), &keys, "letters"),
        ] {
            assert!(read(&query, keys, list).await.is_err(), "{query} of {list}");
        }
    }
}
