//! Segments and journeys in lists: all of a kind, and what they are called, by id.

use crate::ask::{Asker, Refused, section};
use crate::person::Person;
use crate::shell::Page;
use serde_json::{Map, Value, json};

/// Definitions looked at for their names. A tenant with more of them sees ids for the rest.
const PAGES_MAX: usize = 10;

/// Every row of a list of definitions, as far as [`PAGES_MAX`] pages go.
pub(crate) async fn all(ask: &Asker, kind: &str) -> Result<Vec<Value>, Refused> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    for _ in 0..PAGES_MAX {
        let mut page = ask.get(&format!("/v1/{kind}?limit=200{cursor}")).await?;
        if let Some(Value::Array(data)) = page.get_mut("data").map(Value::take) {
            rows.extend(data);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    Ok(rows)
}

/// The page of all definitions of a kind with their counts, newest first.
pub(crate) async fn listed(person: &Person, kind: &'static str, template: &'static str) -> Result<Page, Refused> {
    let mut rows = all(&person.ask, kind).await?;
    for row in &mut rows {
        let id = row["id"].as_str().unwrap_or_default().to_owned();
        row["stats"] = section(person.ask.get(&format!("/v1/{kind}/{id}/stats")).await)?["data"].take();
    }
    rows.reverse();
    Ok(Page::new(template, json!({ "section": kind, "rows": rows })))
}

/// Names of segments and journeys. Who may not read them sees ids.
pub(crate) async fn names(ask: &Asker) -> Result<Value, Refused> {
    let mut names = Map::new();
    for kind in ["segments", "journeys"] {
        let rows = match all(ask, kind).await {
            Ok(rows) => rows,
            Err(Refused::SignIn) => return Err(Refused::SignIn),
            Err(Refused::Unavailable | Refused::Problem(_)) => Vec::new(),
        };
        for row in rows {
            if let (Some(id), Some(name)) = (row["id"].as_str(), row["name"].as_str()) {
                names.insert(id.to_owned(), json!(name));
            }
        }
    }
    Ok(Value::Object(names))
}
