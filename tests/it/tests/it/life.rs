//! Stages, cars and stores through the whole engine: events in, facts, timers, segments and documents out.

use proptest::prelude::*;
use roadbook_customer::{Command, ConsentWord, Customer, Event, Role, vehicle};
use roadbook_it::canon::{self, difference};
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, Who, user};
use roadbook_kernel::{ActorKey, CustomerId, DAY_MS, Moment, VehicleId};
use roadbook_lifecycle::{Aipl, Signal, Stage};
use roadbook_runtime::ports::History;
use roadbook_runtime::record::Record;
use roadbook_runtime::{Memory, Person, people_of_car};
use roadbook_tenancy::{Purpose, Verdict};
use serde_json::{Value, json};

const VIN: &str = "LTESTVIN000000001";
const OTHER_VIN: &str = "LTESTVIN000000002";

const fn day(n: i64) -> Moment {
    T0.plus_ms(n * DAY_MS)
}

fn did(event: &str, who: &Who, days: i64) -> Say {
    Say::track(format!("{event}/{who:?}/{days}"), event, std::slice::from_ref(who)).at(day(days))
}

async fn facts(rig: &Rig<Memory>, id: CustomerId) -> Vec<Event> {
    let key = ActorKey::customer(rig.tenant, id);
    let turns = rig.store.turns(&key, 0, 100_000).await.expect("no fault");
    let bodies = turns.iter().map(|turn| Record::new(&turn.record).and_then(|one| one.body()).expect("a body"));
    bodies.flat_map(|body| body.entries).flat_map(|entry| entry.facts).collect()
}

/// The moves of the headline, or of the cars: (from, to, day).
async fn moves(rig: &Rig<Memory>, who: &Who, of_cars: bool) -> Vec<(Option<Stage>, Option<Stage>, i64)> {
    let id = rig.customer(who).await.id;
    let stage = |at: Option<roadbook_lifecycle::Position>| at.map(|at| at.stage);
    let told = facts(rig, id).await.into_iter().filter_map(|fact| match fact {
        Event::StageMoved { car, from, to, at } if car.is_some() == of_cars => {
            Some((stage(from), stage(to), at.since_ms(T0) / DAY_MS))
        }
        _ => None,
    });
    told.filter(|(from, to, _)| from != to).collect()
}

async fn people(rig: &Rig<Memory>, vin: &str) -> Vec<Person> {
    let (car, _) = vehicle(&rig.keys(), vin).expect("a VIN");
    people_of_car(&rig.engine, rig.tenant, car).await.expect("no fault")
}

#[tokio::test]
async fn a_buyer_goes_through_the_stages_and_every_move_is_a_fact() {
    let (rig, al) = (Rig::memory(), user("al"));
    rig.observe_each(&[
        did("model_viewed", &al, 1),
        did("lead_submitted", &al, 3).with("store_id", "4S001"),
        did("test_drive_completed", &al, 9).with("store_id", "4S002"),
        did("order_placed", &al, 12).with("dealer_id", "4S002"),
        did("delivery_completed", &al, 40).with("vin", VIN),
        did("page", &al, 41).with("vin", OTHER_VIN),
    ])
    .await;
    use Stage::{Comparison, Decision, Demand, Service};
    let expected = [
        (None, Some(Demand), 1),
        (Some(Demand), Some(Comparison), 3),
        (Some(Comparison), Some(Decision), 9),
        (Some(Decision), Some(Service), 40),
    ];
    assert_eq!(moves(&rig, &al, false).await, expected);
    assert_eq!(moves(&rig, &al, true).await, [(None, Some(Service), 40)]);
    let customer = rig.customer(&al).await;
    assert_eq!(customer.position().map(|at| (at.stage, at.aipl)), Some((Service, Aipl::Purchase)));
    let stores: Vec<&str> = customer.stores.iter().map(|(code, ..)| code).collect();
    assert_eq!(stores, ["4S001", "4S002"]);
    let car = customer.cars.values().next().expect("one car");
    assert_eq!((customer.cars.len(), car.tie.role), (1, Some(Role::Owner)), "a page about a car relates nobody");
}

