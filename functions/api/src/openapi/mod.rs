//! The OpenAPI 3.1 document of this door.
//!
//! | question | file |
//! | --- | --- |
//! | What is said of a route? | the file of its area: `segments.rs`, `profiles.rs`, ... |
//! | In which words can it be said? | `describe.rs` |
//! | What is alike for segments and journeys? | `definitions.rs` |
//! | What follows from the class of a route alone? | `document.rs` |
//! | What is sent to webhook endpoints? | `outgoing.rs` |
//! | Where do schemas come from? | `schemas.rs`, `common.rs`; shapes of one area stand beside its words |
//!
//! To describe a new route: a [`Description`] in the file of its area. A test fails while one is missing; another holds
//! every answer that the tests of this crate see against the document, so it cannot say what is not so. Then
//! `cargo xtask schemas` writes `schemas/openapi/roadbook.json`.
//!
//! The types here only describe shapes: what is really read and written stands in the handlers.

#![allow(dead_code, reason = "the types describe shapes; the handlers read and write them")]

mod common;
mod consents;
mod debugger;
mod definitions;
mod describe;
mod document;
mod explain;
mod identity;
mod ingestion;
mod jobs;
mod journeys;
mod keys;
mod letters;
mod lifecycle;
mod operations;
mod outgoing;
mod people;
mod problems;
mod profile_shapes;
mod profiles;
mod schemas;
mod segments;
mod serve;
mod tags;
mod timeline_shapes;
mod webhooks;

use describe::Description;

pub use document::document;
pub(crate) use serve::openapi;

/// Routes about one thing.
struct Area {
    /// The tag, as clients group by it.
    tag: &'static str,
    /// What it is about, in English and Chinese.
    text: &'static str,
    describe: fn() -> Vec<Description>,
}

const AREAS: &[Area] = &[
    Area {
        tag: "ingestion",
        text: "Events come in (事件接入), in the shape of Segment's API.",
        describe: ingestion::routes,
    },
    Area {
        tag: "profiles",
        text: "What is known of one customer (客户), personal values masked.",
        describe: profiles::routes,
    },
    Area {
        tag: "lifecycle", text: "Where customers and their cars stand (生命周期).", describe: lifecycle::routes
    },
    Area { tag: "consents", text: "What customers said about being contacted (授权).", describe: consents::routes },
    Area { tag: "identity", text: "Who is whom (One ID): merges and what led to them.", describe: identity::routes },
    Area { tag: "segments", text: "Groups of customers by a condition (人群).", describe: segments::routes },
    Area {
        tag: "journeys",
        text: "What happens to a customer, step by step (旅程), and what was sent.",
        describe: journeys::routes,
    },
    Area { tag: "explain", text: "Why is something so, and why not (为什么).", describe: explain::routes },
    Area { tag: "dead letters", text: "What could not be applied, and why (死信).", describe: letters::routes },
    Area { tag: "tags", text: "What tags mean (标签体系), and tags set by hand.", describe: tags::routes },
    Area {
        tag: "webhooks",
        text: "Where you want to be told what happens (事件推送), by Standard Webhooks.",
        describe: webhooks::routes,
    },
    Area { tag: "people", text: "Who may sign in (员工), and who asks.", describe: people::routes },
    Area {
        tag: "jobs",
        text: "Imports (导入), and what goes on after its request was answered.",
        describe: jobs::routes,
    },
    Area { tag: "debugger", text: "What came in last (事件调试).", describe: debugger::routes },
    Area { tag: "access", text: "API keys (密钥).", describe: keys::routes },
    Area {
        tag: "operations",
        text: "For the operator: health, counters, this document.",
        describe: operations::routes,
    },
];
