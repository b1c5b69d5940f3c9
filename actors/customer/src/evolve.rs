//! Applies events. Total: every event fits every state, so History can always be replayed.

use crate::activity::Activity;
use crate::cars::Car;
use crate::command::{Call, Observation, SendOutcome};
use crate::event::{Cause, Event};
use crate::sends::{SENDS_KEPT, SendRecord, SendStatus};
use crate::state::{Absorbed, Customer, Founding, Life, Link, Membership};
use crate::tags::Tag;
use crate::{merge, traits};
use roadbook_identity::IdentifierKey;
use roadbook_journey::{RunEvent, Visits};
use roadbook_kernel::{JourneyId, MessageId, Moment, SendKey};

impl Customer {
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Founded { by, on, at } => self.life = Life::Live(Founding { by: *by, on: *on, at: *at }),
            Event::Linked { identifier, by, at, moved, grade, parent } => {
                if !self.owns(&identifier.key()) {
                    self.links.push(Link {
                        identifier: identifier.clone(),
                        at: *at,
                        by: *by,
                        of: self.id,
                        bound_at: Moment::MIN,
                        moved: *moved,
                        grade: *grade,
                        parent: *parent,
                    });
                }
            }
            Event::Unlinked { identifier, .. } => self.unlink(identifier),
            Event::Unbound { identifiers, .. } => identifiers.iter().for_each(|key| self.unlink(key)),
            Event::LinkRefused { .. } | Event::CascadeStopped { .. } | Event::StageMoved { .. } => {}
            Event::Absorbed { loser, version, state, by, at, .. } => {
                self.absorbed.insert(*loser, Absorbed { at: *at, by: *by, version: *version });
                if let Some(state) = state {
                    merge::join(self, state);
                }
            }
            Event::MergedInto { survivor, at, .. } => match self.life {
                // A tombstone is told anew where it leads when the customer it led to is two again.
                Life::Live(founded) | Life::Merged { founded, .. } => {
                    self.life = Life::Merged { into: *survivor, at: *at, founded };
                }
                Life::Unborn => {}
            },
            Event::Parted { state, .. } => *self = Customer::clone(state),
            Event::Observed { observation, by, at, counted, car } => {
                self.observed(observation, *by, *at, counted);
                self.note_signs(observation, *at, *car);
                self.stores.note_all(observation.properties.reveal(), *at);
            }
            Event::CarRelated { car, vin, role, at, .. } => {
                let known = self.cars.entry(*car).or_insert_with(|| Car::new(vin.clone(), *role, *at));
                known.tell(Some(*role), *at);
            }
            Event::CarReleased { car, at, .. } => {
                if let Some(known) = self.cars.get_mut(car) {
                    known.tell(None, *at);
                }
            }
            Event::StageRipened { car, signal, at } => self.note_sign(*signal, *at, *car),
            Event::Backfilled { found } => {
                for (id, (keep, occurrences)) in found {
                    let tracker = self.trackers.entry(*id).or_default();
                    occurrences.iter().for_each(|occurrence| {
                        tracker.note(*occurrence, *keep);
                    });
                }
            }
            Event::ConsentNoted { purpose, channel, standing, .. } => self.consents.note(*purpose, *channel, standing),
            Event::TagSet { tag, value, at, cause, expires_at } => {
                let next = Tag { at: *at, cause: *cause, value: value.clone(), expires_at: *expires_at };
                self.tags.entry(tag.clone()).and_modify(|known| known.join(&next)).or_insert(next);
            }
            Event::TagExpired { tag, at } => {
                if let Some(known) = self.tags.get_mut(tag) {
                    (known.value, known.expires_at, known.at) = (None, None, known.at.max(*at));
                }
            }
            Event::TraitSet { key, value, at, cause } => traits::set(&mut self.traits, key, value, *at, *cause),
            Event::SegmentJudged { segment, revision, inside, changed, recheck_at, at } => {
                let since = match self.memberships.get(segment) {
                    Some(known) if !changed => known.since,
                    _ => *at,
                };
                let next = Membership { revision: *revision, inside: *inside, since, recheck_at: *recheck_at };
                self.memberships.insert(*segment, next);
            }
            Event::Journey { journey, step } => self.journey_step(*journey, step),
            Event::Messaged { record } => self.messaged(record),
            Event::SendReported { key, outcome, at } => self.send_reported(*key, outcome, *at),
        }
    }

    fn unlink(&mut self, key: &IdentifierKey) {
        self.links.retain(|link| link.identifier.key() != *key);
    }

    fn observed(
        &mut self,
        observation: &Observation,
        by: MessageId,
        at: Moment,
        counted: &[(roadbook_audience::TrackerId, u32)],
    ) {
        self.activity.entry(self.id).and_modify(|activity| activity.note(at)).or_insert(Activity::of(at));
        let (identify, proves) = (observation.call == Call::Identify, !observation.evidence.is_empty());
        if identify || proves {
            let named = |link: &&mut Link| observation.identifiers.iter().any(|one| one.key() == link.identifier.key());
            for link in self.links.iter_mut().filter(named) {
                link.grade = link.grade.max(observation.grade(link.identifier.kind));
                link.bound_at = if identify { link.bound_at.max(at) } else { link.bound_at };
            }
        }
        traits::apply(&mut self.traits, &observation.traits, at, Cause::Event(by), self.id);
        let occurrence = roadbook_audience::Occurrence { at, id: by.short() };
        for (id, keep) in counted {
            self.trackers.entry(*id).or_default().note(occurrence, *keep);
        }
        if let Some((grant, count)) = granted(observation) {
            self.grants.entry(grant).or_default().give(self.id, count);
        }
    }

    fn journey_step(&mut self, journey: JourneyId, step: &RunEvent) {
        match step {
            RunEvent::Entered { run } => {
                let visits = self.visits.entry(journey);
                visits
                    .and_modify(|visits| visits.note_entered(run.entered_at))
                    .or_insert_with(|| Visits::first(run.entered_at));
                self.runs.insert(run.id, run.clone());
            }
            RunEvent::Ended { run, at, how, .. } => {
                self.runs.remove(run);
                if let Some(visits) = self.visits.get_mut(&journey) {
                    visits.note_ended(*at, *how);
                }
            }
            RunEvent::Moved { run, .. }
            | RunEvent::Paused { run, .. }
            | RunEvent::Held { run, .. }
            | RunEvent::HeldOn { run }
            | RunEvent::Released { run, .. }
            | RunEvent::SendIntended { run, .. } => {
                if let Some(run) = self.runs.get_mut(run) {
                    run.apply(step);
                }
            }
        }
    }

    fn messaged(&mut self, record: &SendRecord) {
        if self.sends.iter().any(|known| known.key == record.key) {
            return;
        }
        if record.status == SendStatus::Intended && !record.grant.is_empty() {
            self.grants.entry(record.grant.clone()).or_default().spend();
        }
        self.sends.push(record.clone());
        forget_old_sends(&mut self.sends);
    }

    fn send_reported(&mut self, key: SendKey, outcome: &SendOutcome, at: Moment) {
        let Some(record) = self.sends.iter_mut().find(|record| record.key == key) else { return };
        record.status.advance(SendStatus::Reported { outcome: outcome.clone(), at });
        if let SendOutcome::Failed { reason } = outcome
            && reason == "no_grant_left"
            && let Some(grants) = self.grants.get_mut(&record.grant)
        {
            grants.exhaust();
        }
        forget_old_sends(&mut self.sends);
    }
}

/// Keeps the newest finished sends, and every unfinished one.
pub(crate) fn forget_old_sends(sends: &mut Vec<SendRecord>) {
    let finished = sends.iter().filter(|record| record.status.is_final()).count();
    let mut surplus = finished.saturating_sub(SENDS_KEPT);
    sends.retain(|record| {
        let drop = surplus > 0 && record.status.is_final();
        surplus -= usize::from(drop);
        !drop
    });
}

/// `subscribe_granted {appid, template, count}` gives grants: the event of the mini-program SDK's subscribe dialog.
fn granted(observation: &Observation) -> Option<(String, u32)> {
    if observation.name != "subscribe_granted" {
        return None;
    }
    let properties = observation.properties.reveal();
    let text = |key: &str| properties.get(key).and_then(serde_json::Value::as_str);
    let count = properties.get("count").map_or(Some(1), serde_json::Value::as_u64)?;
    Some((format!("{}/{}", text("appid")?, text("template")?), u32::try_from(count).unwrap_or(u32::MAX)))
}
