//! What a page loads besides itself: one style sheet, one icon, and one short script that only the live view uses.

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: &[Asset] = &[
    Asset { name: "style.css", kind: "text/css; charset=utf-8", text: include_str!("../assets/style.css") },
    Asset { name: "live.js", kind: "text/javascript; charset=utf-8", text: include_str!("../assets/live.js") },
    Asset { name: "icon.svg", kind: "image/svg+xml", text: include_str!("../assets/icon.svg") },
];

/// Changes when an asset does. It stands in their addresses, so that a browser may keep them and still never shows a
/// page with the style of an older version.
pub(crate) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = blake3::Hasher::new();
    for asset in ASSETS {
        hasher.update(asset.text.as_bytes());
    }
    hasher.finalize().to_hex()[..12].to_owned()
});

/// `GET /console/assets/{name}`.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = asset.text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    response
}
