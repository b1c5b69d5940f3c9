//! Whom an event is about: every identifier it carries, in normal form. What identifies nobody is dropped with a note;
//! an event that has nothing else is rejected.

use crate::dto::{Context, Event};
use crate::rejected::Flaw;
use roadbook_customer::Call;
use roadbook_identity::{Identifier, Kind, Rejected, TenantKeys, strongest_first};
use serde_json::Value;
use std::collections::BTreeMap;

/// Most identifiers that one event may carry.
pub const EVENT_IDENTIFIERS_MAX: usize = 32;

/// An identifier that is not taken. It holds no value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// What it would have been; `None` for a kind that does not exist.
    pub kind: Option<Kind>,
    /// Stable code: see [`roadbook_identity::Rejected::code`], or `identifier_kind_unknown`.
    pub code: &'static str,
    /// JSON pointer to it, from the event.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) dropped: Vec<Dropped>,
}

impl Collected {
    fn add(&mut self, keys: &TenantKeys, kind: Kind, scope: &str, raw: &str, pointer: impl FnOnce() -> String) {
        match keys.identifier(kind, scope, raw) {
            Ok(identifier) => self.identifiers.push(identifier),
            Err(error) => self.drop(kind, &error, pointer()),
        }
    }

    fn drop(&mut self, kind: Kind, error: &Rejected, pointer: String) {
        self.dropped.push(Dropped { kind: Some(kind), code: error.code(), pointer, detail: error.to_string() });
    }
}

/// All identifiers of an event, strongest first, each once.
pub(crate) fn collect(keys: &TenantKeys, call: Call, event: &Event<'_>) -> Result<Collected, Flaw> {
    let mut found = Collected::default();
    if let Some(raw) = event.user_id.get() {
        found.add(keys, Kind::UserId, "", raw, || "/userId".to_owned());
    }
    if let Some(raw) = event.anonymous_id.get() {
        found.add(keys, Kind::AnonymousId, "", raw, || "/anonymousId".to_owned());
    }
    if let Some(context) = event.context.get() {
        of_context(keys, context, &mut found)?;
    }
    if call == Call::Identify {
        let context_traits = event.context.get().and_then(|context| context.traits.get());
        of_traits(keys, event.traits.get(), "/traits", &mut found);
        of_traits(keys, context_traits, "/context/traits", &mut found);
    }
    if call == Call::Alias {
        of_alias(keys, event, &mut found)?;
    }
    strongest_first(&mut found.identifiers);
    if found.identifiers.is_empty() { Err(nobody(&found.dropped)) } else { Ok(found) }
}

fn of_context(keys: &TenantKeys, context: &Context<'_>, found: &mut Collected) -> Result<(), Flaw> {
    if let Some(raw) = context.device.get().and_then(|device| device.id.get()) {
        found.add(keys, Kind::Device, "", raw, || "/context/device/id".to_owned());
    }
    let foreign = context.external_ids.as_deref().unwrap_or_default();
    check_count(foreign.len(), "/context/externalIds")?;
    for (index, external) in foreign.iter().enumerate() {
        let Some(external) = external.get() else { continue };
        let Some(kind) = external.kind.get().and_then(foreign_kind) else { continue };
        // Libraries write the name of their table into `collection`; it is a scope only where a scope is needed.
        let scope = external.scope.get().or(external.collection.get().filter(|name| *name != "users"));
        let raw = external.id.get().unwrap_or_default();
        found.add(keys, kind, scope.unwrap_or_default(), raw, || format!("/context/externalIds/{index}/id"));
    }
    let named = context.roadbook.get().and_then(|own| own.identifiers.as_deref()).unwrap_or_default();
    check_count(named.len(), "/context/roadbook/identifiers")?;
    for (index, named) in named.iter().enumerate() {
        let Some(named) = named.get() else { continue };
        let at = |field: &str| format!("/context/roadbook/identifiers/{index}/{field}");
        match named.kind.get().unwrap_or_default().parse::<Kind>() {
            Ok(kind) => {
                let (scope, raw) = (named.scope.get().unwrap_or_default(), named.value.get().unwrap_or_default());
                found.add(keys, kind, scope, raw, || at("value"));
            }
            Err(unknown) => found.dropped.push(Dropped {
                kind: None,
                code: "identifier_kind_unknown",
                pointer: at("kind"),
                detail: unknown.to_string(),
            }),
        }
    }
    Ok(())
}

