//! The scripted scenario: what one tenant lives through in thirty turns.

use crate::rig::T0;
use crate::say::{Say, Who, anon, device, email, external, user};
use roadbook_catalog::Command as Define;
use roadbook_kernel::{DAY_MS, HOUR_MS, JourneyId, MINUTE_MS, Moment, SegmentId};
use roadbook_tenancy::{Purpose, Verdict};
use serde_json::json;

/// One step. Each can be repeated after a crash as its producer would repeat it.
#[derive(Clone, Debug)]
pub enum Step {
    /// One call with these events.
    Observe(Vec<Say>),
    /// A command to the catalog.
    Define(&'static str, Define),
    /// A word about consent.
    Consent(&'static str, Who, Purpose, Verdict, Moment),
    /// An operator says that two are one.
    Merge(&'static str, Who, Who, Moment),
    /// Time passes, timers fire.
    Until(Moment),
    /// The commit log is carried.
    Relay,
    /// Sends go as far as they can.
    Send,
    /// A sweep over History begins.
    BeginBackfill(SegmentId),
    /// It looks at a few customers.
    Backfill(usize),
}

/// The segment of the engaged: two page views within a week.
pub const ENGAGED: SegmentId = SegmentId::from_u128(0x0005_e600_0001);
/// The segment of the recent buyers, published after they bought.
pub const BUYERS: SegmentId = SegmentId::from_u128(0x0005_e600_0002);
/// The journey of a lead.
pub const LEAD: JourneyId = JourneyId::from_u128(0x0010_4200_0001);
/// The journey of the engaged.
pub const WELCOME: JourneyId = JourneyId::from_u128(0x0010_4200_0002);

/// The limit of a customer's state in the scenario: low, so that one large trait fills it without slowing every run.
pub const CUSTOMER_BYTES_MAX: usize = 8 * 1024;

/// An instant of the scenario.
pub const fn at(ms: i64) -> Moment {
    T0.plus_ms(ms)
}

fn lead() -> serde_json::Value {
    json!({
        "entry": {"event": "lead_submitted"},
        "reentry": "after_exit",
        "goal": {"event": "order_placed"},
        "start": "settle",
        "nodes": {
            "settle": {"type": "wait", "duration": "PT30M", "next": "tell"},
            "tell": {"type": "send", "channel": "wecom_seller", "purpose": "service",
                     "to": {"corp": "ww1", "member": {"trait": "seller_userid"}},
                     "content": {"text": "lead {{ entry.series }}"}, "next": "drive"},
            "drive": {"type": "wait_for", "event": "test_drive_completed", "timeout": "P3D",
                      "on_event": "warm", "on_timeout": "task"},
            "warm": {"type": "set_tag", "tag": "grade", "value": "H", "expires_in": "P10D", "next": "mail"},
            "mail": {"type": "send", "channel": "recording", "purpose": "marketing",
                     "content": {"text": "offer {{ entry.series }}"}, "next": "linger"},
            "linger": {"type": "wait", "duration": "P1D", "next": "over"},
            "task": {"type": "send", "channel": "wecom_group_task", "purpose": "service",
                     "to": {"corp": "ww1", "member": {"trait": "seller_userid"}},
                     "content": {"text": "still there? {{ entry.series }}"}, "next": "note"},
            "note": {"type": "set_trait", "trait": "chased", "value": true, "next": "over"},
            "over": {"type": "exit"}
        }
    })
}

fn welcome() -> serde_json::Value {
    json!({
        "entry": {"segment": ENGAGED.to_string(), "edge": "enter"},
        "reentry": "once",
        "exit": [{"segment": ENGAGED.to_string(), "edge": "leave"}],
        "start": "hello",
        "nodes": {
            "hello": {"type": "send", "channel": "recording", "purpose": "service",
                      "content": {"text": "hello"}, "next": "rest"},
            "rest": {"type": "wait", "duration": "P30D", "next": "over"},
            "over": {"type": "exit"}
        }
    })
}

fn engaged() -> serde_json::Value {
    json!({"event": "page_viewed", "count": {"op": "gte", "value": 2}, "within_days": 7})
}

fn buyers() -> serde_json::Value {
    json!({"event": "purchase", "count": {"op": "gte", "value": 2}, "within_days": 30})
}

fn minute(n: i64) -> Moment {
    at(n * MINUTE_MS)
}

fn page(id: &str, who: &[Who], n: i64) -> Say {
    Say::track(id, "page_viewed", who).at(minute(n))
}

/// Visitors become known, meet, and are merged; the first lead comes in.
fn first_day() -> Vec<Step> {
    let one = |say: Say| Step::Observe(vec![say]);
    let marketing = Purpose::Marketing;
    vec![
        Step::Define("s1", Define::CreateSegment { id: ENGAGED, name: "engaged".into(), condition: engaged() }),
        Step::Define("s2", Define::PublishSegment { id: ENGAGED }),
        Step::Define("j1", Define::CreateJourney { id: LEAD, name: "lead".into(), definition: lead() }),
        Step::Define("j2", Define::PublishJourney { id: LEAD }),
        Step::Define("j3", Define::CreateJourney { id: WELCOME, name: "welcome".into(), definition: welcome() }),
        Step::Define("j4", Define::PublishJourney { id: WELCOME }),
        Step::Observe(vec![page("e01", &[anon("a")], 1), page("e02", &[anon("b")], 1)]),
        Step::Observe(vec![
            page("e03", &[anon("c")], 2),
            Say::identify("e04", &[user("cy"), anon("c")]).at(minute(3)).set("seller_userid", "seller-1"),
            Say::track("e05", "purchase", &[user("cy")]).at(minute(4)),
        ]),
        one(Say::identify("e06", &[user("al"), anon("a")])
            .at(minute(5))
            .set("seller_userid", "seller-2")
            .add("score", 2_000_000)),
        Step::Consent("c1", user("al"), marketing, Verdict::Granted, minute(6)),
        one(Say::track("e07", "lead_submitted", &[user("al")]).at(minute(7)).with("series", "R1")),
        one(Say::identify("e08", &[user("bo"), email("bo"), external("bo")])
            .at(minute(8))
            .set("seller_userid", "seller-3")),
        one(Say::track("e09", "lead_submitted", &[email("bo")]).at(minute(9)).with("series", "R2")),
        // An anonymous visitor turns out to be somebody known: the two become one, and enter the segment by it.
        one(Say::identify("e10", &[user("bo"), anon("b")]).at(minute(10)).add("score", 3_000_000)),
        Step::Observe(vec![
            page("e11", &[anon("b")], 11),
            page("e12", &[anon("a")], 12),
            page("e13", &[anon("c")], 13),
        ]),
        Step::Relay,
        Step::Send,
        Step::Until(minute(40)),
        Step::Relay,
        Step::Send,
    ]
}

/// A device goes round, two known people turn out to be one, somebody is too large.
fn second_day() -> Vec<Step> {
    let one = |say: Say| Step::Observe(vec![say]);
    let day = |n: i64, hours: i64| at(n * DAY_MS + hours * HOUR_MS);
    let large = "x".repeat(CUSTOMER_BYTES_MAX);
    vec![
        one(Say::identify("e14", &[user("cy"), device("t")]).at(day(1, 1))),
        Step::Observe(vec![
            Say::track("e15", "app_opened", &[user("di")]).at(day(1, 2)),
            Say::track("e29", "lead_submitted", &[user("hu")]).at(day(1, 2)).with("series", "R5"),
        ]),
        one(Say::identify("e16", &[user("di"), device("t")]).at(day(1, 3)).append("seen", "tablet")),
        one(Say::track("e17", "app_opened", &[device("t")]).at(day(1, 4))),
        Step::Observe(vec![
            Say::track("e18", "test_drive_completed", &[user("al")]).at(day(1, 5)),
            Say::track("e30", "test_drive_completed", &[user("hu")]).at(day(1, 5)),
        ]),
        Step::Consent("c2", user("al"), Purpose::Marketing, Verdict::Withdrawn, day(1, 6)),
        one(Say::alias("e19", &user("al"), &user("el")).at(day(1, 7))),
        Step::Observe(vec![
            Say::track("e20", "app_opened", &[user("fy")]).at(day(1, 8)),
            Say::alias("e21", &user("fy"), &user("al")).at(day(1, 9)),
        ]),
        Step::Merge("m1", user("cy"), user("di"), day(1, 10)),
        one(Say::identify("e22", &[user("ge")]).at(day(1, 11)).set("note", large)),
        one(Say::track("e23", "app_opened", &[user("ge")]).at(day(1, 12))),
        one(Say::track("e24", "purchase", &[user("cy")]).at(day(1, 13))),
        Step::Relay,
        Step::Send,
        Step::Until(day(4, 0)),
    ]
}

/// Waits run out, a segment is published that looks back, the last order reaches its goal.
fn last_days() -> Vec<Step> {
    let one = |say: Say| Step::Observe(vec![say]);
    let day = |n: i64| at(n * DAY_MS);
    vec![
        Step::Define("s3", Define::CreateSegment { id: BUYERS, name: "buyers".into(), condition: buyers() }),
        Step::Define("s4", Define::PublishSegment { id: BUYERS }),
        Step::BeginBackfill(BUYERS),
        Step::Backfill(3),
        one(Say::track("e25", "purchase", &[user("ge-2")]).at(day(4).plus_ms(1))),
        Step::Backfill(3),
        Step::Backfill(100),
        one(Say::track("e26", "lead_submitted", &[device("t")]).at(day(4).plus_ms(2)).with("series", "R3")),
        Step::Until(day(5)),
        one(Say::track("e27", "order_placed", &[user("di")]).at(day(5))),
        one(Say::track("e28", "lead_submitted", &[user("el")]).at(day(5)).with("series", "R4")),
        Step::Relay,
        Step::Send,
        // The journey stands still: a wait ends meanwhile, somebody else does not come in.
        Step::Define("p1", Define::PauseJourney { id: LEAD }),
        Step::Until(day(6)),
        one(Say::track("e31", "lead_submitted", &[user("ge-2")]).at(day(6)).with("series", "R6")),
        Step::Relay,
        Step::Define("p2", Define::ResumeJourney { id: LEAD }),
        Step::Backfill(3),
        Step::Backfill(100),
        Step::Until(day(9)),
        Step::Relay,
        Step::Send,
        Step::Until(day(20)),
    ]
}

/// The whole script, in its order.
pub fn script() -> Vec<Step> {
    let mut steps = first_day();
    steps.extend(second_day());
    steps.extend(last_days());
    steps
}
