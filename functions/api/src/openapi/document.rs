//! The table of routes and the words about them, put together.

use super::describe::{Answer, Body, Description, JSON, Parameter, Place};
use super::schemas::Schemas;
use super::{AREAS, outgoing, problems};
use crate::metrics::RouteClass;
use crate::routes::{ROUTES, RouteInfo};
use aide::openapi::{Components, Info, License, OpenApi, Operation, PathItem, Paths, ReferenceOr, Server, Tag};
use roadbook_access::Scope;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const ABOUT: &str = "Customer-lifecycle marketing for car makers and dealers (汽车客户全生命周期营销).\n\n\
    **Keys.** Events take a write key, everything else a secret key or a person's token as Bearer; both belong to one \
    tenant, and nothing of another tenant can be seen or touched with them.\n\n\
    **Problems.** Whatever is not a success is `application/problem+json` with a stable `code`. Codes may come to be, so \
    treat one you do not know by its status.\n\n\
    **Changes.** Single things carry an `ETag`; who changes them sends it as `If-Match`. Any change with an \
    `Idempotency-Key` is carried out once in 24 hours, and repeated with the first answer.\n\n\
    **Limits.** Answers to keys and people tell how many requests are left in `RateLimit-Policy` and `RateLimit`.\n\n\
    **Pages.** Lists take `limit` and `cursor`, and answer `data`, `next_cursor`, `has_more`.\n\n\
    **Personal values** are masked in every answer.\n\n\
    **Answers grow.** Fields may be added to answers at any time; read those you know.";

/// The document of every route in [`ROUTES`].
pub fn document() -> OpenApi {
    let mut schemas = Schemas::new();
    schemas.answered::<problems::Problem>();
    let mut paths: BTreeMap<&'static str, PathItem> = BTreeMap::new();
    let mut order = Vec::new();
    for (tag, described) in described() {
        let Some(route) = ROUTES.iter().find(|route| route.method == described.method && route.path == described.path)
        else {
            continue;
        };
        let described = if is_repeatable(route) { described.repeatable() } else { described };
        let operation: Operation = read(operation(&mut schemas, tag, &described, route));
        if !paths.contains_key(described.path) {
            order.push(described.path);
        }
        let item = paths.entry(described.path).or_default();
        match described.method {
            "get" => item.get = Some(operation),
            "post" => item.post = Some(operation),
            "put" => item.put = Some(operation),
            "patch" => item.patch = Some(operation),
            "delete" => item.delete = Some(operation),
            _ => {}
        }
    }
    let mut all = Paths::default();
    for path in order {
        if let Some(item) = paths.remove(path) {
            all.paths.insert(path.to_owned(), ReferenceOr::Item(item));
        }
    }
    let webhooks = read(Value::Object(outgoing::webhooks(&mut schemas)));
    OpenApi {
        openapi: "3.1.0".into(),
        info: about(),
        servers: vec![Server {
            url: "/".to_owned(),
            description: Some("This server.".to_owned()),
            ..Server::default()
        }],
        paths: Some(all),
        webhooks,
        components: Some(components(schemas)),
        tags: tags(),
        ..OpenApi::default()
    }
}

/// Whether the middleware in `idempotency.rs` stands in front of it.
fn is_repeatable(route: &RouteInfo) -> bool {
    route.class == RouteClass::Secret && route.method != "get" && route.path != "/v1/imports"
}

/// Every description with the tag of its area.
pub(super) fn described() -> impl Iterator<Item = (&'static str, Description)> {
    AREAS.iter().flat_map(|area| (area.describe)().into_iter().map(|described| (area.tag, described)))
}

/// The library's type of something that is written as JSON here. What does not fit is a mistake of this module, which
/// its tests would see: they read the document back.
fn read<T: DeserializeOwned + Default>(value: Value) -> T {
    serde_json::from_value(value).unwrap_or_default()
}

fn about() -> Info {
    Info {
        title: "Roadbook API".to_owned(),
        description: Some(ABOUT.to_owned()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: Some(License {
            name: "Apache 2.0".to_owned(),
            identifier: Some("Apache-2.0".to_owned()),
            ..License::default()
        }),
        ..Info::default()
    }
}

fn tags() -> Vec<Tag> {
    AREAS
        .iter()
        .map(|area| Tag { name: area.tag.to_owned(), description: Some(area.text.to_owned()), ..Tag::default() })
        .collect()
}

fn components(schemas: Schemas) -> Components {
    read(json!({
        "schemas": schemas.finish(),
        "responses": shared().into_iter().map(|(name, status, codes)| {
            (name.to_owned(), problems::answer(status, &codes.iter().copied().collect()))
        }).collect::<Map<String, Value>>(),
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "A secret key (`rb_sk_...`), which never leaves a server, or a person's token.",
            },
            "writeKey": {
                "type": "http",
                "scheme": "basic",
                "description": "A write key (`rb_wk_...`) as the user name, with an empty password.",
            },
        },
    }))
}

