//! Customers over DynamoDB behind a meter, with time that passes by days.

use crate::emulator::Place;
use crate::meter::{Call, Meter};
use crate::ports::over;
use roadbook_aws::Dynamo;
use roadbook_it::rig::{Carrier, Rig, T0};
use roadbook_it::say::{Say, Who};
use roadbook_it::sender::{Provider, pass};
use roadbook_kernel::{ActorKey, DAY_MS, Moment, SECOND_MS};
use roadbook_runtime::Deliver;
use roadbook_runtime::engine::{Engine, Limits};
use roadbook_runtime::ports::{DueKind, Fault, Store};
use roadbook_runtime::relay::carry;
use serde_json::{Value, json};
use std::sync::Arc;

/// Turns that one batch of the stream brings. Few, as on a day without campaigns: what is counted together is shared by
/// them alone.
const BROUGHT: usize = 10;

/// What requests consumed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    pub requests: usize,
    reads: f64,
    writes: f64,
    index: f64,
}

impl Sum {
    /// Adds all of them.
    pub fn add(&mut self, calls: &[Call]) {
        for call in calls {
            self.requests += 1;
            self.reads += call.reads;
            self.writes += call.writes;
            self.index += call.index;
        }
    }

    /// For each of so many.
    pub fn json(&self, of: usize) -> Value {
        let share = |number: f64| number / of as f64;
        json!({
            "requests": per(self.requests, of),
            "read_units": share(self.reads),
            "write_units": share(self.writes),
            "index_units": share(self.index),
        })
    }
}

/// Events of one kind.
#[derive(Default)]
pub struct Kind {
    pub events: usize,
    /// Until they were answered.
    pub front: Sum,
    /// What followed: the relay, timers, sends.
    behind: Sum,
    /// Every write of a row, by events and by timers.
    pub turns: Vec<Call>,
    /// Turns that timers made.
    timers: usize,
    /// Batches of the stream.
    carried: usize,
}

impl Kind {
    /// For each event.
    pub fn json(&self) -> Value {
        json!({
            "events": self.events,
            "turns": per(self.turns.len(), self.events),
            "timers": per(self.timers, self.events),
            "front": self.front.json(self.events),
            "behind": self.behind.json(self.events),
        })
    }
}

/// How many of each.
pub fn per(count: usize, of: usize) -> f64 {
    count as f64 / of as f64
}

/// The middle one, the lower of two.
pub fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[(numbers.len() - 1) / 2]
}

/// Carries each turn once, in batches.
struct Once(Arc<Place>);

#[async_trait::async_trait]
impl Carrier for Once {
    async fn carry(&self, engine: &Engine) -> Result<(), Fault> {
        for batch in self.0.turns().await.chunks(BROUGHT) {
            carry(engine, self.0.dynamo.as_ref(), batch.to_vec()).await?;
        }
        Ok(())
    }
}

/// The customers, the meter, and the time.
pub struct World {
    pub rig: Rig<Dynamo>,
    place: Arc<Place>,
    pub people: Vec<Vec<Who>>,
    /// Everything that was counted so far.
    pub seen: Vec<Call>,
    meter: Meter,
    provider: Provider,
    now: Moment,
    said: u64,
}

impl World {
    /// Nobody yet.
    pub fn over(place: Place, meter: Meter) -> Self {
        let mut rig = over(&place, Limits::default());
        let place = Arc::new(place);
        rig.carrier = Arc::new(Once(place.clone()));
        let (people, seen, provider) = (Vec::new(), Vec::new(), Provider::default());
        Self { rig, place, people, seen, meter, provider, now: T0, said: 0 }
    }

    /// Segments that an event leads into for thirty days, journeys that an event leads into.
    pub async fn define(&self) {
        for n in 0..8 {
            let event = format!("charger_used_{n}");
            let condition = json!({"event": event, "count": {"op": "gte", "value": 1}, "within_days": 30});
            self.rig.segment(&event, condition).await;
        }
        let send = json!({"type": "send", "channel": "recording", "purpose": "service",
                          "content": {"text": "Come for a check"}, "next": "over"});
        let wait = |next: &str| json!({"type": "wait", "duration": "P1D", "next": next});
        for n in 0..2 {
            let event = format!("battery_warned_{n}");
            let nodes = json!({"pause": wait("send"), "send": send, "over": {"type": "exit"}});
            let journey = json!({"entry": {"event": event}, "reentry": "once", "start": "pause", "nodes": nodes});
            self.rig.journey(&event, journey).await;
        }
        let mut nodes = json!({"over": {"type": "exit"}});
        for n in 0..10 {
            let next = if n == 9 { "over".to_owned() } else { format!("wait{}", n + 1) };
            nodes[format!("wait{n}")] = wait(&format!("tag{n}"));
            nodes[format!("tag{n}")] = json!({"type": "set_tag", "tag": "ownership", "value": format!("day {n}"),
                                              "expires_in": "P90D", "next": next});
        }
        let ten = json!({"entry": {"event": "delivery_made"}, "reentry": "once", "start": "wait0", "nodes": nodes});
        self.rig.journey("ten steps", ten).await;
    }

