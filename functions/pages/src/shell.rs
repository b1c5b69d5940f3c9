//! A page around what a view made, and the headers that every page goes out with.

use crate::assets;
use crate::language::{self, Lang};
use crate::person::Visitor;
use crate::render;
use crate::texts::Texts;
use crate::{cookies, place};
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use minijinja::Environment;
use minijinja::value::Serde;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Nothing from elsewhere, nothing inline, no script.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
/// The live view has a script of ours that listens to a stream of ours.
pub(crate) const LIVE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; \
                                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every handler has at hand.
pub(crate) struct Pages {
    pub(crate) api: Router,
    pub(crate) texts: Arc<Texts>,
    env: Environment<'static>,
}

/// What a view makes.
pub(crate) struct Page {
    pub(crate) template: &'static str,
    pub(crate) context: Value,
    pub(crate) status: StatusCode,
    pub(crate) policy: &'static str,
}

impl Page {
    pub(crate) fn new(template: &'static str, context: Value) -> Self {
        Self { template, context, status: StatusCode::OK, policy: POLICY }
    }

    pub(crate) fn status(self, status: u16) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), ..self }
    }
}

impl Pages {
    /// # Errors
    /// A table of texts or a template that cannot be read: the tests refuse such a build.
    pub(crate) fn new(api: Router) -> Result<Self, String> {
        let texts = Arc::new(Texts::read()?);
        let env = render::environment(&texts).map_err(|error| error.to_string())?;
        Ok(Self { api, texts, env })
    }

    /// The whole page. `shared` is what the frame shows: who is signed in, where they are.
    pub(crate) fn answer(&self, visitor: &Visitor, shared: Value, page: Page) -> Response {
        match self.html(visitor, shared, &page) {
            Ok(html) => {
                let mut response = (page.status, Html(html)).into_response();
                let policy = HeaderValue::from_static(page.policy);
                response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
                response
            }
            Err(error) => {
                // Its sentence names the template and the line; values stand in the chain below it, which is not logged.
                tracing::error!(template = page.template, kind = ?error.kind(), line = ?error.line(), "a page was not made");
                (StatusCode::INTERNAL_SERVER_ERROR, "this page could not be made; it is in our log").into_response()
            }
        }
    }

    fn html(&self, visitor: &Visitor, shared: Value, page: &Page) -> Result<String, minijinja::Error> {
        let mut context = match shared {
            Value::Object(shared) => shared,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
        };
        context.insert("lang".into(), json!(visitor.lang.code()));
        context.insert("lang_tag".into(), json!(visitor.lang.tag()));
        context.insert("here".into(), json!(visitor.here));
        context.insert("other".into(), json!(other_language(visitor)));
        context.insert("version".into(), json!(assets::VERSION.as_str()));
        let frame = context.clone();
        if let Value::Object(own) = &page.context {
            context.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        let title = context.get("title").cloned().unwrap_or_default();
        let section = context.get("section").cloned().unwrap_or_default();
        let content = self.env.get_template(page.template)?.render(values(context))?;
        let mut frame = values(frame);
        frame.insert("content".into(), minijinja::Value::from_safe_string(content));
        frame.insert("live".into(), minijinja::Value::from(page.policy == LIVE_POLICY));
        for (name, value) in [("title", title), ("section", section)] {
            frame.insert(name.into(), minijinja::Value::from(Serde(value)));
        }
        self.env.get_template("layout.html")?.render(frame)
    }
}

fn values(context: Map<String, Value>) -> BTreeMap<String, minijinja::Value> {
    context.into_iter().map(|(name, value)| (name, minijinja::Value::from(Serde(value)))).collect()
}

/// The address of this page in the other language.
fn other_language(visitor: &Visitor) -> Value {
    let lang = match visitor.lang {
        Lang::Zh => Lang::En,
        Lang::En => Lang::Zh,
    };
    let (path, query) = visitor.here.split_once('?').unwrap_or((&visitor.here, ""));
    let mut kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("lang=")).collect();
    let asked = format!("lang={}", lang.code());
    kept.push(&asked);
    json!({ "href": format!("{path}?{}", kept.join("&")), "code": lang.code(), "tag": lang.tag() })
}

/// Around every answer: headers that no page goes without, and the language where it was chosen just now.
pub(crate) async fn around(request: Request, next: Next) -> Response {
    let chosen = language::asked(request.uri().query());
    let secure = cookies::is_secure(request.headers());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    guard(headers);
    let cookie = chosen.and_then(|lang| cookies::set(cookies::LANG, lang.code(), Some(31_536_000), secure));
    if let Some(cookie) = cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

fn guard(headers: &mut HeaderMap) {
    let mut unless_set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    unless_set(header::CONTENT_SECURITY_POLICY, POLICY);
    // Pages show customers: nothing of them stays in a cache, of the browser or on the way.
    unless_set(header::CACHE_CONTROL, "no-store");
    unless_set(header::REFERRER_POLICY, "no-referrer");
    unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    unless_set(header::X_FRAME_OPTIONS, "DENY");
    unless_set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    unless_set(header::VARY, "Cookie, Accept-Language");
}

/// A redirect after a form, always to a place of the console.
pub(crate) fn goto(to: &str) -> Response {
    let to = place::ours(to).unwrap_or("/console");
    // Ours are plain ASCII without spaces, so they fit into a header.
    let location = HeaderValue::from_str(to).unwrap_or_else(|_| HeaderValue::from_static("/console"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}
