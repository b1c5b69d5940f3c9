//! What is counted, as Prometheus reads it. By hand and with atomics: the hot path adds, and only `/metrics` formats.
//! No label names a tenant, a key or a path with an id.

use crate::api::Api;
use axum::http::StatusCode;
use roadbook_runtime::Lateness;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// What kind of route answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RouteClass {
    /// Takes events; a write key is enough.
    Ingestion,
    /// What browser SDKs ask besides; no secret.
    Browser,
    /// Everything of a tenant; needs a secret key or a person's token.
    Secret,
    /// What somebody needs before they have a key: signing in.
    Public,
    /// For the operator: health and counters.
    Ops,
    /// No such path, no such method.
    Unknown,
}

impl RouteClass {
    const ALL: [RouteClass; 6] = [
        RouteClass::Ingestion,
        RouteClass::Browser,
        RouteClass::Secret,
        RouteClass::Public,
        RouteClass::Ops,
        RouteClass::Unknown,
    ];

    const fn name(self) -> &'static str {
        match self {
            RouteClass::Ingestion => "ingestion",
            RouteClass::Browser => "browser",
            RouteClass::Secret => "secret",
            RouteClass::Public => "public",
            RouteClass::Ops => "ops",
            RouteClass::Unknown => "unknown",
        }
    }
}

/// Statuses by their first digit, 1 to 5.
const STATUS_CLASSES: usize = 5;

/// Counters of this door.
#[derive(Default)]
pub(crate) struct Metrics {
    answers: [[AtomicU64; STATUS_CLASSES]; RouteClass::ALL.len()],
    /// Events that were received, whatever became of them.
    pub(crate) received: AtomicU64,
    /// Events turned away at the edge and kept in the dead letters.
    pub(crate) rejected: AtomicU64,
}

impl Metrics {
    pub(crate) fn answered(&self, class: RouteClass, status: StatusCode) {
        let place = usize::from(status.as_u16() / 100).clamp(1, STATUS_CLASSES) - 1;
        add(&self.answers[class as usize][place], 1);
    }
}

pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

/// The exposition text. `relay_lag` is how far the relay is behind, where that is known.
pub(crate) fn text(api: &Api, relay_lag: Option<u64>) -> String {
    let tally = &api.engine().tally;
    let counters = [
        ("turns", "Turns committed.", &tally.turns),
        ("events", "Events applied or refused for the first time.", &tally.observed),
        ("messages", "Messages of any kind applied or refused for the first time.", &tally.events),
        ("duplicates", "Messages recognised as known.", &tally.duplicates),
        ("conflicts", "Turns decided again after losing a race.", &tally.conflicts),
        ("defects", "Messages taken out of a turn because deciding them failed.", &tally.defects),
        ("parked", "Actors parked because a timer could not be fired.", &tally.parked),
        ("inbox_page_reads", "Times the pages of an inbox had to be read.", &tally.page_reads),
        ("history_lookups", "Messages older than the window, looked up in History.", &tally.history_lookups),
        ("hops", "Messages resolved again because the actor did not own them.", &tally.hops),
        ("merges", "Customers merged.", &tally.merges),
        ("dead_letters", "Dead letters written.", &tally.letters),
        ("timers", "Timers fired.", &tally.timers),
        ("events_received", "Events received, whatever became of them.", &api.metrics.received),
        ("events_rejected", "Events turned away at the edge, kept in the dead letters.", &api.metrics.rejected),
    ];
    let mut out = String::with_capacity(4_096);
    for (name, help, counter) in counters {
        head(&mut out, &format!("roadbook_{name}_total"), help, "counter");
        line(&mut out, format_args!("roadbook_{name}_total {}", counter.load(Ordering::Relaxed)));
    }
    head(&mut out, "roadbook_http_answers_total", "Answers by kind of route and of status.", "counter");
    for class in RouteClass::ALL {
        for (place, counter) in api.metrics.answers[class as usize].iter().enumerate() {
            let (route, status, value) = (class.name(), place + 1, counter.load(Ordering::Relaxed));
            let labels = format_args!("{{route=\"{route}\",status=\"{status}xx\"}}");
            line(&mut out, format_args!("roadbook_http_answers_total{labels} {value}"));
        }
    }
    head(&mut out, "roadbook_in_flight_events", "Events being worked on.", "gauge");
    line(&mut out, format_args!("roadbook_in_flight_events {}", api.gate.in_flight()));
    head(&mut out, "roadbook_draining", "1 while the process stops.", "gauge");
    line(&mut out, format_args!("roadbook_draining {}", u8::from(api.app.is_leaving())));
    lateness(&mut out, &tally.lateness);
    if let Some(lag) = relay_lag {
        head(&mut out, "roadbook_relay_lag_turns", "Turns committed and not yet relayed, at most.", "gauge");
        line(&mut out, format_args!("roadbook_relay_lag_turns {lag}"));
    }
    out
}

fn lateness(out: &mut String, lateness: &Lateness) {
    let name = "roadbook_timer_late_seconds";
    head(out, name, "How long after its instant a timer fired.", "histogram");
    let counts = lateness.counts();
    let mut sum = 0;
    for (bound, count) in Lateness::BOUNDS_MS.iter().zip(counts) {
        sum += count;
        line(out, format_args!("{name}_bucket{{le=\"{}\"}} {sum}", *bound as f64 / 1e3));
    }
    let all: u64 = counts.iter().sum();
    line(out, format_args!("{name}_bucket{{le=\"+Inf\"}} {all}\n{name}_count {all}"));
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    line(out, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}
