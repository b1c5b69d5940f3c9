//! What segments and journeys are called, by id.

use crate::ask::{Asker, Refused};
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
