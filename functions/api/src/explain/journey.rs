//! Why somebody is in a journey, where they stand and until when; or why they are not in it.

use super::began;
use super::texts::{Said, Text, minute, say};
use super::{Because, Both, Names, answer, number};
use crate::api::Api;
use crate::failure::Failure;
use crate::past;
use crate::profiles;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_catalog::{Entry, Status};
use roadbook_customer::{Customer, Event};
use roadbook_journey::{Edge, Ending, Happening, Reentry, Revision, Run, RunState, Trigger, Visits, may_enter};
use roadbook_kernel::{JourneyId, MessageId, Moment, TenantId};
use serde_json::Value;
use std::ops::ControlFlow;
use std::sync::Arc;

/// `GET /v1/profiles/{id}/explain/journeys/{jrn}`.
pub(crate) async fn journey(
    State(api): State<Arc<Api>>,
    secret: Secret,
    Both(id, journey): Both<JourneyId>,
) -> Result<Json<Value>, Failure> {
    let tenant = secret.tenant();
    let customer = profiles::live(&api, &secret, id).await?.state;
    let names = Names::load(&api, tenant).await?;
    let entry = names.0.journeys.get(&journey).ok_or_else(|| Failure::not_found("journey"))?;
    // After a merge there may be two: the one that began first is told.
    if let Some(run) = customer.runs.values().find(|run| run.journey == journey) {
        return Ok(Json(inside(&api, tenant, &customer, run, &names, closed(entry, journey, &names)).await?));
    }
    let name = ("journey", names.journey(journey));
    let visits = customer.visits.get(&journey);
    let (None, Some((_, definition))) = (closed(entry, journey, &names), &entry.published) else {
        let because: Vec<Because> = visits.into_iter().flat_map(passages).collect();
        let sentence = closed(entry, journey, &names).unwrap_or_default();
        return Ok(Json(answer(false, &sentence, &because)));
    };
    let revision = Revision::parse(definition).map_err(|_| Failure::defect())?;
    match visits {
        Some(visits) => {
            let sentence = say(Text::JourneyOver, &[name, ("entered", minute(visits.last_entered))]);
            let mut because: Vec<Because> = passages(visits).collect();
            because.push(again(revision.reentry(), visits, api.engine().clock.now()));
            because.push(needed(revision.entry(), &names));
            Ok(Json(answer(false, &sentence, &because)))
        }
        None => {
            let (sentence, seen) = never(&api, tenant, &customer, &revision, name, &names).await?;
            let because = Because { events: seen.into_iter().collect(), ..needed(revision.entry(), &names) };
            Ok(Json(answer(false, &sentence, &[Because { holds: Some(false), ..because }])))
        }
    }
}

/// Why nobody at all can enter; `None` where the journey is in force.
fn closed(entry: &Entry, journey: JourneyId, names: &Names) -> Option<Said> {
    let name = ("journey", names.journey(journey));
    match entry.status() {
        Status::Live => None,
        Status::Draft => Some(say(Text::JourneyDraft, &[name])),
        Status::Archived => Some(say(Text::JourneyArchived, &[name])),
        Status::Paused => {
            let since = minute(entry.paused_at.unwrap_or(entry.updated_at));
            Some(say(Text::JourneyPaused, &[name, ("since", since)]))
        }
    }
}

