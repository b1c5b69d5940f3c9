//! What each kind of turn asks of DynamoDB, counted with customers that have a past: `cargo xtask cost` sets prices
//! against it, and the step `dynamodb` holds what must never become dearer.

use crate::cost_world::{Kind, Sum, World, median, per};
use crate::emulator::Emulator;
use crate::meter::{Call, Meter};
use crate::people;
use roadbook_it::rig::T0;
use roadbook_it::say::{Say, device, user};
use roadbook_kernel::DAY_MS;
use serde_json::{Value, json};
use std::io::Write;
use std::ops::Range;

/// Customers with a past, and how many of them each count has for itself: what one count makes them do must not be the
/// past of another.
const CUSTOMERS: u64 = 48;
const EACH: usize = 8;
const PAGES: Range<usize> = 0..EACH;
const TRAITS: Range<usize> = EACH..2 * EACH;
const SEGMENTS: Range<usize> = 2 * EACH..3 * EACH;
const MESSAGES: Range<usize> = 3 * EACH..4 * EACH;
const STEPPING: Range<usize> = 4 * EACH..5 * EACH;
const MIXED: Range<usize> = 5 * EACH..6 * EACH;
/// Rounds of events that name no rule. The relay goes on after each.
const ROUNDS: usize = 6;
/// Events of a batch, and of one customer in it.
const BATCH: usize = 20;
const TOGETHER: usize = 4;
/// Batches of the event mix: 200 events.
const BATCHES: usize = 10;
const STEPS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_costs_what_the_readme_says() {
    let Some(emulator) = Emulator::find("a_turn_costs_what_the_readme_says") else { return };
    let meter = Meter::new();
    let place = emulator.place_over(Some(meter.client())).await;
    let mut world = World::over(place, meter);
    world.people = people::make_up(&world.rig, 3, CUSTOMERS).await;
    world.define().await;
    world.quiet(T0.plus_ms(150 * DAY_MS)).await;

    let mut counted = json!({});
    ordinary(&mut world, &mut counted).await;
    let mut kinds = json!({
        "segment": segment(&mut world).await.json(),
        "message": message(&mut world).await.json(),
    });
    kinds["page"] = counted["page"].take();
    kinds["trait"] = trait_change(&mut world).await.json();
    first_touch(&mut world, &mut counted).await;
    burst(&mut world, &mut counted).await;
    journey(&mut world, &mut counted).await;
    counted["batch20"] = mixed(&mut world).await.json();
    counted["tick"] = world.tick().await.json(1);
    counted["kinds"] = kinds;
    told_is_believed(&world.seen);
    tell(&counted);

    let number = |name: &str| counted[name].as_f64().expect("it was counted");
    assert_eq!(number("wru_event_p50"), 1.0, "{counted:#}");
    assert!(number("wru_step_p50") <= 3.0 && number("wru_first_p50") <= 8.0, "{counted:#}");
    assert!(number("requests_per_event") <= 2.2, "{counted:#}");
    assert!(number("requests_per_event_burst10") <= 0.3, "{counted:#}");
}

/// Events that name no rule, one by one; the claims are known by then.
async fn ordinary(world: &mut World, counted: &mut Value) {
    let mut kind = Kind::default();
    for n in PAGES {
        let say = world.track(n, "brochure_opened");
        world.rig.observe(&[say]).await;
    }
    for _ in 0..ROUNDS {
        for n in PAGES {
            let say = world.track(n, "brochure_opened").with("page", "/models/r1");
            world.front(&mut kind, vec![say]).await;
        }
        world.carry(&mut kind).await;
    }
    counted["wru_event_p50"] = json!(median(kind.turns.iter().map(Call::write_units)));
    counted["requests_per_event"] = json!(per(kind.front.requests, kind.events));
    counted["row_bytes_p50"] =
        json!(median(kind.turns.iter().flat_map(|turn| &turn.written).map(|bytes| *bytes as f64)));
    counted["page"] = kind.json();
}

async fn trait_change(world: &mut World) -> Kind {
    let mut kind = Kind::default();
    for n in TRAITS {
        let say = world.identify(n).set("city", format!("city {n}"));
        world.front(&mut kind, vec![say]).await;
    }
    world.carry(&mut kind).await;
    kind
}

/// Into a segment, and out of it when its window is over.
async fn segment(world: &mut World) -> Kind {
    let mut kind = Kind::default();
    for n in SEGMENTS {
        let say = world.track(n, "charger_used_0");
        world.front(&mut kind, vec![say]).await;
    }
    world.carry(&mut kind).await;
    world.let_pass(&mut kind, 31).await;
    kind
}

/// Into a journey that waits a day and sends.
async fn message(world: &mut World) -> Kind {
    let mut kind = Kind::default();
    for n in MESSAGES {
        let say = world.track(n, "battery_warned_0");
        world.front(&mut kind, vec![say]).await;
    }
    world.carry(&mut kind).await;
    world.let_pass(&mut kind, 2).await;
    world.send(&mut kind).await;
    assert_eq!(world.sent(), EACH, "everybody was sent something");
    kind
}