#[tokio::test]
async fn a_late_event_counts_by_its_own_time() {
    let (rig, al) = (Rig::memory(), user("al"));
    rig.observe_each(&[
        did("lead_submitted", &al, 10),
        did("lead_defeated", &al, 20),
        did("test_drive_completed", &al, 15).accepted(day(30)),
        did("order_placed", &al, 25).accepted(day(31)),
    ])
    .await;
    use Stage::{Comparison, Decision, Demand};
    let expected = [
        (None, Some(Comparison), 10),
        (Some(Comparison), Some(Demand), 20),
        // The drive was before the defeat: it moves nothing.
        (Some(Demand), Some(Decision), 25),
    ];
    assert_eq!(moves(&rig, &al, false).await, expected);
}

#[tokio::test]
async fn a_car_grows_old_by_itself_and_its_owner_enters_the_segment() {
    let (rig, al) = (Rig::memory(), user("al"));
    let renewal = rig.segment("renewal", json!({ "stage": ["renewal"] })).await;
    let owners = json!({ "vehicle": { "roles": ["owner"], "matches": { "stage": ["renewal"] } } });
    let owners = rig.segment("owners", owners).await;
    rig.observe(&[did("delivery_completed", &al, 0).with("vin", VIN)]).await;
    rig.drain(day(1_095)).await;
    assert!(rig.customer(&al).await.memberships.is_empty(), "nothing was judged true, and nothing waits but the car");
    assert_eq!(rig.row(&al).await.expect("a row").due, Some(day(1_096)));
    rig.drain(day(2_000)).await;
    let customer = rig.customer(&al).await;
    for segment in [renewal, owners] {
        let membership = &customer.memberships[&segment];
        assert_eq!((membership.inside, membership.since), (true, day(1_096)));
    }
    assert_eq!(moves(&rig, &al, false).await.last(), Some(&(Some(Stage::Service), Some(Stage::Renewal), 1_096)));
    assert_eq!(customer.position().map(|at| at.because), Some(Signal::Aged));
    // Selling the car takes its stage along.
    rig.observe(&[did("ownership_transferred", &al, 2_001).with("vin", VIN)]).await;
    let customer = rig.customer(&al).await;
    assert_eq!((customer.position(), customer.memberships[&owners].inside), (None, false));
    rig.relay().await;
    assert_eq!(canon::at_rest(&rig).await, Ok(()));
}

#[tokio::test]
async fn people_of_a_car_stay_several_people_and_are_found() {
    let rig = Rig::memory();
    let (al, bo, cy) = (user("al"), user("bo"), user("cy"));
    rig.observe_each(&[
        did("delivery_completed", &al, 1).with("vin", VIN),
        did("vehicle_bound", &bo, 2).with("vin", "ltestvin 000000001").with("role", "driver"),
        did("service_completed", &cy, 3).with("vin", VIN),
        did("service_completed", &al, 4).with("vin", VIN),
        did("service_completed", &cy, 5).with("vin", OTHER_VIN),
        did("vehicle_unbound", &bo, 6).with("vin", VIN),
        did("vehicle_bound", &cy, 7).with("vin", "not a VIN"),
    ])
    .await;
    let ids = [rig.customer(&al).await.id, rig.customer(&bo).await.id, rig.customer(&cy).await.id];
    let found = people(&rig, VIN).await;
    let expected = [
        Person { customer: ids[0], role: Some(Role::Owner), since: day(1), until: None },
        Person { customer: ids[1], role: None, since: day(2), until: Some(day(6)) },
        Person { customer: ids[2], role: Some(Role::Contact), since: day(3), until: None },
    ];
    assert_eq!(found, expected);
    // Each has seen of the car what they brought it for.
    assert_eq!(rig.customer(&bo).await.position(), None);
    rig.tell(&al, "merge", Command::MergeWith { other: ids[1] }, day(8)).await;
    let (merged, found) = (rig.customer(&al).await, people(&rig, VIN).await);
    let car = &merged.cars[&vehicle(&rig.keys(), VIN).expect("a VIN").0];
    assert_eq!((merged.id, car.since, car.until()), (ids[0], day(1), Some(day(6))), "the later word counts");
    assert_eq!(found.iter().map(|one| one.customer).collect::<Vec<_>>(), [ids[0], ids[2]]);
    let nobody = people_of_car(&rig.engine, rig.tenant, VehicleId::from_u128(7)).await;
    assert_eq!(nobody, Ok(Vec::new()));
}

