//! The words in which an area describes its routes. What follows from the class of a route (who may call it, what is
//! answered to those who may not) is not said here: `document.rs` adds it from the table of routes.

use super::schemas::{Schemas, Shape};
use schemars::JsonSchema;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The content type of everything that is not a problem, unless said otherwise.
pub(super) const JSON: &str = "application/json";

/// Where a parameter stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

/// One parameter.
pub(super) struct Parameter {
    pub(super) place: Place,
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    pub(super) required: bool,
    pub(super) shape: Shape,
}

/// What a request carries.
pub(super) struct Body {
    pub(super) required: bool,
    pub(super) text: &'static str,
    /// Content type and shape.
    pub(super) content: Vec<(&'static str, Shape)>,
    pub(super) example: Option<Value>,
}

/// One answer that is not a problem.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: &'static str,
    pub(super) content: Vec<(&'static str, Shape)>,
    /// Name and meaning of headers worth reading.
    pub(super) headers: Vec<(&'static str, &'static str)>,
}

/// One route in words.
pub(crate) struct Description {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) text: &'static str,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    /// Codes by status.
    pub(super) problems: BTreeMap<u16, BTreeSet<&'static str>>,
    /// Problems that say more than others, by status.
    pub(super) richer: BTreeMap<u16, Shape>,
}

impl Description {
    pub(super) fn new(method: &'static str, path: &'static str, id: &'static str) -> Self {
        Self {
            method,
            path,
            id,
            summary: "",
            text: "",
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: BTreeMap::new(),
            richer: BTreeMap::new(),
        }
    }

    pub(super) fn get(path: &'static str, id: &'static str) -> Self {
        Self::new("get", path, id)
    }

    pub(super) fn post(path: &'static str, id: &'static str) -> Self {
        Self::new("post", path, id)
    }

    pub(super) fn put(path: &'static str, id: &'static str) -> Self {
        Self::new("put", path, id)
    }

    pub(super) fn patch(path: &'static str, id: &'static str) -> Self {
        Self::new("patch", path, id)
    }

    pub(super) fn delete(path: &'static str, id: &'static str) -> Self {
        Self::new("delete", path, id)
    }

    /// A line, and what more there is to know.
    pub(super) fn says(mut self, summary: &'static str, text: &'static str) -> Self {
        (self.summary, self.text) = (summary, text);
        self
    }

    fn parameter<T: JsonSchema>(
        mut self,
        place: Place,
        name: &'static str,
        required: bool,
        text: &'static str,
    ) -> Self {
        let shape: Shape = Schemas::wanted::<T>;
        self.parameters.push(Parameter { place, name, text, required, shape });
        self
    }

    /// The parameter of the path. What nobody has is answered 404, and so is what could not be one.
    pub(super) fn of<T: JsonSchema>(self, name: &'static str, text: &'static str) -> Self {
        self.parameter::<T>(Place::Path, name, true, text).refuses(404, &["not_found"])
    }

    /// A query parameter that may be left out.
    pub(super) fn query<T: JsonSchema>(self, name: &'static str, text: &'static str) -> Self {
        self.parameter::<T>(Place::Query, name, false, text).refuses(400, &["malformed_query"])
    }

    /// A query parameter that must be there.
    pub(super) fn asks<T: JsonSchema>(self, name: &'static str, text: &'static str) -> Self {
        self.parameter::<T>(Place::Query, name, true, text).refuses(400, &["malformed_query", "missing_parameter"])
    }

    /// `If-Match`: nobody's change is overwritten unseen.
    pub(super) fn guarded(self) -> Self {
        self.parameter::<super::common::IfMatch>(
            Place::Header,
            "If-Match",
            true,
            "The `ETag` of what was read; `*` for whatever is there.",
        )
        .refuses(400, &["malformed_if_match"])
        .refuses(412, &["stale_etag"])
        .refuses(428, &["if_match_required"])
    }

    /// The `ETag` of the answer that was described last.
    pub(super) fn tagged(self) -> Self {
        self.with("ETag", "The revision, for `If-Match`.")
    }

