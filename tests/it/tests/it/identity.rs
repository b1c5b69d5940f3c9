//! Who is who, through the router: whatever comes first, and whatever comes at once.

use roadbook_customer::{Command, Event};
use roadbook_identity::{IDENTIFIERS_MAX, MOVES_MAX};
use roadbook_it::Backend;
use roadbook_it::canon::{self, names};
use roadbook_it::faulty::Faulty;
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, Who, anon, device, email, user};
use roadbook_kernel::{ActorKey, DAY_MS, Moment, TenantId};
use roadbook_runtime::ports::{History, ItemKey, Space, Store};
use roadbook_runtime::record::Record;
use roadbook_runtime::{Memory, Outcome, read_claim};
use std::slice::from_ref;
use std::sync::Arc;

const fn at(ms: i64) -> Moment {
    T0.plus_ms(ms)
}

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// A visit, a login, and what the logged-in person does.
fn visit_login_act() -> [Say; 3] {
    [
        Say::track("visit", "page_viewed", &[anon("a")]).at(at(1)),
        Say::identify("login", &[user("al"), anon("a")]).at(at(2)).set("city", "Shanghai"),
        Say::track("act", "app_opened", &[user("al")]).at(at(3)),
    ]
}

async fn is_one<S: Backend>(rig: &Rig<S>, told: &str) {
    let live = rig.live().await;
    let names: Vec<_> = live.iter().map(names).collect();
    assert_eq!(names, [["anonymous_id:visitor-0000-a", "user_id:user-al"]], "{told}");
    assert_eq!(live[0].events(), 3, "{told}");
    assert!(canon::decided(rig).await.values().all(|times| *times == 1), "{told}");
    assert!(canon::letters(rig).await.is_empty(), "{told}");
}

#[tokio::test]
async fn one_person_is_one_customer_in_one_call_whatever_the_order() {
    for order in ORDERS {
        let rig = Rig::memory();
        rig.observe(&order.map(|index| visit_login_act()[index].clone())).await;
        is_one(&rig, &format!("one call in the order {order:?}")).await;
    }
}

#[tokio::test]
async fn one_person_is_one_customer_in_three_calls_whatever_the_order() {
    for order in ORDERS {
        let rig = Rig::memory();
        rig.observe_each(&order.map(|index| visit_login_act()[index].clone())).await;
        is_one(&rig, &format!("three calls in the order {order:?}")).await;
    }
}

/// Calls that run at once over a store that lets them overtake each other; each gets a process of its own where
/// `processes` is set, so that nothing but the store is shared.
async fn at_once(calls: Vec<Vec<Say>>, seed: u64, processes: bool) -> Rig<Faulty<Memory>> {
    let rig = Rig::over(Arc::new(Faulty::restless(Arc::new(Memory::new()), seed)));
    let rigs: Vec<_> =
        calls.iter().map(|_| if processes { rig.restart() } else { rig.on(rig.store.clone()) }).collect();
    let shared = rig.on(rig.store.clone());
    let running =
        calls.iter().zip(&rigs).map(|(call, own)| if processes { own.observe(call) } else { shared.observe(call) });
    let outcomes = futures_util::future::join_all(running).await;
    for outcome in outcomes.iter().flatten() {
        assert!(matches!(outcome, Outcome::Applied { .. }), "seed {seed}: {outcome:?}");
    }
    rig
}

#[tokio::test]
async fn one_person_is_one_customer_in_three_calls_at_once() {
    for seed in 0..150 {
        for order in ORDERS {
            let calls = order.map(|index| vec![visit_login_act()[index].clone()]).to_vec();
            let rig = at_once(calls, seed, seed % 2 == 0).await;
            is_one(&rig, &format!("three calls at once, seed {seed}, order {order:?}")).await;
        }
    }
}

#[tokio::test]
async fn one_person_is_one_customer_when_a_batch_and_a_call_run_at_once() {
    for seed in 0..150 {
        for alone in 0..3 {
            let all = visit_login_act();
            let batch =
                all.iter().enumerate().filter(|(index, _)| *index != alone).map(|(_, say)| say.clone()).collect();
            let rig = at_once(vec![batch, vec![all[alone].clone()]], seed, seed % 2 == 0).await;
            is_one(&rig, &format!("a batch and message {alone} at once, seed {seed}")).await;
        }
    }
}