/// The kind of an external id, with or without the platform that Segment's libraries put before it. Kinds we do not
/// know belong to other tools and are passed over.
fn foreign_kind(name: &str) -> Option<Kind> {
    let plain = name.strip_prefix("ios.").or(name.strip_prefix("android.")).unwrap_or(name);
    plain.parse().ok()
}

fn check_count(count: usize, pointer: &str) -> Result<(), Flaw> {
    if count <= EVENT_IDENTIFIERS_MAX {
        return Ok(());
    }
    let detail = format!("it lists {count} identifiers; one event may carry {EVENT_IDENTIFIERS_MAX}");
    Err(Flaw::new("too_many_identifiers", pointer, detail))
}

/// The traits that are identifiers: `phone` and `email`. A `null` removes the trait and says nothing of who it is.
fn of_traits(keys: &TenantKeys, traits: Option<&BTreeMap<String, Value>>, at: &str, found: &mut Collected) {
    let Some(traits) = traits else { return };
    for (name, kind) in [("phone", Kind::Phone), ("email", Kind::Email)] {
        let pointer = || format!("{at}/{name}");
        match traits.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(raw)) if raw.trim().is_empty() => {}
            Some(Value::String(raw)) => found.add(keys, kind, "", raw, pointer),
            Some(Value::Number(raw)) => found.add(keys, kind, "", &raw.to_string(), pointer),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                found.drop(kind, &Rejected::Malformed { why: "expected a text" }, pointer());
            }
        }
    }
}

/// The other person of an alias. `previousId` says not what it is: it is an anonymousId where it equals the event's own
/// or has the form of the UUIDs that SDKs draw, else a userId. A tenant whose userIds are UUIDs says so in
/// `context.roadbook.previous_kind`.
fn of_alias(keys: &TenantKeys, event: &Event<'_>, found: &mut Collected) -> Result<(), Flaw> {
    let incomplete = |detail: String| Flaw::new("alias_incomplete", "/previousId", detail);
    let Some(previous) = event.previous_id.get() else {
        return Err(incomplete("an alias needs `previousId` and `userId`: the two that are one person".to_owned()));
    };
    let marked = event.context.get().and_then(|context| context.roadbook.get()).and_then(|own| own.previous_kind.get());
    let kind = match marked {
        Some(name) => name.parse().map_err(|unknown: roadbook_identity::UnknownKind| {
            Flaw::new("unknown_identifier_kind", "/context/roadbook/previous_kind", unknown.to_string())
        })?,
        None if event.anonymous_id.get() == Some(previous) || is_uuid(previous) => Kind::AnonymousId,
        None => Kind::UserId,
    };
    if found.identifiers.is_empty() {
        let detail = match found.dropped.first() {
            Some(dropped) => format!("the identifier it stands beside cannot be used: {}", dropped.detail),
            None => "an alias needs `userId` beside `previousId`".to_owned(),
        };
        return Err(incomplete(detail));
    }
    match keys.identifier(kind, "", previous) {
        Ok(identifier) => found.identifiers.push(identifier),
        Err(error) => return Err(incomplete(error.to_string())),
    }
    Ok(())
}

fn is_uuid(text: &str) -> bool {
    let text = text.trim().as_bytes();
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The event names nobody. It says so for each identifier by kind, never by value.
fn nobody(dropped: &[Dropped]) -> Flaw {
    if dropped.is_empty() {
        let detail = "the event carries no identifier: send `userId` or `anonymousId`";
        return Flaw::new("no_usable_identifier", "", detail);
    }
    let pointer = if let [only] = dropped { only.pointer.clone() } else { String::new() };
    let each: Vec<String> = dropped
        .iter()
        .map(|dropped| {
            let kind = dropped.kind.map_or("identifier", Kind::name);
            format!("{kind} at {}: {}", dropped.pointer, dropped.detail)
        })
        .collect();
    Flaw::new("no_usable_identifier", pointer, each.join("; "))
}
