//! Facts that a tenant may want to hear of: what an announcement is called and what it says.
//!
//! To add one: 1 a topic here, 2 its arm in [`Announcement::of`]. An announcement holds ids and words of ours, never a
//! value of the customer's: whoever may read those asks the API for the profile that `subject` names.

use crate::event::Event;
use crate::sends::SendStatus;
use crate::state::Customer;
use roadbook_journey::RunEvent;
use roadbook_kernel::{Moment, SendKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, json};
use std::borrow::Cow;

macro_rules! topics {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What an announcement is about. The text form is the `type` of its CloudEvent, version included.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Topic {
            $($(#[$doc])* $name,)*
        }

        impl Topic {
            /// Every topic.
            pub const ALL: &[Topic] = &[$(Topic::$name),*];

            /// The text form.
            pub const fn name(self) -> &'static str {
                match self { $(Topic::$name => $text,)* }
            }
        }
    };
}

topics! {
    /// Two customers turned out to be one: `merged` is the id that leads to the subject from now on.
    CustomerMerged = "cn.roadbook.customer.merged.v1";
    /// A merge was undone: `other` is a customer of its own again.
    CustomerUnmerged = "cn.roadbook.customer.unmerged.v1";
    /// The customer came into a segment.
    SegmentEntered = "cn.roadbook.segment.entered.v1";
    /// The customer left a segment.
    SegmentLeft = "cn.roadbook.segment.left.v1";
    /// The customer entered a journey.
    JourneyEntered = "cn.roadbook.journey.entered.v1";
    /// A passage through a journey ended.
    JourneyEnded = "cn.roadbook.journey.ended.v1";
    /// A stage is another than before, of the person or of the person with one car.
    StageMoved = "cn.roadbook.stage.moved.v1";
    /// A grant or a withdrawal that counts from now on.
    ConsentChanged = "cn.roadbook.consent.changed.v1";
    /// What became of a message: `outcome` says it, `suppressed` and `withheld` among them.
    MessageSent = "cn.roadbook.message.sent.v1";
}

impl Topic {
    /// The topic of a text form.
    pub fn named(text: &str) -> Option<Self> {
        Topic::ALL.iter().copied().find(|topic| topic.name() == text)
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Topic::named(&text).ok_or_else(|| de::Error::custom("a topic this version does not know"))
    }
}

/// A set of topics.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Topics(u16);

impl Topics {
    /// No topic.
    pub const NONE: Topics = Topics(0);

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a topic is in it.
    pub const fn contains(self, topic: Topic) -> bool {
        self.0 & (1 << topic as u8) != 0
    }

    /// What is in either.
    #[must_use]
    pub const fn or(self, other: Topics) -> Self {
        Self(self.0 | other.0)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Topic> {
        Topic::ALL.iter().copied().filter(move |topic| self.contains(*topic))
    }
}

impl FromIterator<Topic> for Topics {
    fn from_iter<I: IntoIterator<Item = Topic>>(topics: I) -> Self {
        topics.into_iter().fold(Self::NONE, |all, topic| Self(all.0 | 1 << topic as u8))
    }
}

impl Serialize for Topics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Topics {
    /// A topic that only a newer version knows is passed over: nothing here could announce it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Ok(names.iter().filter_map(|name| Topic::named(name)).collect())
    }
}

/// One fact, as it is told outside. The subject is the customer whose fact it is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Announcement {
    /// What it is about.
    pub topic: Topic,
    /// When it happened.
    pub at: Moment,
    /// What there is to say, by topic: see [`Topic`].
    pub data: Value,
}