#[tokio::test]
async fn many_calls_of_one_person_at_once_are_each_applied_once() {
    for seed in 0..10 {
        let calls: Vec<Vec<Say>> = (0..12)
            .map(|n| {
                let who = if n % 3 == 0 { vec![user("al")] } else { vec![user("al"), anon("a")] };
                vec![Say::identify(format!("m{n}"), &who).at(at(n)).add("score", 1_000_000)]
            })
            .collect();
        let rig = at_once(calls, seed, true).await;
        let customer = rig.customer(&user("al")).await;
        assert_eq!((rig.live().await.len(), customer.events()), (1, 12), "seed {seed}");
        let score = customer.traits["score"].value().map(|value| value.into_owned());
        assert_eq!(score, Some(12.into()), "seed {seed}");
    }
}

#[tokio::test]
async fn a_device_goes_with_the_newest_login_and_makes_nobody_one() {
    let rig = Rig::memory();
    let tablet = device("t");
    rig.observe(&[Say::track("m1", "visit", &[user("al")]).at(at(1))]).await;
    rig.observe(&[Say::track("m2", "visit", &[user("bo")]).at(at(2))]).await;
    rig.observe(&[Say::identify("m3", &[user("al"), tablet.clone()]).at(at(10))]).await;
    rig.observe(&[Say::identify("m4", &[user("bo"), tablet.clone()]).at(at(20))]).await;
    assert_eq!(rig.live().await.len(), 2);
    assert!(rig.customer(&user("bo")).await.owns(&tablet.identifier(&rig.keys()).key()));
    rig.observe(&[Say::track("m5", "visit", from_ref(&tablet)).at(at(21))]).await;
    assert_eq!(rig.customer(&user("bo")).await.events(), 3);

    // A login that happened before the newest one arrives late: it moves nothing.
    rig.observe(&[Say::identify("m6", &[user("al"), tablet.clone()]).at(at(15)).accepted(at(30))]).await;
    assert!(rig.customer(&user("bo")).await.owns(&tablet.identifier(&rig.keys()).key()));
    // A mention moves nothing either, however new.
    rig.observe(&[Say::track("m7", "visit", &[user("al"), tablet.clone()]).at(at(40))]).await;
    assert!(rig.customer(&user("bo")).await.owns(&tablet.identifier(&rig.keys()).key()));
    assert_eq!((rig.customer(&user("al")).await.events(), rig.live().await.len()), (4, 2));
}

#[tokio::test]
async fn whoever_logs_in_on_a_shared_device_for_the_first_time_is_somebody_new() {
    let rig = Rig::memory();
    let tablet = device("t");
    for (n, name) in ["al", "bo", "cy"].into_iter().enumerate() {
        let offset = i64::try_from(n).unwrap_or(0) * 10;
        rig.observe(&[Say::identify(format!("in-{name}"), &[user(name), tablet.clone()]).at(at(offset))]).await;
        rig.observe(&[Say::track(format!("do-{name}"), "visit", from_ref(&tablet)).at(at(offset + 5))]).await;
    }
    let live = rig.live().await;
    let names: Vec<_> = live.iter().map(names).collect();
    assert_eq!(live.len(), 3, "a device never makes two people one: {names:?}");
    for name in ["al", "bo", "cy"] {
        assert_eq!(rig.customer(&user(name)).await.events(), 2, "{name}");
    }
    assert!(rig.customer(&user("cy")).await.owns(&tablet.identifier(&rig.keys()).key()));
}

#[tokio::test]
async fn two_first_logins_on_one_device_stay_two_in_one_call_and_at_once() {
    let logins = || {
        vec![
            Say::identify("in-al", &[user("al"), device("t")]).at(at(1)),
            Say::identify("in-bo", &[user("bo"), device("t")]).at(at(2)),
        ]
    };
    let rig = Rig::memory();
    rig.observe(&logins()).await;
    assert_eq!(rig.live().await.len(), 2, "in one call");
    assert!(rig.customer(&user("bo")).await.owns(&device("t").identifier(&rig.keys()).key()));
    for seed in 0..100 {
        let calls = logins().into_iter().map(|say| vec![say]).collect();
        let rig = at_once(calls, seed, seed % 2 == 0).await;
        assert_eq!(rig.live().await.len(), 2, "at once, seed {seed}");
        assert!(rig.customer(&user("bo")).await.owns(&device("t").identifier(&rig.keys()).key()), "seed {seed}");
    }
}