    /// The next instant.
    pub fn now(&mut self) -> Moment {
        self.now = self.now.plus_ms(SECOND_MS);
        self.now
    }

    /// Somebody does something.
    pub fn track(&mut self, who: usize, event: &str) -> Say {
        self.said += 1;
        let (id, at) = (format!("cost/{}", self.said), self.now());
        Say::track(id, event, &self.people[who][..1]).at(at)
    }

    /// Somebody says who they are.
    pub fn identify(&mut self, who: usize) -> Say {
        self.said += 1;
        let (id, at) = (format!("cost/{}", self.said), self.now());
        Say::identify(id, &self.people[who][..1]).at(at)
    }

    /// One call with these events.
    pub async fn front(&mut self, kind: &mut Kind, says: Vec<Say>) {
        let (calls, outcomes) = self.meter.of(self.rig.observe(&says)).await;
        assert_eq!(outcomes.len(), says.len());
        kind.events += says.len();
        kind.front.add(&calls);
        self.note(kind, calls);
    }

    fn note(&mut self, kind: &mut Kind, calls: Vec<Call>) {
        let turn = |call: &&Call| ["UpdateItem", "TransactWriteItems"].contains(&call.operation.as_str());
        kind.turns.extend(calls.iter().filter(turn).cloned());
        self.seen.extend(calls);
    }

    /// The relay goes on.
    pub async fn carry(&mut self, kind: &mut Kind) {
        let (calls, ()) = self.meter.of(self.rig.relay()).await;
        kind.behind.add(&calls);
        kind.carried += 1;
        self.seen.extend(calls);
    }

    /// Days pass: timers fire, the relay goes on. Who is due is not counted: a tick asks that for everybody at once.
    pub async fn let_pass(&mut self, kind: &mut Kind, days: i64) {
        self.now = self.now.plus_ms(days * DAY_MS);
        self.rig.at(self.now);
        let due = self.rig.store.due(DueKind::Actor, self.now, 1_000).await.expect("the index");
        let actors = due.iter().filter_map(|entry| ActorKey::from_bytes(entry.key.bytes()));
        for actor in actors {
            let (calls, poked) = self.meter.of(self.rig.direct.poke(actor)).await;
            poked.expect("no fault");
            kind.behind.add(&calls);
            let before = kind.turns.len();
            self.note(kind, calls);
            kind.timers += kind.turns.len() - before;
        }
        self.carry(kind).await;
    }

    /// What waits to be sent is sent, and the customers are told.
    pub async fn send(&mut self, kind: &mut Kind) {
        let sent = pass(&self.rig.engine, self.rig.direct.as_ref(), &self.provider);
        let (mut calls, taken) = self.meter.of(sent).await;
        taken.expect("no fault");
        calls.retain(|call| !call.of_index);
        kind.behind.add(&calls);
        self.seen.extend(calls);
        self.carry(kind).await;
    }

    /// Everything that is due by then has happened.
    pub async fn quiet(&mut self, until: Moment) {
        self.now = until;
        self.rig.drain(until).await;
        self.rig.relay().await;
        while pass(&self.rig.engine, self.rig.direct.as_ref(), &self.provider).await.expect("no fault") > 0 {
            self.rig.relay().await;
        }
        self.provider = Provider::default();
    }

    /// Messages that left since it was quiet.
    pub fn sent(&self) -> usize {
        self.provider.delivered().len()
    }

    /// What a tick of the sweep asks where nothing is due.
    pub async fn tick(&mut self) -> Sum {
        let store = self.rig.store.clone();
        let ask = async {
            for kind in [DueKind::Actor, DueKind::Send, DueKind::Delivery] {
                store.due(kind, T0, 16).await.expect("the index");
            }
            for kind in [DueKind::Actor, DueKind::Send] {
                store.next_due(kind).await.expect("the index");
            }
        };
        let (calls, ()) = self.meter.of(ask).await;
        let mut sum = Sum::default();
        sum.add(&calls);
        sum
    }

    /// Bytes of a row's entry in the due index.
    pub async fn index_bytes(&self, who: usize) -> usize {
        let row = self.rig.row(&self.people[who][0]).await.expect("a customer");
        let row = self.place.row(&ActorKey::customer(self.rig.tenant, row.state.id)).await;
        ["pk", "sk", "dl", "nd"].iter().map(|name| name.len() + row[*name]).sum()
    }
}