async fn inside(
    api: &Api,
    tenant: TenantId,
    customer: &Customer,
    run: &Run,
    names: &Names,
    closed: Option<Said>,
) -> Result<Value, Failure> {
    let mut began = None;
    past::back(api, tenant, customer, None, |entry| {
        began = began::find(entry, run.id);
        if began.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await?;
    let mut places = vec![("journey", names.journey(run.journey)), ("node", Said::same(&run.node))];
    let text = match run.state {
        RunState::Ready => Text::JourneyReady,
        RunState::Waiting { .. } => Text::JourneyWaits,
        RunState::Listening { .. } => Text::JourneyListens,
    };
    places.extend(run.state.due().map(|until| ("until", minute(until))));
    let entered = say(Text::PassageEntered, &[("at", minute(run.entered_at)), ("revision", number(run.revision))]);
    let entered = Because { changes_at: run.state.due(), ..Because::judged("membership", true, entered) };
    let mut because = vec![entered, began::because(began.as_ref())];
    because.extend(closed.map(|said| Because::told("journey", said)));
    Ok(answer(true, &say(text, &places), &because))
}

/// The passages there were.
fn passages(visits: &Visits) -> impl Iterator<Item = Because> {
    let entered = say(Text::PassagesBefore, &[("count", number(visits.entered)), ("at", minute(visits.last_entered))]);
    let ended = visits.outcomes.iter().map(|(how, at)| {
        let how = match how {
            Ending::Completed => Text::EndedCompleted,
            Ending::Goal => Text::EndedGoal,
            Ending::Exited => Text::EndedExited,
            Ending::Superseded => Text::EndedSuperseded,
            Ending::Archived => Text::EndedArchived,
        };
        Because::told("history", say(Text::PassageEnded, &[("how", say(how, &[])), ("at", minute(*at))]))
    });
    std::iter::once(Because::told("history", entered)).chain(ended)
}

/// Whether the rule of re-entry would let them in now.
fn again(rule: Reentry, visits: &Visits, now: Moment) -> Because {
    let holds = may_enter(rule, Some(visits), false, now);
    let over = visits.last_ended.unwrap_or(visits.last_entered).max(visits.last_entered);
    let (said, from) = match rule {
        Reentry::Once => (say(Text::MayNotAgain, &[]), None),
        Reentry::AfterExit => (say(Text::MayAgain, &[]), None),
        Reentry::Cooldown { ms } => {
            let from = over.plus_ms(ms);
            (say(Text::MayAgainFrom, &[("at", minute(from))]), Some(from).filter(|_| !holds))
        }
    };
    Because { changes_at: from, ..Because::judged("reentry", holds, said) }
}

/// What lets somebody in.
fn needed(entry: &Trigger, names: &Names) -> Because {
    let said = match entry {
        Trigger::Event { event, .. } => say(Text::NeedEvent, &[("event", Said::same(event))]),
        Trigger::Segment { id, edge } => {
            let text = match edge {
                Edge::Enter => Text::NeedEnter,
                Edge::Leave => Text::NeedLeave,
            };
            say(text, &[("segment", names.segment(*id))])
        }
    };
    let need = serde_json::json!({ "event": entry.event(), "segment": entry.segment() });
    Because { need, ..Because::told("entry", said) }
}

/// Why somebody never entered, and the message that nearly let them in.
async fn never(
    api: &Api,
    tenant: TenantId,
    customer: &Customer,
    revision: &Revision,
    name: (&'static str, Said),
    names: &Names,
) -> Result<(Said, Option<MessageId>), Failure> {
    match revision.entry() {
        Trigger::Segment { id, edge } => {
            let inside = customer.memberships.get(id).filter(|membership| membership.inside);
            let segment = ("segment", names.segment(*id));
            let said = match (edge, inside) {
                (Edge::Enter, None) => say(Text::JourneyNotInSegment, &[name, segment]),
                (Edge::Enter, Some(since)) => {
                    say(Text::JourneyInSegmentBefore, &[name, segment, ("since", minute(since.since))])
                }
                (Edge::Leave, _) => say(Text::JourneyNotLeft, &[name, segment]),
            };
            Ok((said, None))
        }
        Trigger::Event { event, .. } => {
            let (mut passed, mut filtered) = (None, None);
            let whole = past::back(api, tenant, customer, None, |entry| {
                for fact in &entry.facts {
                    let Event::Observed { observation, by, at, .. } = fact else { continue };
                    if observation.name != *event {
                        continue;
                    }
                    let properties = observation.properties.reveal();
                    let happening = Happening::Event { name: &observation.name, properties };
                    let seen = if revision.entry().matches(&happening) { &mut passed } else { &mut filtered };
                    seen.get_or_insert((*by, *at));
                }
                if passed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .await?;
            let event = ("event", Said::same(event));
            Ok(match (passed, filtered) {
                (Some((by, at)), _) => (say(Text::JourneyNotThen, &[name, event, ("at", minute(at))]), Some(by)),
                (None, Some((by, at))) => (say(Text::JourneyFiltered, &[name, event, ("at", minute(at))]), Some(by)),
                (None, None) if whole => (say(Text::JourneyNeverEvent, &[name, event]), None),
                (None, None) => (say(Text::JourneyNotSeenEvent, &[name, event]), None),
            })
        }
    }
}
