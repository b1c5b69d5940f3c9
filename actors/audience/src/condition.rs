//! The whole grammar as values. Forms below the line "later" parse and are described, and [`crate::check`] refuses
//! them: a saved condition contains none of them today.

use crate::{AiplStage, Comparison, Scalar, Stage};
use roadbook_kernel::{DAY_MS, HOUR_MS, JourneyId, MINUTE_MS, Moment, SegmentId};
use roadbook_tenancy::{ChannelKind, Purpose};
use serde_json::Number;

/// A statement about one customer that is true or false at an instant.
///
/// Reading and writing JSON go through the external form (see README.md), so what is stored is what people see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Every one holds. Empty (only built in code) = holds.
    All(Vec<Condition>),
    /// At least one holds. Empty (only built in code) = does not hold.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// About a trait of the profile.
    Trait(TraitTest),
    /// About a tag.
    Tag(TagTest),
    /// Is a member of another segment.
    Segment(SegmentId),
    /// How often an event happened.
    EventCount(EventCount),
    /// How long ago an event last happened.
    EventLast(EventRecency),
    /// Stands at one of these lifecycle stages.
    Stage(Vec<Stage>),
    /// Stands at one of these AIPL stages.
    Aipl(Vec<AiplStage>),
    /// Where the customer stands in a journey.
    Journey(JourneyTest),
    /// Has a vehicle, in one of these roles, about which a condition holds.
    Vehicle(VehicleTest),
    /// What was said about a purpose of contact.
    Consent(ConsentTest),

    // ---- later ----
    /// How long ago an event first happened.
    EventFirst(EventRecency),
    /// The sum or average of a property over events.
    EventAggregate(EventAggregate),
    /// Events that happened one after another.
    Sequence(Sequence),
    /// Is on a static list, by its id.
    List(String),
}

/// A test of one trait.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraitTest {
    /// The trait's key, taken as it is (a dot is part of the key).
    pub key: String,
    /// What is asked of its value.
    pub op: TraitOp,
}

/// What can be asked of a trait.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TraitOp {
    /// About the value itself.
    Value(ValueTest),
    /// About the value read as a date.
    Date(DateTest),
}

/// What can be asked of any value. A value of another type than the one asked for makes it false.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ValueTest {
    /// Known, and not null.
    Exists,
    /// Unknown or null.
    NotExists,
    /// Same type, and in this order.
    Compare(Comparison, Scalar),
    /// Equal to one of these.
    In(Vec<Scalar>),
    /// A scalar that equals none of these. Unknown is false: write `not` around `in` to include the unknown.
    NotIn(Vec<Scalar>),
    /// A text with this text in it, or a list with an entry equal to this.
    Contains(Scalar),
    /// A text that begins with this.
    StartsWith(String),
}

/// What can be asked of a date: an RFC 3339 time, or YYYY-MM-DD which is 00:00 UTC of that day. Days are 24 hours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DateTest {
    /// Strictly earlier than a fixed date.
    Before(DateLiteral),
    /// Strictly later than a fixed date.
    After(DateLiteral),
    /// In [now - n, now].
    WithinLastDays(u32),
    /// In [now, now + n].
    WithinNextDays(u32),
    /// Earlier than now - n.
    OlderThanDays(u32),
}

/// A date written in a condition: the text, and the instant it means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DateLiteral {
    text: String,
    at: Moment,
}

impl DateLiteral {
    /// Reads RFC 3339 or YYYY-MM-DD.
    pub fn parse(text: &str) -> Option<Self> {
        crate::date::parse(text).map(|at| Self { text: text.to_owned(), at })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The instant.
    pub const fn at(&self) -> Moment {
        self.at
    }
}

/// A test of one tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TagTest {
    /// The tag's key.
    pub key: String,
    /// What is asked of it.
    pub op: TagOp,
}

/// What can be asked of a tag. A tag without a value has the value `""`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TagOp {
    /// The customer has it.
    Exists,
    /// The customer lacks it.
    NotExists,
    /// Has it with this value.
    Eq(String),
    /// Has it with another value.
    Ne(String),
    /// Has it with one of these values.
    In(Vec<String>),
    /// Has it with none of these values.
    NotIn(Vec<String>),
}