#[tokio::test]
async fn a_merge_that_moves_the_headline_says_so() {
    let rig = Rig::memory();
    let (al, bo, cy) = (user("al"), user("bo"), user("cy"));
    rig.observe_each(&[
        did("lead_submitted", &al, 1),
        did("delivery_completed", &bo, 2).with("vin", OTHER_VIN),
        did("page", &cy, 3),
    ])
    .await;
    let before = rig.customer(&al).await.position().map(|at| at.stage);
    let (bo, cy) = (rig.customer(&bo).await.id, rig.customer(&cy).await.id);
    let told = moves(&rig, &al, false).await.len();
    rig.tell(&al, "merge", Command::MergeWith { other: bo }, day(4)).await;
    let after = rig.customer(&al).await.position().map(|at| at.stage);
    assert_ne!(before, after);
    assert_eq!(moves(&rig, &al, false).await[told..], [(before, after, 4)]);
    rig.tell(&al, "merge again", Command::MergeWith { other: cy }, day(5)).await;
    assert_eq!(moves(&rig, &al, false).await.len(), told + 1, "who brings nothing moves nothing");
    // Who came later survives nothing: the fact stands with the survivor, whoever was asked.
    let rig = Rig::memory();
    let (al, bo) = (user("al"), user("bo"));
    rig.observe_each(&[did("page", &al, 1), did("lead_submitted", &bo, 2)]).await;
    let other = rig.customer(&al).await.id;
    rig.tell(&bo, "merge", Command::MergeWith { other }, day(3)).await;
    let stage = rig.customer(&al).await.position().map(|at| at.stage);
    assert_eq!((rig.customer(&al).await.id, moves(&rig, &al, false).await), (other, vec![(None, stage, 3)]));
}

#[tokio::test]
async fn who_gets_an_id_back_gets_the_car_back() {
    let rig = Rig::memory();
    let (al, bo) = (user("al"), user("bo"));
    rig.observe_each(&[did("page", &al, 1), did("delivery_completed", &bo, 2).with("vin", OTHER_VIN)]).await;
    let (one, other) = (rig.customer(&al).await.id, rig.customer(&bo).await.id);
    rig.tell(&al, "merge", Command::MergeWith { other }, day(3)).await;
    rig.observe_each(&[
        did("vehicle_bound", &bo, 4).with("vin", VIN).with("store_id", "4S001"),
        did("lead_submitted", &al, 5),
    ])
    .await;
    assert_eq!(rig.customer(&al).await.cars.len(), 2);
    rig.tell(&al, "unmerge", Command::Unmerge { other }, day(6)).await;
    let (al, bo) = (rig.customer(&al).await, rig.customer(&bo).await);
    let stage = |customer: &Customer| customer.position().map(|at| at.stage);
    assert_eq!((al.id, stage(&al), al.cars.len()), (one, Some(Stage::Comparison), 0));
    assert_eq!((bo.id, stage(&bo), bo.cars.len()), (other, Some(Stage::Service), 2));
    assert!(bo.stores.has("4S001") && al.stores.is_empty());
    for vin in [VIN, OTHER_VIN] {
        let found: Vec<CustomerId> = people(&rig, vin).await.iter().map(|one| one.customer).collect();
        assert_eq!(found, [other], "{vin}");
    }
}