async fn first_touch(world: &mut World, counted: &mut Value) {
    let mut kind = Kind::default();
    for n in 0..20 {
        let who = [user(&format!("new-{n}")), device(&format!("new-{n}"))];
        let say = Say::identify(format!("new/{n}"), &who).at(world.now()).set("city", "Wuhan");
        world.front(&mut kind, vec![say]).await;
    }
    world.carry(&mut kind).await;
    let turn = kind.turns.first().expect("a turn");
    assert_eq!(turn.written.len(), 3, "a row and two claims");
    counted["claim_bytes"] = json!(turn.written.iter().min());
    counted["wru_first_p50"] = json!(median(kind.turns.iter().map(Call::write_units)));
}

/// Ten events of one customer in one call.
async fn burst(world: &mut World, counted: &mut Value) {
    let mut kind = Kind::default();
    for n in PAGES {
        let says = (0..10).map(|_| world.track(n, "brochure_opened")).collect();
        world.front(&mut kind, says).await;
    }
    world.carry(&mut kind).await;
    counted["requests_per_event_burst10"] = json!(per(kind.front.requests, kind.events));
}

/// Ten waits of a day, each with something done at its end.
async fn journey(world: &mut World, counted: &mut Value) {
    let (mut kind, mut steps) = (Kind::default(), Vec::new());
    for n in STEPPING {
        let say = world.track(n, "delivery_made");
        world.front(&mut kind, vec![say]).await;
    }
    world.carry(&mut kind).await;
    counted["index_bytes"] = json!(world.index_bytes(STEPPING.start).await);
    for _ in 0..=STEPS {
        let before = kind.turns.len();
        world.let_pass(&mut kind, 1).await;
        steps.extend_from_slice(&kind.turns[before..]);
    }
    assert_eq!(steps.len(), EACH * STEPS, "one turn for each step");
    counted["wru_step_p50"] = json!(median(steps.iter().map(Call::write_units)));
    counted["waiting_row_bytes_p50"] =
        json!(median(steps.iter().flat_map(|turn| &turn.written).map(|bytes| *bytes as f64)));
    counted["journey10"] = kind.json();
}

/// The event mix, in batches as an SDK sends them: of every fifty events 35 pages, 10 changes of a trait, 4 into a
/// segment, 1 into a journey that sends.
async fn mixed(world: &mut World) -> Kind {
    let mut kind = Kind::default();
    let mut joined = [0; EACH];
    for batch in 0..BATCHES {
        let mut says = Vec::new();
        for place in 0..BATCH {
            let of = (batch * (BATCH / TOGETHER) + place / TOGETHER) % EACH;
            let n = MIXED.start + of;
            says.push(match (batch * BATCH + place) * 17 % 50 {
                0..35 => world.track(n, "brochure_opened"),
                35..45 => world.identify(n).set("city", format!("city {batch} {place}")),
                45..49 => {
                    joined[of] += 1;
                    world.track(n, &format!("charger_used_{}", joined[of]))
                }
                _ => world.track(n, "battery_warned_1"),
            });
        }
        world.front(&mut kind, says).await;
        world.carry(&mut kind).await;
    }
    world.let_pass(&mut kind, 2).await;
    world.send(&mut kind).await;
    world.let_pass(&mut kind, 29).await;
    kind
}

/// What the emulator says a write consumed is what its items' sizes say, but where a few bytes decide: how large a number
/// is DynamoDB says only approximately. For reads it is not: it bills them by the request.
fn told_is_believed(calls: &[Call]) {
    let writes = calls.iter().filter(|call| ["UpdateItem", "DeleteItem"].contains(&call.operation.as_str()));
    let mut compared = 0;
    for call in writes {
        let is_close = call.written.iter().any(|bytes| (bytes + 8) % 1_024 < 16);
        assert!(call.told == Some(call.write_units()) || is_close, "{call:?}");
        compared += 1;
    }
    assert!(compared > 200, "{compared} writes");
}

/// Writes the counts where `cargo xtask cost` wants them.
fn tell(counted: &Value) {
    if let Ok(file) = std::env::var("ROADBOOK_COST_JSON") {
        std::fs::write(&file, counted.to_string()).expect("the file can be written");
    }
    let told = writeln!(std::io::stdout(), "{counted:#}");
    told.expect("standard output takes lines");
}

#[test]
fn sums_are_per_event() {
    let call = |operation: &str| Call { operation: operation.into(), writes: 2.0, reads: 1.0, ..Call::default() };
    let mut sum = Sum::default();
    sum.add(&[call("UpdateItem"), call("GetItem")]);
    assert_eq!(sum.json(2), json!({ "requests": 1.0, "read_units": 1.0, "write_units": 2.0, "index_units": 0.0 }));
}