#[tokio::test]
async fn a_device_stops_moving_when_it_is_worn_out_and_rests_for_a_window() {
    let rig = Rig::memory();
    let (one, other, tablet) = (user("al"), user("bo"), device("t"));
    rig.observe(&[Say::track("m1", "visit", from_ref(&one)).at(at(1))]).await;
    rig.observe(&[Say::track("m2", "visit", from_ref(&other)).at(at(2))]).await;
    let login =
        |n: i64, who: &Who| Say::identify(format!("login{n}"), &[who.clone(), tablet.clone()]).at(at(n * 1_000));
    for n in 1..=i64::from(MOVES_MAX) + 5 {
        let who = if n % 2 == 1 { &one } else { &other };
        rig.observe(&[login(n, who)]).await;
    }
    // The first login claims it, eight move it: it rests with whoever logged in ninth.
    let key = tablet.identifier(&rig.keys()).key();
    let (owner, else_one) = (rig.customer(&one).await, rig.customer(&other).await);
    assert!(owner.owns(&key) && !else_one.owns(&key));
    let claim = rig.store.load(&ItemKey::claim(rig.tenant, &key)).await.expect("no fault").expect("a claim");
    assert_eq!(read_claim(&claim).expect("a claim").past.len(), MOVES_MAX as usize);
    // A window later it may move again.
    let later = Say::identify("later", &[other.clone(), tablet.clone()]).at(at(16 * DAY_MS));
    rig.observe(&[later]).await;
    assert!(rig.customer(&other).await.owns(&key));
}

#[tokio::test]
async fn duplicates_are_known_after_a_move_and_after_a_merge() {
    let rig = Rig::memory();
    let tablet = device("t");
    let by_device = Say::track("dup", "visit", from_ref(&tablet)).at(at(11)).add("score", 1_000_000);
    rig.observe(&[Say::identify("m1", &[user("al"), tablet.clone()]).at(at(10))]).await;
    rig.observe(from_ref(&by_device)).await;
    rig.observe(&[Say::track("m2", "visit", &[user("bo")]).at(at(12))]).await;
    rig.observe(&[Say::identify("m3", &[user("bo"), tablet.clone()]).at(at(20))]).await;
    let again = rig.observe(from_ref(&by_device)).await;
    assert!(matches!(again[..], [Outcome::Duplicate { .. }]), "after a move: {again:?}");

    rig.observe(&[Say::identify("m4", &[user("cy"), tablet.clone()]).at(at(30))]).await;
    let again = rig.observe(from_ref(&by_device)).await;
    assert!(matches!(again[..], [Outcome::Duplicate { .. }]), "after two moves: {again:?}");

    rig.observe(&[Say::alias("m5", &user("al"), &user("di")).at(at(31))]).await;
    rig.observe(&[Say::alias("m6", &user("cy"), &user("ed")).at(at(32))]).await;
    let again = rig.observe(from_ref(&by_device)).await;
    assert!(matches!(again[..], [Outcome::Duplicate { .. }]), "after merges on both sides: {again:?}");
    let all = [by_device, Say::track("m2", "visit", &[user("bo")]).at(at(12))];
    rig.observe(&[Say::alias("m7", &user("al"), &user("cy")).at(at(33))]).await;
    rig.observe(&[Say::alias("m8", &user("al"), &user("bo")).at(at(34))]).await;
    let again = rig.observe(&all).await;
    assert!(again.iter().all(|one| matches!(one, Outcome::Duplicate { .. })), "after everybody is one: {again:?}");
    let score = rig.customer(&user("al")).await.traits["score"].value().map(|value| value.into_owned());
    assert_eq!(score, Some(1.into()));
}

#[tokio::test]
async fn a_duplicate_is_known_weeks_after_its_device_moved_and_moved_again() {
    let rig = Rig::memory();
    let tablet = device("t");
    let by_device = Say::track("dup", "visit", from_ref(&tablet)).at(at(11)).add("score", 1_000_000);
    rig.observe(&[Say::identify("m1", &[user("al"), tablet.clone()]).at(at(10))]).await;
    rig.observe(from_ref(&by_device)).await;
    let mut day = 0;
    for (n, name) in ["bo", "cy", "di"].into_iter().enumerate() {
        day += 20;
        let login = Say::identify(format!("in{n}"), &[user(name), tablet.clone()]);
        rig.observe(&[login.at(at(day * DAY_MS))]).await;
        rig.wall.advance_to(at((day + 17) * DAY_MS));
        let again = rig.observe(from_ref(&by_device)).await;
        assert!(matches!(again[..], [Outcome::Duplicate { .. }]), "with {name}: {again:?}");
    }
    let claim = rig.store.load(&ItemKey::claim(rig.tenant, &tablet.identifier(&rig.keys()).key())).await;
    let claim = read_claim(&claim.expect("no fault").expect("a claim")).expect("a claim");
    assert_eq!((claim.past.len(), claim.moves(at((day + 17) * DAY_MS))), (3, 0), "who had it, and no recent move");
}

