//! Days on which the world misbehaves, seen from the engine. What single writes do then is in `once.rs`.

use crate::emulator::Emulator;
use crate::network::{Fate, Network};
use crate::ports::over;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_dynamodb::config::Region;
use roadbook_aws::Dynamo;
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, user};
use roadbook_it::sender::{Provider, pass};
use roadbook_kernel::{HOUR_MS, MINUTE_MS};
use roadbook_runtime::Outcome;
use roadbook_runtime::engine::Limits;
use roadbook_runtime::ports::{Fault, Store};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttled_at_length_a_turn_is_overload_and_nothing_is_half_done() {
    let Some(emulator) = Emulator::find("throttled_at_length_a_turn_is_overload") else { return };
    let network = Network::new();
    let rig = over(&emulator.place_over(Some(network.client())).await, Limits::default());
    let known = |id: &str| Say::identify(id, &[user("one")]).at(T0).set("city", "Wuhan");
    network.expect(&[Fate::Throttled; 200]);
    assert_eq!(rig.try_observe(&[known("a")]).await, [Err(Fault::Overloaded)]);
    network.expect(&[]);
    assert!(rig.rows().await.is_empty() && rig.row(&user("one")).await.is_none(), "neither a row nor a claim");

    rig.observe(&[known("a")]).await;
    network.expect(&[Fate::Throttled; 200]);
    assert_eq!(rig.try_observe(&[known("b")]).await, [Err(Fault::Overloaded)]);
    network.expect(&[]);
    let outcomes = rig.observe_each(&[known("a"), known("b"), known("b")]).await;
    let [Outcome::Duplicate { .. }, Outcome::Applied { .. }, Outcome::Duplicate { .. }] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(rig.row(&user("one")).await.expect("a row").version, 2);
}

#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("nobody has any")))
    }
}

/// What a store says that cannot work, and what to do about it.
async fn told(dynamo: Dynamo) -> String {
    match dynamo.ready().await {
        Err(Fault::Store(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_missing_table_a_wrong_region_and_no_credentials_say_what_to_do() {
    let Some(emulator) = Emulator::find("a_missing_table_a_wrong_region_and_no_credentials") else { return };
    let place = emulator.place().await;
    let client = emulator.client(None).await;
    let with = |config: aws_sdk_dynamodb::config::Builder| {
        Dynamo::new(&aws_sdk_dynamodb::Client::from_conf(config.build()), &place.prefix)
    };
    let config = || client.config().to_builder();
    let nowhere = told(Dynamo::new(&client, "nowhere")).await;
    let elsewhere = told(with(config().region(Region::new("cn-north-1")))).await;
    for (text, table, region) in
        [(&nowhere, "nowhere-items", "us-east-1"), (&elsewhere, place.prefix.as_str(), "cn-north-1")]
    {
        for told in ["ResourceNotFoundException", table, region, "deploy the stack here", "ROADBOOK_TABLES"] {
            assert!(text.contains(told), "{told}: {text}");
        }
    }
    let nobody = told(with(config().credentials_provider(Nobody))).await;
    assert!(nobody.contains("no credentials") && nobody.contains("AWS_PROFILE"), "{nobody}");
    // A port that nobody listens at, as the endpoint of a region that does not exist.
    let unreachable = told(with(config().endpoint_url("http://127.0.0.1:9"))).await;
    assert!(unreachable.contains("no connection") && unreachable.contains("region"), "{unreachable}");
}

/// Into a journey that waits half an hour and then sends.
async fn invitation<S: roadbook_it::Keeper>(rig: &Rig<S>) {
    let nodes = json!({
        "pause": {"type": "wait", "duration": "PT30M", "next": "invite"},
        "invite": {"type": "send", "channel": "recording", "purpose": "service",
                   "content": {"text": "come"}, "next": "over"},
        "over": {"type": "exit"}
    });
    let journey = json!({"entry": {"event": "looked"}, "reentry": "once", "start": "pause", "nodes": nodes});
    rig.journey("invitation", journey).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_ten_minutes_apart_keep_versions_and_timers_right() {
    let Some(emulator) = Emulator::find("two_hosts_ten_minutes_apart_keep_versions_and_timers_right") else { return };
    let place = emulator.place().await;
    let ahead = over(&place, Limits::default());
    let behind = over(&place, Limits::default());
    let skew = 10 * MINUTE_MS;
    ahead.at(T0.plus_ms(skew));
    invitation(&ahead).await;

    let at = |minute: i64| T0.plus_ms(minute * MINUTE_MS);
    let say = |id: &str, event: &str, minute: i64| Say::track(id, event, &[user("one")]).at(at(minute));
    // Each host accepts by its own clock: minute 11 of the one is minute 1 of the other.
    ahead.observe(&[say("a", "looked", 11)]).await;
    behind.observe(&[say("b", "scrolled", 2)]).await;
    let row = ahead.row(&user("one")).await.expect("a row");
    assert_eq!((row.version, row.last_turn), (2, at(11)), "an actor's time never goes back");
    ahead.observe(&[say("c", "scrolled", 13)]).await;
    behind.observe(&[say("c", "scrolled", 4)]).await;
    assert_eq!(ahead.row(&user("one")).await.map(|row| row.version), Some(3), "a duplicate on the other host");

    let due = row.due.expect("it waits");
    assert_eq!(due, at(41), "half an hour after it entered");
    assert_eq!(behind.try_drain(due.minus_ms(skew)).await, Ok(0), "its clock has not got there");
    // Both sweep, the one early by the other's clock: it fires once.
    assert_eq!(ahead.try_drain(due).await, Ok(1));
    assert_eq!(behind.try_drain(due.plus_ms(1)).await, Ok(0));
    ahead.at(due.plus_ms(HOUR_MS));
    crate::engine::carry_all(&place, &ahead.engine).await;
    let provider = Provider::default();
    for rig in [&ahead, &behind] {
        rig.at(due.plus_ms(HOUR_MS));
        pass(&rig.engine, rig.direct.as_ref(), &provider).await.expect("no fault");
    }
    assert_eq!(provider.delivered().len(), 1, "one message");
    let versions: Vec<u64> = place.turns().await.iter().map(|turn| turn.version).collect();
    assert!(versions.is_sorted(), "{versions:?}");
}

/// During a deployment both run: the old one has the definitions of before in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_with_older_definitions_beside_one_with_newer_never_decides_under_them() {
    let Some(emulator) = Emulator::find("a_host_with_older_definitions_beside_one_with_newer") else { return };
    let new = over(&emulator.place().await, Limits::default());
    let old = new.restart();
    let at = |minute: i64| T0.plus_ms(minute * MINUTE_MS);
    let say = |id: &str, minute: i64| Say::track(id, "looked", &[user("one")]).at(at(minute));
    old.observe(&[say("a", 1)]).await;
    let looked = json!({"event": "looked", "count": {"op": "gte", "value": 2}, "within_days": 14});
    let segment = new.segment("looked", looked).await;
    invitation(&new).await;
    new.observe(&[say("b", 2)]).await;
    let edition = new.row(&user("one")).await.expect("a row").edition;
    // What the old one remembers is behind: it fetches before it decides.
    old.observe(&[say("c", 3)]).await;
    let row = old.row(&user("one")).await.expect("a row");
    assert_eq!((row.version, row.edition), (3, edition));
    assert!(row.state.memberships.get(&segment).is_some_and(|one| one.inside), "two looks since, one on each host");
}
