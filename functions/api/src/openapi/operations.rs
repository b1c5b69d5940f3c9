//! For the operator, and for programs that read documents.

use super::common::AnyObject;
use super::describe::Description;
use super::problems::STORE_FAILS;
use schemars::JsonSchema;

/// All is well.
#[derive(JsonSchema)]
struct Health {
    /// Always `ok`: whatever is not is answered with a problem.
    #[schemars(extend("const" = "ok"))]
    status: String,
}

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::get("/healthz", "getHealth")
            .says("Is it alive?", "200 while a commit could succeed.")
            .answers::<Health>(200, "It is.")
            .refuses(503, STORE_FAILS),
        Description::get("/readyz", "getReadiness")
            .says("May it get traffic?", "200 while it should get traffic: not while the process is about to stop.")
            .answers::<Health>(200, "It may.")
            .refuses(503, STORE_FAILS)
            .refuses(503, &["draining"]),
        Description::get("/metrics", "getMetrics")
            .says("Counters", "In the Prometheus text format. No label names a tenant, a key or a customer.")
            .answers_as::<String>(200, "text/plain", "Prometheus text."),
        Description::get("/v1/openapi.json", "getOpenApi")
            .says("This document", "OpenAPI 3.1, generated from the code that serves it.")
            .header::<String>("If-None-Match", "The `ETag` of a copy: where it is still true, it is not sent again.")
            .answers::<AnyObject>(200, "The document.")
            .with("ETag", "Changes with the document.")
            .with("Cache-Control", "For how long a copy may be used without asking.")
            .answers_nothing(304, "The copy is still true.")
            .with("ETag", "The one that was sent."),
    ]
}