impl Announcement {
    /// What a fact says to those who asked for `topics`; `state` is the customer after its turn. Most facts are
    /// nobody's topic, and nothing is built for a topic that nobody asked for.
    pub fn of(event: &Event, state: &Customer, topics: Topics) -> Option<Self> {
        let say = |topic: Topic, at: &Moment, data: &dyn Fn() -> Value| {
            topics.contains(topic).then(|| Self { topic, at: *at, data: data() })
        };
        match event {
            Event::Absorbed { loser, at, .. } => say(Topic::CustomerMerged, at, &|| json!({ "merged": loser })),
            Event::Parted { other, restored: false, at, .. } => {
                say(Topic::CustomerUnmerged, at, &|| json!({ "other": other }))
            }
            Event::SegmentJudged { segment, revision, inside, changed: true, at, .. } => {
                let topic = if *inside { Topic::SegmentEntered } else { Topic::SegmentLeft };
                say(topic, at, &|| json!({ "segment": segment, "revision": revision }))
            }
            Event::Journey { journey, step } => match step {
                RunEvent::Entered { run } => say(
                    Topic::JourneyEntered,
                    &run.entered_at,
                    &|| json!({ "journey": journey, "run": run.id, "revision": run.revision, "node": run.node }),
                ),
                RunEvent::Ended { run, node, how, at } => say(
                    Topic::JourneyEnded,
                    at,
                    &|| json!({ "journey": journey, "run": run, "node": node, "how": how }),
                ),
                RunEvent::Moved { .. }
                | RunEvent::Paused { .. }
                | RunEvent::Held { .. }
                | RunEvent::HeldOn { .. }
                | RunEvent::Released { .. }
                | RunEvent::SendIntended { .. } => None,
            },
            Event::StageMoved { car, from, to, at } => {
                say(Topic::StageMoved, at, &|| json!({ "vehicle": car, "from": from, "to": to }))
            }
            // A word older than the one known is a fact, and changes nothing.
            Event::ConsentNoted { purpose, channel, standing, .. } => {
                let counts = state.consents.standing(*purpose, *channel) == Some(standing);
                let (verdict, text_version) = (standing.verdict, &standing.text_version);
                let data = || json!({ "purpose": purpose, "channel": channel, "verdict": verdict, "text_version": text_version });
                counts.then(|| say(Topic::ConsentChanged, &standing.as_of, &data)).flatten()
            }
            Event::Messaged { record } => match &record.status {
                SendStatus::Intended => None,
                SendStatus::Suppressed { reason } => {
                    let outcome = || json!({ "outcome": "suppressed", "reason": reason });
                    say(Topic::MessageSent, &record.asked_at, &|| message(state, record.key, outcome()))
                }
                SendStatus::Reported { outcome, at } => {
                    say(Topic::MessageSent, at, &|| message(state, record.key, json!(outcome)))
                }
            },
            Event::SendReported { key, outcome, at } => {
                say(Topic::MessageSent, at, &|| message(state, *key, json!(outcome)))
            }
            Event::SegmentJudged { changed: false, .. }
            | Event::Parted { restored: true, .. }
            | Event::Founded { .. }
            | Event::Linked { .. }
            | Event::Unlinked { .. }
            | Event::Unbound { .. }
            | Event::LinkRefused { .. }
            | Event::MergedInto { .. }
            | Event::Observed { .. }
            | Event::CarRelated { .. }
            | Event::CarReleased { .. }
            | Event::StageRipened { .. }
            | Event::Backfilled { .. }
            | Event::TagSet { .. }
            | Event::TagExpired { .. }
            | Event::TraitSet { .. }
            | Event::CascadeStopped { .. } => None,
        }
    }
}

/// What became of a send, and what is known of it as long as the customer remembers it.
fn message(state: &Customer, key: SendKey, mut data: Value) -> Value {
    data["send"] = json!(key);
    if let Some(record) = state.sends.iter().find(|record| record.key == key) {
        data["journey"] = json!(record.journey);
        data["run"] = json!(record.run);
        data["node"] = json!(record.node);
        data["channel"] = json!(record.channel);
        data["purpose"] = json!(record.purpose);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::{CustomerId, MessageId, SegmentId};
    use roadbook_tenancy::{Purpose, Standing, Verdict};

    #[test]
    fn topics_read_back_and_unknown_ones_are_passed_over() {
        let some: Topics = [Topic::SegmentLeft, Topic::MessageSent].into_iter().collect();
        let json = serde_json::to_value(some).unwrap();
        assert_eq!(json, json!(["cn.roadbook.segment.left.v1", "cn.roadbook.message.sent.v1"]));
        assert_eq!(serde_json::from_value::<Topics>(json).unwrap(), some);
        let later = json!(["cn.roadbook.weather.v1", "cn.roadbook.message.sent.v1"]);
        assert_eq!(serde_json::from_value::<Topics>(later).unwrap(), [Topic::MessageSent].into_iter().collect());
        assert_eq!(Topic::ALL.iter().copied().collect::<Topics>().iter().count(), Topic::ALL.len());
    }

    #[test]
    fn only_what_was_asked_for_is_said() {
        let state = Customer::blank(CustomerId::from_u128(1));
        let segment = SegmentId::from_u128(7);
        let judged = |changed| Event::SegmentJudged {
            segment,
            revision: 2,
            inside: true,
            changed,
            recheck_at: None,
            at: Moment::from_millis(5),
        };
        let entered = [Topic::SegmentEntered].into_iter().collect();
        let said = Announcement::of(&judged(true), &state, entered).unwrap();
        assert_eq!((said.topic, said.at), (Topic::SegmentEntered, Moment::from_millis(5)));
        assert_eq!(said.data, json!({ "segment": segment, "revision": 2 }));
        assert_eq!(Announcement::of(&judged(false), &state, entered), None);
        assert_eq!(Announcement::of(&judged(true), &state, [Topic::SegmentLeft].into_iter().collect()), None);
    }

    #[test]
    fn a_word_that_does_not_count_is_not_announced() {
        let mut state = Customer::blank(CustomerId::from_u128(1));
        let topics = [Topic::ConsentChanged].into_iter().collect();
        let mut hears = |at, verdict| {
            let standing = Standing::bare(Moment::from_millis(at), verdict);
            let by = MessageId::from_u128(1);
            let event = Event::ConsentNoted { purpose: Purpose::Marketing, channel: None, standing, by };
            state.apply(&event);
            Announcement::of(&event, &state, topics).is_some()
        };
        assert!(hears(5, Verdict::Withdrawn));
        assert!(!hears(4, Verdict::Granted), "older than what is known");
        assert!(hears(6, Verdict::Granted));
    }
}