#[tokio::test]
async fn two_known_people_are_one_by_alias_or_command_and_by_nothing_else() {
    for way in ["alias", "command"] {
        let rig = Rig::memory();
        rig.observe(&[Say::identify("m1", &[user("al"), email("al")]).at(at(1)).set("city", "Shanghai")]).await;
        rig.observe(&[Say::identify("m2", &[user("bo"), email("bo")]).at(at(2)).set("name", "Test Person")]).await;
        let meet = Say::identify("m3", &[user("al"), email("bo"), anon("x")]).at(at(3));
        rig.observe(&[meet, Say::track("m4", "visit", &[user("al"), user("bo")]).at(at(4))]).await;
        assert_eq!(rig.live().await.len(), 2, "{way}: an identify merges nobody");
        assert!(rig.customer(&email("bo")).await.owns(&user("bo").identifier(&rig.keys()).key()));
        let customer = rig.customer(&user("al")).await;
        let key = ActorKey::customer(rig.tenant, customer.id);
        let turns = rig.store.turns(&key, 0, 100).await.expect("no fault");
        let facts = turns.iter().flat_map(|turn| {
            let record = Record::new(&turn.record).and_then(|record| record.body::<Event>()).expect("a record");
            record.entries.into_iter().flat_map(|entry| entry.facts)
        });
        let refused = facts.filter(|fact| matches!(fact, Event::LinkRefused { .. })).count();
        let elsewhere = rig.customer(&user("bo")).await.events();
        assert_eq!(refused + usize::from(elsewhere > 1), 2, "{way}: each meeting is a fact");

        let outcome = match way {
            "alias" => rig.observe(&[Say::alias("m5", &user("bo"), &user("al")).at(at(5))]).await.remove(0),
            _ => {
                let other = rig.customer(&user("bo")).await.id;
                rig.tell(&user("al"), "m5", Command::MergeWith { other }, at(5)).await
            }
        };
        assert!(matches!(outcome, Outcome::Applied { .. }), "{way}: {outcome:?}");
        let live = rig.live().await;
        assert_eq!(live.len(), 1, "{way}");
        assert_eq!(names(&live[0]).len(), 5, "{way}: {:?}", names(&live[0]));
        assert!(live[0].traits.contains_key("city") && live[0].traits.contains_key("name"));
        for who in [user("al"), user("bo"), email("al"), email("bo"), anon("x")] {
            assert_eq!(rig.customer(&who).await.id, live[0].id, "{way}: {who:?}");
        }
    }
}

#[tokio::test]
async fn merging_with_oneself_or_twice_changes_nothing() {
    let rig = Rig::memory();
    rig.observe(&[Say::track("m1", "visit", &[user("al")]).at(at(1))]).await;
    rig.observe(&[Say::track("m2", "visit", &[user("bo")]).at(at(2))]).await;
    let (one, other) = (rig.customer(&user("al")).await.id, rig.customer(&user("bo")).await.id);
    let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied { .. });
    assert!(applied(&rig.tell(&user("al"), "self", Command::MergeWith { other: one }, at(3)).await));
    assert_eq!(rig.live().await.len(), 2);
    assert!(applied(&rig.tell(&user("bo"), "merge", Command::MergeWith { other: one }, at(4)).await));
    let merged = rig.customer(&user("al")).await;
    for (n, other) in [one, other].into_iter().enumerate() {
        assert!(applied(&rig.tell(&user("bo"), &format!("again{n}"), Command::MergeWith { other }, at(5)).await));
    }
    assert_eq!(rig.customer(&user("al")).await, merged);
    let nobody = Command::MergeWith { other: roadbook_kernel::CustomerId::from_u128(9) };
    let refused = rig.tell(&user("al"), "nobody", nobody, at(6)).await;
    assert!(matches!(refused, Outcome::Refused(ref no) if no.code == "no_such_customer"), "{refused:?}");
}