/// Answers that many routes have word for word.
fn shared() -> [(&'static str, u16, &'static [&'static str]); 9] {
    [
        ("Unauthorized", 401, problems::UNPROVEN),
        ("UnknownKey", 401, problems::UNAUTHORIZED),
        ("Forbidden", 403, problems::FORBIDDEN),
        ("NotFound", 404, &["not_found"]),
        ("BodyTooSlow", 408, &["body_too_slow"]),
        ("BodyTooLarge", 413, &["body_too_large"]),
        ("UnknownEncoding", 415, &["unknown_content_encoding"]),
        ("RateLimited", 429, problems::LIMITED),
        ("Unavailable", 503, problems::UNAVAILABLE),
    ]
}

fn operation(schemas: &mut Schemas, tag: &str, described: &Description, route: &RouteInfo) -> Value {
    let mut operation = json!({
        "operationId": described.id,
        "tags": [tag],
        "summary": described.summary,
        "description": text_with_scope(described.text, route.scope),
        "security": security(route),
        "responses": responses(schemas, described, route.class),
    });
    if !described.parameters.is_empty() {
        operation["parameters"] = described.parameters.iter().map(|one| parameter(schemas, one)).collect();
    }
    if let Some(body) = &described.body {
        operation["requestBody"] = request_body(schemas, body);
    }
    operation
}

fn text_with_scope(text: &str, scope: Option<Scope>) -> String {
    match scope {
        Some(scope) => format!("{text}\n\nTakes the scope `{scope}`."),
        None => text.to_owned(),
    }
}

/// OpenAPI 3.1 lets a requirement of an HTTP scheme name what the caller must be allowed to do.
fn security(route: &RouteInfo) -> Value {
    match route.class {
        RouteClass::Secret => {
            json!([{ "bearer": route.scope.map(|scope| scope.to_string()).into_iter().collect::<Vec<_>>() }])
        }
        // The key may also stand in the body, where no scheme can see it.
        RouteClass::Ingestion => json!([{ "writeKey": [] }, { "bearer": [] }, {}]),
        RouteClass::Browser | RouteClass::Ops | RouteClass::Public | RouteClass::Unknown => json!([]),
    }
}

fn parameter(schemas: &mut Schemas, parameter: &Parameter) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.required,
        "description": parameter.text,
        "schema": (parameter.shape)(schemas),
    })
}

fn request_body(schemas: &mut Schemas, body: &Body) -> Value {
    let mut content = Map::new();
    for (kind, shape) in &body.content {
        let mut media = json!({ "schema": shape(schemas) });
        if let Some(example) = body.example.as_ref().filter(|_| *kind == JSON) {
            media["example"] = example.clone();
        }
        content.insert((*kind).to_owned(), media);
    }
    json!({ "required": body.required, "description": body.text, "content": content })
}

fn responses(schemas: &mut Schemas, described: &Description, class: RouteClass) -> Value {
    let mut responses = Map::new();
    for answer in &described.answers {
        responses.insert(answer.status.to_string(), success(schemas, answer));
    }
    for (status, codes) in problems_of(described, class) {
        let same =
            |(_, known, all): &&(&str, u16, &[&str])| *known == status && all.iter().copied().eq(codes.iter().copied());
        let answer = match shared().iter().find(same) {
            _ if described.richer.contains_key(&status) => {
                let shape = described.richer.get(&status).map(|shape| shape(schemas)).unwrap_or_default();
                problems::richer(status, &codes, &shape)
            }
            Some((name, ..)) => json!({ "$ref": format!("#/components/responses/{name}") }),
            None => problems::answer(status, &codes),
        };
        responses.insert(status.to_string(), answer);
    }
    Value::Object(responses)
}

/// What the area says, and what follows from who may call.
fn problems_of(described: &Description, class: RouteClass) -> BTreeMap<u16, BTreeSet<&'static str>> {
    let mut all = described.problems.clone();
    let follows: &[(u16, &[&'static str])] = match class {
        RouteClass::Secret => &[
            (401, problems::UNPROVEN),
            (403, problems::FORBIDDEN),
            (429, problems::LIMITED),
            (503, problems::UNAVAILABLE),
        ],
        RouteClass::Ingestion => &[(401, problems::UNAUTHORIZED), (503, problems::UNAVAILABLE)],
        RouteClass::Browser | RouteClass::Ops | RouteClass::Public | RouteClass::Unknown => &[],
    };
    for (status, codes) in follows {
        all.entry(*status).or_default().extend(*codes);
    }
    all
}

fn success(schemas: &mut Schemas, answer: &Answer) -> Value {
    let mut described = json!({ "description": answer.text });
    for (kind, shape) in &answer.content {
        described["content"][*kind] = json!({ "schema": shape(schemas) });
    }
    for (name, text) in &answer.headers {
        described["headers"][*name] = json!({ "description": text, "schema": { "type": "string" } });
    }
    described
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_schema_means_one_thing() {
        let mut schemas = Schemas::new();
        for (tag, described) in described() {
            let route = ROUTES.iter().find(|route| (route.method, route.path) == (described.method, described.path));
            if let Some(route) = route {
                operation(&mut schemas, tag, &described, route);
            }
        }
        assert_eq!(schemas.clashes(), Vec::<String>::new(), "rename one of each");
    }

    #[test]
    fn nothing_is_described_twice_and_nothing_that_is_no_route() {
        let mut seen = BTreeSet::new();
        for (_, described) in described() {
            let (method, path) = (described.method, described.path);
            assert!(seen.insert((method, path)), "{method} {path} is described twice");
            let known = ROUTES.iter().any(|route| (route.method, route.path) == (method, path));
            assert!(known, "{method} {path} is described and no route");
        }
    }
}
