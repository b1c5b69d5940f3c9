//! One part of a condition, in words: what is there, and what is asked.

use super::texts::{Said, Text, minute, operator, say};
use super::{Because, Names, number, purpose};
use crate::mask;
use roadbook_audience::{Asked, ConsentState, Explained, JourneyState, JourneyTest, Recency, Span, SpanUnit, Stage};
use roadbook_kernel::{MessageId, Moment};
use roadbook_wire::time::write;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What one part has and asks, as values and in words.
struct Told {
    what: &'static str,
    have: Value,
    need: Value,
    having: Said,
    needing: Said,
}

/// A part of a condition as a reason. `negated` says that it stands under an odd number of `not`.
pub(super) fn because(leaf: &Explained, negated: bool, names: &Names, messages: &BTreeMap<u64, MessageId>) -> Because {
    let Told { what, have, need, having, needing } = told(leaf, names);
    let text = if leaf.truth.holds { Text::Met } else { Text::NotMet };
    let said = say(text, &[("have", having), ("need", needing)]);
    let said = if negated { say(Text::NotAsked, &[("text", said)]) } else { said };
    Because {
        what,
        pointer: Some(leaf.pointer.clone()),
        holds: Some(leaf.truth.holds),
        have,
        need,
        said,
        events: shorts(leaf).iter().filter_map(|short| messages.get(short).copied()).collect(),
        changes_at: leaf.truth.next_change_at,
    }
}

/// What the state keeps of the messages behind a part.
pub(super) fn shorts(leaf: &Explained) -> Vec<u64> {
    match &leaf.asked {
        Asked::Count { counted, .. } => counted.iter().map(|one| one.id).collect(),
        Asked::Last { newest, .. } => newest.iter().map(|one| one.id).collect(),
        Asked::All
        | Asked::Any
        | Asked::Not
        | Asked::Trait { .. }
        | Asked::Tag { .. }
        | Asked::Segment(_)
        | Asked::Stage(_)
        | Asked::Aipl(_)
        | Asked::Journey { .. }
        | Asked::Vehicle { .. }
        | Asked::Consent { .. }
        | Asked::NotSupported => Vec::new(),
    }
}

fn told(leaf: &Explained, names: &Names) -> Told {
    let need = leaf.need.clone();
    match &leaf.asked {
        Asked::Trait { key, have } => {
            let shown = have.as_ref().map(|value| mask::value(key, value.reveal()));
            let having = match &shown {
                Some(value) => say(Text::HaveTrait, &[("key", Said::same(key)), ("value", plain(value))]),
                None => say(Text::HaveNoTrait, &[("key", Said::same(key))]),
            };
            let (need, needing) = masked(need, |value| mask::value(key, value));
            Told { what: "trait", have: json!(shown), need, having, needing }
        }
        Asked::Tag { key, have } => {
            let shown = have.as_ref().map(|value| names.tag_value(key, &Value::from(value.as_str())));
            let places = |value: &Value| [("key", Said::same(key)), ("value", plain(value))];
            let having = match &shown {
                Some(value) if value == "" => say(Text::HaveTag, &places(value)),
                Some(value) => say(Text::HaveTagValue, &places(value)),
                None => say(Text::HaveNoTag, &[("key", Said::same(key))]),
            };
            let (need, needing) = masked(need, |value| names.tag_value(key, value));
            Told { what: "tag", have: json!(shown), need, having, needing }
        }
        Asked::Segment(id) => {
            let text = if leaf.truth.holds { Text::HaveInSegment } else { Text::HaveNotInSegment };
            let having = say(text, &[("segment", names.segment(*id))]);
            Told { what: "segment", have: json!(leaf.truth.holds), need, having, needing: say(Text::NeedSegment, &[]) }
        }
        Asked::Count { event, have, or_more, window, .. } => {
            let window =
                window.map_or_else(|| say(Text::Ever, &[]), |window| say(Text::InTheLast, &[("span", span(window))]));
            let text = if *or_more { Text::HaveCountOrMore } else { Text::HaveCount };
            let places = [("event", Said::same(event)), ("window", window), ("count", number(have))];
            let having = say(text, &places);
            Told { what: "event", have: json!(have), needing: test(&need["count"]), need, having }
        }
        Asked::Last { event, recency, span: length, newest } => {
            let at = newest.map(|one| one.at);
            let having = match at {
                Some(at) => say(Text::HaveLast, &[("event", Said::same(event)), ("at", minute(at))]),
                None => say(Text::HaveNever, &[("event", Said::same(event))]),
            };
            let text = match recency {
                Recency::Within => Text::InTheLast,
                Recency::Before => Text::MoreThanAgo,
            };
            Told {
                what: "event",
                have: json!(at.map(write)),
                need,
                having,
                needing: say(text, &[("span", span(*length))]),
            }
        }
        Asked::Stage(_) | Asked::Aipl(_) | Asked::Journey { .. } | Asked::Vehicle { .. } | Asked::Consent { .. } => {
            standing(leaf, names, need)
        }
        Asked::All | Asked::Any | Asked::Not | Asked::NotSupported => {
            let said = say(Text::NotSupported, &[]);
            Told { what: "condition", have: Value::Null, need, having: said.clone(), needing: said }
        }
    }
}

/// What is asked of a value, with the value as it may be shown: a condition may compare with personal data.
fn masked(mut need: Value, shown: impl Fn(&Value) -> Value) -> (Value, Said) {
    if let Some(value) = need.get("value").map(shown) {
        need["value"] = value;
    }
    let said = test(&need);
    (need, said)
}