    /// A header that may be left out.
    pub(super) fn header<T: JsonSchema>(self, name: &'static str, text: &'static str) -> Self {
        self.parameter::<T>(Place::Header, name, false, text)
    }

    /// `limit` and `cursor`.
    pub(super) fn paged(self) -> Self {
        self.query::<super::common::Limit>("limit", "Most rows of the page.")
            .query::<String>("cursor", "The `next_cursor` of the page before, of this list.")
            .refuses(400, &["invalid_limit", "invalid_cursor"])
    }

    /// `Idempotency-Key`, by which a command is recognised.
    pub(super) fn idempotent(self) -> Self {
        if self.parameters.iter().any(|one| one.name == "Idempotency-Key") {
            return self;
        }
        self.header::<super::common::IdempotencyKey>(
            "Idempotency-Key",
            "A name for this request. The same request under the same name, with the same key, is carried out once.",
        )
        .refuses(400, &["invalid_idempotency_key"])
    }

    /// What follows from the middleware that answers a repeated request with the first answer.
    pub(super) fn repeatable(self) -> Self {
        self.idempotent()
            .refuses(400, &["body_interrupted"])
            .refuses(408, &["body_too_slow"])
            .refuses(409, &["idempotency_key_in_progress"])
            .refuses(413, &["body_too_large"])
            .refuses(422, &["idempotency_key_reused"])
    }

    /// A JSON body.
    pub(super) fn takes<T: JsonSchema>(self, text: &'static str, example: Value) -> Self {
        let shape: Shape = Schemas::wanted::<T>;
        self.body(Body { required: true, text, content: vec![(JSON, shape)], example: Some(example) })
            .refuses(400, &["malformed_json", "wrong_type", "invalid_body"])
    }

    /// A JSON body that may be left out.
    pub(super) fn takes_maybe<T: JsonSchema>(self, text: &'static str, example: Value) -> Self {
        let mut described = self.takes::<T>(text, example);
        described.body.iter_mut().for_each(|body| body.required = false);
        described
    }

    /// A body of any kind, with what reading it can end in.
    pub(super) fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self.refuses(400, &["body_interrupted", "malformed_gzip"])
            .refuses(408, &["body_too_slow"])
            .refuses(413, &["body_too_large"])
            .refuses(415, &["unknown_content_encoding"])
    }

    /// An answer with a JSON body.
    pub(super) fn answers<T: JsonSchema>(self, status: u16, text: &'static str) -> Self {
        self.answers_as::<T>(status, JSON, text)
    }

    /// An answer with a body of another type.
    pub(super) fn answers_as<T: JsonSchema>(mut self, status: u16, kind: &'static str, text: &'static str) -> Self {
        let shape: Shape = Schemas::answered::<T>;
        self.answers.push(Answer { status, text, content: vec![(kind, shape)], headers: Vec::new() });
        self
    }

    /// The answer that was described last, with a body of another type where the caller asks for it.
    pub(super) fn or_as<T: JsonSchema>(mut self, kind: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.content.push((kind, Schemas::answered::<T>));
        }
        self
    }

    /// An answer without a body.
    pub(super) fn answers_nothing(mut self, status: u16, text: &'static str) -> Self {
        self.answers.push(Answer { status, text, content: Vec::new(), headers: Vec::new() });
        self
    }

    /// A header of the answer that was described last.
    pub(super) fn with(mut self, name: &'static str, text: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push((name, text));
        }
        self
    }

    /// Codes that a problem of this status may have.
    pub(super) fn refuses(mut self, status: u16, codes: &[&'static str]) -> Self {
        self.problems.entry(status).or_default().extend(codes);
        self
    }

    /// The same with a problem that says more.
    pub(super) fn refuses_as<T: JsonSchema>(mut self, status: u16, codes: &[&'static str]) -> Self {
        self.richer.insert(status, Schemas::answered::<T>);
        self.refuses(status, codes)
    }
}