#[tokio::test]
async fn chains_of_tombstones_resolve_and_become_short() {
    let rig = Rig::memory();
    let names = ["al", "bo", "cy", "di"];
    for (n, name) in names.into_iter().enumerate() {
        let offset = i64::try_from(n).unwrap_or(0);
        rig.observe(&[Say::track(format!("m{n}"), "visit", &[user(name)]).at(at(offset))]).await;
    }
    // Youngest into the next older each time: three tombstones in a row.
    for n in (1..4).rev() {
        let other = rig.customer(&user(names[n])).await.id;
        rig.tell(&user(names[n - 1]), &format!("merge{n}"), Command::MergeWith { other }, at(10)).await;
    }
    let survivor = rig.customer(&user("al")).await.id;
    let key = user("di").identifier(&rig.keys()).key();
    let owner = async |rig: &Rig<Memory>| {
        let item = rig.store.load(&ItemKey::claim(rig.tenant, &key)).await.expect("no fault").expect("a claim");
        read_claim(&item).expect("a claim").owner
    };
    assert_ne!(owner(&rig).await, survivor);
    let rig = rig.restart();
    let outcome = rig.observe(&[Say::track("late", "visit", &[user("di")]).at(at(20))]).await;
    assert!(matches!(outcome[..], [Outcome::Applied { customer: Some(on), .. }] if on == survivor), "{outcome:?}");
    assert_eq!(owner(&rig).await, survivor, "the claim names the survivor now");
    assert_eq!(rig.customer(&user("di")).await.events(), 5);
}

#[tokio::test]
async fn a_customer_has_at_most_eighty_identifiers() {
    let rig = Rig::memory();
    for n in 0..IDENTIFIERS_MAX + 10 {
        let offset = i64::try_from(n).unwrap_or(0);
        let who = [user("al"), anon(&format!("al{n}"))];
        let outcome = rig.observe(&[Say::identify(format!("m{n}"), &who).at(at(offset))]).await;
        assert!(matches!(outcome[..], [Outcome::Applied { .. }]), "the event counts all the same");
    }
    let customer = rig.customer(&user("al")).await;
    assert_eq!((customer.links.len(), customer.events()), (IDENTIFIERS_MAX, 90));
    assert!(rig.row(&anon("al85")).await.is_none(), "what was refused is nobody's");

    rig.observe(&[Say::identify("bo", &[user("bo"), email("bo")]).at(at(1_000))]).await;
    rig.observe(&[Say::alias("alias", &user("al"), &user("bo")).at(at(1_001))]).await;
    assert_eq!(rig.live().await.len(), 2, "together they would be too many");
    let other = rig.customer(&user("bo")).await.id;
    let refused = rig.tell(&user("al"), "merge", Command::MergeWith { other }, at(1_002)).await;
    assert!(matches!(refused, Outcome::Refused(ref no) if no.code == "too_many_identifiers"), "{refused:?}");
}

#[tokio::test]
async fn another_tenant_never_sees_anything() {
    let rig = Rig::memory();
    let other = rig.speaking_for(TenantId::from_u128(0x7e57_0002));
    let say = || Say::identify("m1", &[user("al"), email("al"), device("t")]).at(at(1)).set("city", "Shanghai");
    rig.observe(&[say()]).await;
    assert!(other.row(&user("al")).await.is_none() && other.rows().await.is_empty());
    let outcome = other.observe(&[say()]).await;
    assert!(matches!(outcome[..], [Outcome::Applied { .. }]), "the same message of another tenant is another message");
    let (mine, theirs) = (rig.customer(&user("al")).await, other.customer(&user("al")).await);
    assert_ne!(mine.id, theirs.id);
    assert_ne!(mine.links[0].identifier.hash, theirs.links[0].identifier.hash, "hashes cannot be compared");

    // Another tenant's ids lead nowhere.
    let refused = other.tell(&user("al"), "steal", Command::MergeWith { other: mine.id }, at(2)).await;
    assert!(matches!(refused, Outcome::Refused(_)), "{refused:?}");
    rig.relay().await;
    for space in Space::ALL {
        for tenant in [rig.tenant, other.tenant] {
            let items = rig.store.scan(space, tenant, b"", None, 1_000).await.expect("no fault");
            assert!(items.iter().all(|(key, _)| key.tenant() == tenant));
        }
    }
    let key = ActorKey::customer(other.tenant, mine.id);
    assert!(rig.store.turns(&key, 0, 10).await.expect("no fault").is_empty());
}