/// Parts about what the product itself knows.
fn standing(leaf: &Explained, names: &Names, need: Value) -> Told {
    match &leaf.asked {
        Asked::Stage(have) => {
            let having = match have {
                Some(at) => say(Text::HaveStage, &[("stage", stage(*at))]),
                None => say(Text::HaveNoStage, &[]),
            };
            let asked = listed(&need["stage"], |word| Stage::from_word(word).map(stage));
            Told { what: "stage", have: json!(have), need, having, needing: one_of(asked) }
        }
        Asked::Aipl(have) => {
            let level = |level: roadbook_audience::AiplStage| Said::both(level.zh(), level.en());
            let having = match have {
                Some(at) => say(Text::HaveAipl, &[("stage", level(*at))]),
                None => say(Text::HaveNoStage, &[]),
            };
            let asked = listed(&need["aipl"], |word| roadbook_audience::AiplStage::from_word(word).map(level));
            Told { what: "aipl", have: json!(have), need, having, needing: one_of(asked) }
        }
        Asked::Journey { test, ended } => journey(leaf, names, need, test, *ended),
        Asked::Vehicle { have, .. } => {
            let list = have.iter().map(|(role, at, _)| {
                let at = at.map_or_else(|| Said::same("-"), stage);
                Said { zh: format!("{role}（{}）", at.zh), en: format!("{role} ({})", at.en) }
            });
            let having = match have.is_empty() {
                true => say(Text::HaveNoVehicle, &[]),
                false => say(Text::HaveVehicles, &[("list", Said::list(list, ("、", ", ")))]),
            };
            let cars: Vec<Value> = have
                .iter()
                .map(|(role, stage, passes)| json!({ "role": role, "stage": stage, "passes": passes }))
                .collect();
            Told { what: "vehicle", have: json!(cars), need, having, needing: say(Text::NeedVehicle, &[]) }
        }
        Asked::Consent { test, have } => {
            let places = [("purpose", purpose(test.purpose)), ("state", consent(*have))];
            let having = say(Text::HaveConsent, &places);
            Told { what: "consent", have: json!(have.word()), need, having, needing: consent(test.is) }
        }
        Asked::All
        | Asked::Any
        | Asked::Not
        | Asked::Trait { .. }
        | Asked::Tag { .. }
        | Asked::Segment(_)
        | Asked::Count { .. }
        | Asked::Last { .. }
        | Asked::NotSupported => {
            let said = say(Text::NotSupported, &[]);
            Told { what: "condition", have: Value::Null, need, having: said.clone(), needing: said }
        }
    }
}

fn journey(leaf: &Explained, names: &Names, need: Value, test: &JourneyTest, ended: Option<Moment>) -> Told {
    let holds = leaf.truth.holds;
    let text = match (test.state, ended) {
        (JourneyState::Running, _) => {
            if holds {
                Text::HaveRunning
            } else {
                Text::HaveNotRunning
            }
        }
        (JourneyState::Never, _) => {
            if holds {
                Text::HaveNeverEntered
            } else {
                Text::HaveEntered
            }
        }
        (JourneyState::GoalReached | JourneyState::Exited | JourneyState::Completed, Some(_)) => Text::HaveOutcome,
        (JourneyState::GoalReached | JourneyState::Exited | JourneyState::Completed, None) => Text::HaveNoOutcome,
    };
    let mut places = vec![("journey", names.journey(test.journey))];
    places.extend(ended.map(|at| ("at", minute(at))));
    let state = match test.state {
        JourneyState::Running => say(Text::HaveRunning, &places),
        JourneyState::Never => say(Text::HaveNeverEntered, &places),
        JourneyState::GoalReached => say(Text::EndedGoal, &[]),
        JourneyState::Exited => say(Text::EndedExited, &[]),
        JourneyState::Completed => say(Text::EndedCompleted, &[]),
    };
    Told { what: "journey", have: json!(ended.map(write)), need, having: say(text, &places), needing: state }
}

fn stage(stage: Stage) -> Said {
    Said::both(stage.zh(), stage.en())
}

fn consent(state: ConsentState) -> Said {
    let text = match state {
        ConsentState::Granted => Text::StateGranted,
        ConsentState::Withdrawn => Text::StateWithdrawn,
        ConsentState::Unknown => Text::StateUnknown,
    };
    say(text, &[])
}

fn listed(words: &Value, said: impl Fn(&str) -> Option<Said>) -> Said {
    let words = words.as_array().into_iter().flatten().filter_map(Value::as_str);
    Said::list(words.map(|word| said(word).unwrap_or_else(|| Said::same(word))), ("、", ", "))
}

fn one_of(list: Said) -> Said {
    say(Text::OneOf, &[("list", list)])
}

/// An operator with what it compares with.
fn test(asked: &Value) -> Said {
    let op = operator(asked["op"].as_str().unwrap_or("exists"));
    match asked.get("value") {
        Some(value) => Said::list([op, plain(value)], (" ", " ")),
        None => op,
    }
}

/// A value as people write it.
fn plain(value: &Value) -> Said {
    match value {
        Value::String(text) => Said::same(text),
        Value::Array(entries) => Said::list(entries.iter().map(plain), ("、", ", ")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Said::same(value.to_string()),
    }
}

fn span(span: Span) -> Said {
    let text = match span.unit {
        SpanUnit::Days => Text::Days,
        SpanUnit::Hours => Text::Hours,
        SpanUnit::Minutes => Text::Minutes,
    };
    say(text, &[("count", number(span.amount))])
}
