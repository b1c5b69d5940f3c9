//! Whether a definition may be saved, and whether everything published still fits together.

use crate::actor::Catalog;
use crate::event::Event;
use crate::references::{self, Named};
use crate::{published, tags};
use roadbook_audience::Problem;
use roadbook_journey::Revision;
use roadbook_kernel::{Durable, Place, Refusal};
use serde_json::Value;

/// Bytes of one definition as JSON.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Characters of a name.
const NAME_CHARS_MAX: usize = 120;

fn name_and_size(name: &str, body: &Value) -> Result<(), Refusal> {
    let place = |pointer: &str, code: &'static str, detail: String| Place {
        pointer: pointer.into(),
        code: code.into(),
        detail,
    };
    if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX {
        let detail = format!("a name has 1 to {NAME_CHARS_MAX} characters");
        return Err(Refusal::new("invalid_name", &*detail).at([place("/name", "invalid_name", detail.clone())]));
    }
    let bytes = body.to_string().len();
    if bytes > BODY_BYTES_MAX {
        return Err(Refusal::new("definition_too_large", format!("{bytes} bytes; at most {BODY_BYTES_MAX} are kept")));
    }
    Ok(())
}

/// A segment as its author wrote it.
pub(crate) fn segment(state: &Catalog, name: &str, condition: &Value) -> Result<(), Refusal> {
    name_and_size(name, condition)?;
    self::condition(state, condition)
}

/// A condition by itself.
pub(crate) fn condition(state: &Catalog, condition: &Value) -> Result<(), Refusal> {
    roadbook_audience::accept(condition)
        .map_err(|problems| invalid("invalid_condition", "/condition", "the condition", problems))?;
    references::check(state, &Named::in_condition(condition), condition, "condition")
}

/// A journey as its author wrote it.
pub(crate) fn journey(state: &Catalog, name: &str, definition: &Value) -> Result<(), Refusal> {
    name_and_size(name, definition)?;
    Revision::parse(definition)
        .map_err(|problems| invalid("invalid_journey", "/definition", "the definition", problems))?;
    references::check(state, &Named::in_journey(definition), definition, "definition")?;
    tags::check_journey(state, definition)
}

/// Whether everything published still fits together once `event` is true.
pub(crate) fn edition(state: &Catalog, event: &Event) -> Result<(), Refusal> {
    let mut next = state.clone();
    next.evolve(event);
    published::compile(&next)
        .map(|_| ())
        .map_err(|problems| invalid("cannot_publish", "", "what is published", problems))
}

fn invalid(code: &'static str, prefix: &str, what: &str, problems: Vec<Problem>) -> Refusal {
    let first = problems.first().map_or(String::new(), |problem| format!(": {}", problem.detail));
    let places = problems.into_iter().map(|problem| Place {
        pointer: format!("{prefix}{}", problem.pointer),
        code: problem.code.into(),
        detail: problem.detail,
    });
    Refusal::new(code, format!("{what} cannot be used{first}")).at(places)
}
