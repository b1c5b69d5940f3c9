//! What an event says about traits, and its properties.

use crate::dto::{Event, Operations};
use crate::inbound::{check_size, properties};
use crate::millionths;
use crate::rejected::{Flaw, step};
use roadbook_customer::{Call, TraitOps};
use roadbook_kernel::Personal;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const OWN: &str = "/context/roadbook/traits";

type Traits = BTreeMap<String, Value>;

/// Takes an event apart into trait operations and properties.
///
/// An identify sets its `traits`; those that some SDKs repeat under `context.traits` fill what is missing. The traits
/// of a group describe the group and become properties. Operations besides `set` stand in `context.roadbook.traits`.
pub(crate) fn split(call: Call, event: Event<'_>) -> Result<(TraitOps, Map<String, Value>), Flaw> {
    let Event { name, category, group_id, properties: own, traits, context, .. } = event;
    let context = context.0.unwrap_or_default();
    let mut properties = properties(own.0)?;
    let mut fill = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            properties.entry(key).or_insert(Value::String(value));
        }
    };
    let mut set = Traits::new();
    match call {
        Call::Identify => set = identified(traits.0, context.traits.0)?,
        Call::Group => {
            fill("groupId", group_id.into_string());
            let about = traits.0.unwrap_or_default();
            check_size("/traits", about.len(), about.keys())?;
            for (key, value) in about {
                properties.entry(key).or_insert(value);
            }
        }
        Call::Page | Call::Screen => {
            fill("name", name.into_string());
            fill("category", category.into_string());
        }
        Call::Track | Call::Alias => {}
    }
    let operations = context.roadbook.0.and_then(|own| own.traits.0).unwrap_or_default();
    Ok((operated(set, operations)?, properties))
}

fn identified(traits: Option<Traits>, repeated: Option<Traits>) -> Result<Traits, Flaw> {
    let mut set = traits.unwrap_or_default();
    check_size("/traits", set.len(), set.keys())?;
    if let Some(repeated) = repeated {
        check_size("/context/traits", repeated.len(), repeated.keys())?;
        for (key, value) in repeated {
            set.entry(key).or_insert(value);
        }
    }
    Ok(set)
}

fn operated(mut set: Traits, operations: Operations<'_>) -> Result<TraitOps, Flaw> {
    let Operations { set: also, set_once, append, increment } = operations;
    let also = checked("/context/roadbook/traits/set", also.0)?;
    let once = checked("/context/roadbook/traits/set_once", set_once.0)?;
    let append = checked("/context/roadbook/traits/append", append.0)?;
    let raw = increment.0.unwrap_or_default();
    check_size("/context/roadbook/traits/increment", raw.len(), raw.keys())?;
    set.extend(also);
    let increment = raw.into_iter().map(|(key, raw)| amount(&key, raw).map(|amount| (key, amount)));
    let increment = increment.collect::<Result<BTreeMap<String, i64>, Flaw>>()?;
    one_operation_each(&set, &once, &append, &increment)?;
    let some = |traits: Traits| (!traits.is_empty()).then(|| Personal::new(traits));
    Ok(TraitOps { set: some(set), set_once: some(once), append: some(append), increment })
}

fn checked(pointer: &str, traits: Option<Traits>) -> Result<Traits, Flaw> {
    let traits = traits.unwrap_or_default();
    check_size(pointer, traits.len(), traits.keys())?;
    Ok(traits)
}

fn amount(key: &str, raw: &RawValue) -> Result<i64, Flaw> {
    let at = |detail: String| Flaw::new("malformed_increment", format!("{OWN}/increment/{}", step(key)), detail);
    millionths(raw.get()).map_err(|error| at(format!("an increment is a number with at most 6 decimals: {error}")))
}

/// One trait under two operations has no answer to "what is it now?".
fn one_operation_each(
    set: &Traits,
    once: &Traits,
    append: &Traits,
    increment: &BTreeMap<String, i64>,
) -> Result<(), Flaw> {
    let twice = |operation: &str, key: &String| {
        let detail = "one trait may stand under one operation only: set, set_once, append or increment";
        Flaw::new("trait_under_two_operations", format!("{OWN}/{operation}/{}", step(key)), detail)
    };
    for key in once.keys() {
        if set.contains_key(key) {
            return Err(twice("set_once", key));
        }
    }
    for key in append.keys() {
        if set.contains_key(key) || once.contains_key(key) {
            return Err(twice("append", key));
        }
    }
    for key in increment.keys() {
        if set.contains_key(key) || once.contains_key(key) || append.contains_key(key) {
            return Err(twice("increment", key));
        }
    }
    Ok(())
}