#[tokio::test]
async fn a_word_of_consent_moves_its_segments_at_once() {
    let (rig, al) = (Rig::memory(), user("al"));
    let asked = |is: &str| json!({ "consent": "marketing", "is": is });
    let said = [
        rig.segment("granted", asked("granted")).await,
        rig.segment("withdrawn", asked("withdrawn")).await,
        rig.segment("unknown", asked("unknown")).await,
        rig.segment("seller", json!({ "consent": "marketing", "channel": "wecom_seller", "is": "granted" })).await,
    ];
    let told = async || {
        let memberships = rig.customer(&al).await.memberships;
        said.map(|id| memberships.get(&id).is_some_and(|one| one.inside))
    };
    rig.observe(&[did("page", &al, 0)]).await;
    assert_eq!(told().await, [false, false, true, false]);
    let word = |verdict| Command::NoteConsent(ConsentWord::general(Purpose::Marketing, verdict));
    rig.tell(&al, "yes", word(Verdict::Granted), day(1)).await;
    assert_eq!(told().await, [true, false, false, true]);
    rig.tell(&al, "no", word(Verdict::Withdrawn), day(2)).await;
    assert_eq!(told().await, [false, true, false, false]);
}

#[tokio::test]
async fn what_a_journey_did_can_be_asked_for() {
    let (rig, al) = (Rig::memory(), user("al"));
    let journey = rig
        .journey(
            "welcome",
            json!({
                "entry": { "event": "lead_submitted" }, "reentry": "once", "goal": { "event": "order_placed" }, "start": "rest",
                "nodes": { "rest": { "type": "wait", "duration": "P30D", "next": "over" }, "over": { "type": "exit" } }
            }),
        )
        .await;
    let asked = |state: &str| json!({ "journey": journey.to_string(), "state": state });
    let running = rig.segment("running", asked("running")).await;
    let mut recent = asked("goal_reached");
    recent["within_days"] = json!(7);
    let recent = rig.segment("recent", recent).await;
    let never = rig.segment("never", asked("never")).await;
    let told = async |rig: &Rig<Memory>| {
        let memberships = rig.customer(&al).await.memberships;
        [running, recent, never].map(|id| memberships.get(&id).is_some_and(|one| one.inside))
    };
    rig.observe(&[did("page", &al, 0)]).await;
    assert_eq!(told(&rig).await, [false, false, true]);
    rig.observe(&[did("lead_submitted", &al, 1)]).await;
    assert_eq!(told(&rig).await, [true, false, false]);
    rig.observe(&[did("order_placed", &al, 2)]).await;
    assert_eq!(told(&rig).await, [false, true, false]);
    rig.drain(day(10)).await;
    assert_eq!(told(&rig).await, [false, false, false]);
    assert_eq!(canon::at_rest(&rig).await.err().as_deref(), Some("the commit log was not carried"));
}

#[tokio::test]
async fn somebody_who_waits_costs_few_bytes() {
    let rig = Rig::memory();
    let (al, bo) = (user("al"), user("bo"));
    rig.observe(&[did("page", &al, 0)]).await;
    let quiet = serde_json::to_value(rig.customer(&al).await).expect("JSON");
    for field in ["stage", "cars", "stores"] {
        assert_eq!(quiet.get(field), None, "what is not known costs nothing");
    }
    for (event, days) in
        [("model_viewed", 1), ("model_compared", 2), ("lead_submitted", 3), ("test_drive_completed", 5)]
    {
        rig.observe(&[did(event, &bo, days)]).await;
    }
    let stage = serde_json::to_string(&rig.customer(&bo).await.stage).expect("JSON");
    assert!("\"stage\":,".len() + stage.len() < 60, "{stage}");
}

