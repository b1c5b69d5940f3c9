//! What conditions may ask about a customer.

use crate::cars::Car;
use crate::state::Customer;
use roadbook_audience::{AiplStage, ConsentState, JourneyState, Stage, Subject, Tracker, TrackerId};
use roadbook_journey::Ending;
use roadbook_kernel::{JourneyId, Moment, SegmentId};
use roadbook_tenancy::{ChannelKind, Purpose, Verdict};
use serde_json::Value;
use std::borrow::Cow;

impl Subject for Customer {
    fn trait_value(&self, key: &str) -> Option<Cow<'_, Value>> {
        self.traits.get(key).and_then(|known| known.value())
    }

    fn tag(&self, key: &str) -> Option<&str> {
        self.tags.get(key).and_then(|tag| tag.value.as_deref())
    }

    fn in_segment(&self, id: SegmentId) -> bool {
        self.memberships.get(&id).is_some_and(|membership| membership.inside)
    }

    fn tracker(&self, id: TrackerId) -> Option<&Tracker> {
        self.trackers.get(&id)
    }

    fn stage(&self) -> Option<Stage> {
        self.position().map(|position| position.stage)
    }

    fn aipl(&self) -> Option<AiplStage> {
        self.position().map(|position| position.aipl)
    }

    fn journey_is(&self, id: JourneyId, state: JourneyState) -> bool {
        match state {
            JourneyState::Running => self.runs.values().any(|run| run.journey == id),
            JourneyState::Never => !self.visits.contains_key(&id),
            JourneyState::GoalReached | JourneyState::Exited | JourneyState::Completed => {
                self.journey_ended(id, state).is_some()
            }
        }
    }

    fn journey_ended(&self, id: JourneyId, outcome: JourneyState) -> Option<Moment> {
        let how = match outcome {
            JourneyState::GoalReached => Ending::Goal,
            JourneyState::Exited => Ending::Exited,
            JourneyState::Completed => Ending::Completed,
            JourneyState::Running | JourneyState::Never => return None,
        };
        self.visits.get(&id)?.outcomes.get(&how).copied()
    }

    fn consent(&self, purpose: Purpose, channel: Option<ChannelKind>) -> ConsentState {
        let word = match channel {
            Some(channel) => self.consents.deciding(purpose, channel),
            None => self.consents.standing(purpose, None),
        };
        match word.map(|word| word.verdict) {
            Some(Verdict::Granted) => ConsentState::Granted,
            Some(Verdict::Withdrawn) => ConsentState::Withdrawn,
            None => ConsentState::Unknown,
        }
    }

    fn any_vehicle(&self, passes: &mut dyn FnMut(&str, &dyn Subject) -> bool) -> bool {
        self.current_cars().any(|(_, car)| car.tie.role.is_some_and(|role| passes(role.word(), &OfCar(car))))
    }
}

/// What conditions may ask about a car.
struct OfCar<'c>(&'c Car);

impl Subject for OfCar<'_> {
    fn trait_value(&self, _: &str) -> Option<Cow<'_, Value>> {
        None
    }

    fn tag(&self, _: &str) -> Option<&str> {
        None
    }

    fn in_segment(&self, _: SegmentId) -> bool {
        false
    }

    fn tracker(&self, _: TrackerId) -> Option<&Tracker> {
        None
    }

    fn stage(&self) -> Option<Stage> {
        self.0.position().map(|position| position.stage)
    }

    fn aipl(&self) -> Option<AiplStage> {
        self.0.position().map(|position| position.aipl)
    }
}
