//! Forms about what the product itself knows of a customer, and those that are evaluated in a later version.

use super::parser::Parser;
use crate::problem::Place;
use crate::{
    AiplStage, Condition, ConsentState, ConsentTest, EventPick, JourneyState, JourneyTest, Sequence, Stage,
    VehicleTest, limits,
};
use roadbook_kernel::JourneyId;
use roadbook_tenancy::{ChannelKind, Purpose};
use serde_json::{Map, Value};

impl Parser {
    pub(super) fn later(&mut self, form: &str, map: &Map<String, Value>, at: &Place<'_>) -> Option<Condition> {
        let value = map.get(form)?;
        let place = at.key(form);
        match form {
            "stage" => {
                self.only(map, at, &["stage"]);
                let words = Stage::ALL.map(|stage| (stage.word(), stage));
                let stages = self.each(value, &place, words.len(), |parser, value, at| {
                    parser.word(value, at, "unknown_value", &words)
                });
                stages.map(Condition::Stage)
            }
            "aipl" => {
                self.only(map, at, &["aipl"]);
                let words = AiplStage::ALL.map(|stage| (stage.word(), stage));
                let stages = self.each(value, &place, words.len(), |parser, value, at| {
                    parser.word(value, at, "unknown_value", &words)
                });
                stages.map(Condition::Aipl)
            }
            "consent" => self.consent(map, at).map(Condition::Consent),
            "journey" => self.journey(map, at).map(Condition::Journey),
            "sequence" => self.sequence(map, at).map(Condition::Sequence),
            "list" => {
                self.only(map, at, &["list"]);
                self.name(value, &place).map(Condition::List)
            }
            _ => self.fail(at, "unknown_form", "no such form"),
        }
    }

    fn consent(&mut self, map: &Map<String, Value>, at: &Place<'_>) -> Option<ConsentTest> {
        self.only(map, at, &["consent", "channel", "is"]);
        let words = Purpose::ALL.map(|purpose| (purpose.word(), purpose));
        let purpose = self.word(map.get("consent")?, &at.key("consent"), "unknown_value", &words);
        let words = ChannelKind::ALL.map(|channel| (channel.word(), channel));
        let channel = match map.get("channel") {
            Some(value) => self.word(value, &at.key("channel"), "unknown_value", &words).map(Some),
            None => Some(None),
        };
        let words = ConsentState::ALL.map(|state| (state.word(), state));
        let is = self
            .required(map, at, "is", "granted, withdrawn or unknown")
            .and_then(|value| self.word(value, &at.key("is"), "unknown_value", &words));
        Some(ConsentTest { purpose: purpose?, channel: channel?, is: is? })
    }

    fn journey(&mut self, map: &Map<String, Value>, at: &Place<'_>) -> Option<JourneyTest> {
        let journey = self.id::<JourneyId>(map.get("journey")?, &at.key("journey"), "jrn_");
        let words = JourneyState::ALL.map(|state| (state.word(), state));
        let state = self
            .required(map, at, "state", "where the customer stands in the journey")
            .and_then(|value| self.word(value, &at.key("state"), "unknown_value", &words));
        // A window looks back at an outcome; to be inside, or to have never been, is no outcome.
        let windows: &[&str] = match state {
            Some(JourneyState::Running | JourneyState::Never) => &[],
            Some(JourneyState::GoalReached | JourneyState::Exited | JourneyState::Completed) | None => {
                &["within_days", "within_hours", "within_minutes"]
            }
        };
        self.only(map, at, &[&["journey", "state"], windows].concat());
        let window = self.window(map, at);
        Some(JourneyTest { journey: journey?, state: state?, window: window? })
    }

    fn sequence(&mut self, map: &Map<String, Value>, at: &Place<'_>) -> Option<Sequence> {
        self.only(map, at, &["sequence", "within_days", "within_hours", "within_minutes"]);
        let place = at.key("sequence");
        let steps = self.each(map.get("sequence")?, &place, limits::STEPS_MAX, Self::step);
        let window = self.window(map, at);
        let steps = steps?;
        if self.limited && steps.len() < 2 {
            return self.fail(&place, "empty", "a sequence needs at least two steps");
        }
        Some(Sequence { steps, window: window? })
    }

    fn step(&mut self, value: &Value, at: &Place<'_>) -> Option<EventPick> {
        let map = self.object(value, at)?;
        self.only(map, at, &["event", "where"]);
        self.pick(map, at)
    }

    pub(super) fn vehicle(&mut self, map: &Map<String, Value>, at: &Place<'_>, depth: usize) -> Option<VehicleTest> {
        self.only(map, at, &["vehicle"]);
        let place = at.key("vehicle");
        let inner = self.object(map.get("vehicle")?, &place)?;
        self.only(inner, &place, &["roles", "matches"]);
        let roles = match inner.get("roles") {
            Some(value) => self.each(value, &place.key("roles"), limits::CHOICES_MAX, Self::name),
            None => Some(Vec::new()),
        };
        let matches = match inner.get("matches") {
            Some(value) => self.condition(value, &place.key("matches"), depth + 1),
            None => Some(Condition::All(Vec::new())),
        };
        Some(VehicleTest { roles: roles?, matches: Box::new(matches?) })
    }
}