/// What happens to one of three people, in the order it is accepted.
fn life() -> impl Strategy<Value = Vec<(u8, &'static str, Option<&'static str>, i64)>> {
    const EVENTS: [&str; 12] = [
        "ad_clicked",
        "model_viewed",
        "lead_submitted",
        "order_placed",
        "order_cancelled",
        "lead_defeated",
        "delivery_completed",
        "service_completed",
        "insurance_expiring",
        "insurance_renewed",
        "vehicle_unbound",
        "ownership_transferred",
    ];
    let vin = prop_oneof![Just(None), Just(Some(VIN)), Just(Some(OTHER_VIN))];
    prop::collection::vec((0..3u8, prop::sample::select(&EVENTS[..]), vin, 0..60i64), 1..30)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn person(n: u8) -> Who {
    user(&n.to_string())
}

async fn lived(deeds: &[(u8, &str, Option<&str>, i64)]) -> Rig<Memory> {
    let rig = Rig::memory();
    rig.segment("owners", json!({ "vehicle": { "matches": { "stage": ["service", "renewal"] } } })).await;
    rig.segment("close", json!({ "any": [{ "stage": ["decision"] }, { "aipl": ["loyal"] }] })).await;
    for n in 0..3 {
        rig.observe(&[did("page", &person(n), i64::from(n) - 100)]).await;
    }
    for (place, (who, event, vin, days)) in deeds.iter().enumerate() {
        let mut say = Say::track(format!("m{place}"), event, &[person(*who)])
            .at(day(*days))
            .accepted(day(100).plus_ms(place as i64))
            .with("store_id", format!("4S{who:03}"));
        if let Some(vin) = vin {
            say = say.with("vin", *vin);
        }
        rig.observe(&[say]).await;
    }
    rig
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merges_of_lives_may_come_in_any_order(deeds in life()) {
        let orders: [[(u8, u8); 2]; 4] = [[(0, 1), (1, 2)], [(1, 2), (0, 1)], [(2, 0), (0, 1)], [(2, 1), (1, 0)]];
        let mut first: Option<Value> = None;
        for order in orders {
            let found = block_on(async {
                let rig = lived(&deeds).await;
                for (one, other) in order {
                    let other = rig.customer(&person(other)).await.id;
                    rig.tell(&person(one), &format!("merge {one} {other}"), Command::MergeWith { other }, day(101)).await;
                }
                rig.drain(day(3_000)).await;
                let all: Vec<Value> = rig.live().await.iter().map(known).collect();
                json!(all)
            });
            match &first {
                None => first = Some(found),
                Some(first) => prop_assert!(*first == found, "{order:?}\n{}", difference(first, &found)),
            }
        }
    }

    /// Whatever happened, segments over stages say what the stages say, and time alone keeps them true.
    #[test]
    fn segments_over_stages_are_never_stale(deeds in life()) {
        block_on(async {
            let rig = lived(&deeds).await;
            for until in [day(101), day(1_130), day(3_000)] {
                rig.drain(until).await;
                for customer in rig.live().await {
                    let inside: Vec<bool> = customer.memberships.values().map(|one| one.inside).collect();
                    let expected = expected(&customer);
                    prop_assert_eq!(inside.iter().filter(|one| **one).count(), expected, "{:?}", customer.position());
                }
            }
            Ok(())
        })?;
    }
}

/// A customer as [`canon::customer`], of segments only those they are in: two who meet first may have been in one for
/// a while that neither was in alone.
fn known(customer: &Customer) -> Value {
    let mut known = canon::customer(customer);
    known["segments"] = customer.memberships.iter().filter(|(_, one)| one.inside).map(|(id, _)| json!(id)).collect();
    known
}

/// How many of the two segments hold.
fn expected(customer: &Customer) -> usize {
    let of_car = |car: &roadbook_customer::Car| car.position().is_some_and(|at| at.stage >= Stage::Service);
    let owns = customer.current_cars().any(|(_, car)| of_car(car));
    let close = customer.position().is_some_and(|at| at.stage == Stage::Decision || at.aipl == Aipl::Loyal);
    usize::from(owns) + usize::from(close)
}
