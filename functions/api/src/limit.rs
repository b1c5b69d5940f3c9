//! Who asks, and how often: every request of the secret API is proven and counted here, before its handler.
//!
//! Each key and each person has a bucket of requests that fills within a minute. Every answer says how it stands, in
//! the fields of the IETF's draft on rate limits: `RateLimit-Policy` and `RateLimit`. Events are not counted here:
//! ingestion has a limit on what is under way instead (see `gate.rs`).

use crate::api::Api;
use crate::credentials;
use crate::failure::Failure;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use roadbook_access::{Authority, Buckets, Empty, Level};
use roadbook_kernel::{Moment, TenantId};
use std::sync::Arc;

const WINDOW_MS: i64 = 60_000;
/// Keys and people whose bucket is remembered.
const SOURCES: usize = 50_000;

/// The buckets of one process; `None` where there is no limit.
pub(crate) struct Limits(Option<Buckets<(TenantId, String)>>);

impl Limits {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self((per_minute > 0).then(|| Buckets::new(per_minute, WINDOW_MS, SOURCES)))
    }

    fn take(&self, authority: &Authority, now: Moment) -> Result<Option<Level>, Empty> {
        let Some(buckets) = &self.0 else { return Ok(None) };
        buckets.take(&(authority.tenant(), authority.source().to_owned()), now).map(Some)
    }
}

/// Around every request of the secret API.
pub(crate) async fn around(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let authority = match proven(&api, request.headers()).await {
        Ok(authority) => authority,
        Err(failure) => return failure.into_response(),
    };
    let taken = api.limits.take(&authority, api.engine().wall.now());
    let (level, mut response) = match taken {
        Ok(level) => {
            request.extensions_mut().insert(authority);
            (level, next.run(request).await)
        }
        Err(Empty { level, retry_after_s }) => {
            let detail = "this key or person asks too often; `Retry-After` says when to come back";
            (Some(level), Failure::limited("rate_limited", detail, retry_after_s).into_response())
        }
    };
    if let Some(level) = level {
        tell(&mut response, level);
    }
    response
}

async fn proven(api: &Api, headers: &HeaderMap) -> Result<Authority, Failure> {
    let text = credentials::presented(headers)?.ok_or_else(credentials::missing)?;
    credentials::prove_any(api, &text).await
}

fn tell(response: &mut Response, level: Level) {
    let Level { quota, window_s, left, full_in_s } = level;
    let fields = [
        ("ratelimit-policy", format!(r#""default";q={quota};w={window_s}"#)),
        ("ratelimit", format!(r#""default";r={left};t={full_in_s}"#)),
    ];
    for (name, text) in fields {
        if let Ok(value) = HeaderValue::try_from(text) {
            response.headers_mut().insert(name, value);
        }
    }
}