/// A test of one event property; several must all hold of the same event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// The property: a key, or a path of keys joined by dots. A key that is written with its dots comes first.
    pub property: String,
    /// What is asked of its value.
    pub test: ValueTest,
}

/// Units of a [`Span`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SpanUnit {
    /// 24 hours each.
    Days,
    /// Hours.
    Hours,
    /// Minutes.
    Minutes,
}

/// A length of time as it was written: `30 days`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span {
    /// How many.
    pub amount: u32,
    /// Of what.
    pub unit: SpanUnit,
}

impl Span {
    /// A span of days.
    pub const fn days(amount: u32) -> Self {
        Self { amount, unit: SpanUnit::Days }
    }

    /// Its length in milliseconds.
    pub const fn millis(self) -> i64 {
        let unit = match self.unit {
            SpanUnit::Days => DAY_MS,
            SpanUnit::Hours => HOUR_MS,
            SpanUnit::Minutes => MINUTE_MS,
        };
        self.amount as i64 * unit
    }
}

/// How often a matching event happened within the closed interval [now - window, now].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventCount {
    /// The event's name.
    pub event: String,
    /// What its properties must satisfy.
    pub filters: Vec<Filter>,
    /// How the count stands to `value`.
    pub op: Comparison,
    /// 0..=1000.
    pub value: u32,
    /// `None` = ever.
    pub window: Option<Span>,
}

/// On which side of the span the event lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Recency {
    /// In [now - span, now].
    Within,
    /// Earlier than now - span. Never happened is false: ask for a count of 0 instead.
    Before,
}

/// How long ago the newest (or, later, the first) matching event lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventRecency {
    /// The event's name.
    pub event: String,
    /// What its properties must satisfy.
    pub filters: Vec<Filter>,
    /// Within the span, or before it.
    pub recency: Recency,
    /// How long.
    pub span: Span,
}

/// What was last said about a purpose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum ConsentState {
    /// Allowed.
    Granted,
    /// Withdrawn.
    Withdrawn,
    /// Nothing was ever said.
    #[default]
    Unknown,
}

/// A test of consent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsentTest {
    /// The purpose.
    pub purpose: Purpose,
    /// The channel: then the word that decides for it counts. `None` = what was said about all channels together.
    pub channel: Option<ChannelKind>,
    /// What must have been said.
    pub is: ConsentState,
}

/// Where a customer stands in a journey.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum JourneyState {
    /// Is in it now.
    Running,
    /// Reached its goal.
    GoalReached,
    /// Left it by an exit.
    Exited,
    /// Came to its end.
    Completed,
    /// Never entered it.
    Never,
}

/// A test of journey membership or outcome.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JourneyTest {
    /// Which journey.
    pub journey: JourneyId,
    /// Membership or outcome.
    pub state: JourneyState,
    /// Only outcomes this recent; `None` for states that are no outcome.
    pub window: Option<Span>,
}

/// What is computed over a property.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Statistic {
    /// The total.
    Sum,
    /// The mean.
    Avg,
}

/// The sum or average of a numeric property over matching events in a window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventAggregate {
    /// The event's name.
    pub event: String,
    /// What its properties must satisfy.
    pub filters: Vec<Filter>,
    /// Sum or average.
    pub statistic: Statistic,
    /// The property computed over.
    pub property: String,
    /// How the result stands to `value`.
    pub op: Comparison,
    /// What it is compared with.
    pub value: Number,
    /// `None` = ever.
    pub window: Option<Span>,
}

/// An event and its filters: a step of a sequence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventPick {
    /// The event's name.
    pub event: String,
    /// What its properties must satisfy.
    pub filters: Vec<Filter>,
}

/// Events that happened in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sequence {
    /// At least two.
    pub steps: Vec<EventPick>,
    /// From the first step to the last; `None` = any time.
    pub window: Option<Span>,
}

/// A condition about a vehicle of the customer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VehicleTest {
    /// The person's role towards the car (owner, driver ...); empty = any.
    pub roles: Vec<String>,
    /// What must hold of that car; nothing, where the condition has no parts. Of a car its stage and AIPL can be asked.
    pub matches: Box<Condition>,
}
