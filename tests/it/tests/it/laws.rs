//! The laws of the customer actor, over made-up lives.

use super::consents::{Word, is_open};
use super::segments::edges_of;
use proptest::prelude::*;
use roadbook_customer::{Command, ConsentWord, Customer, Event, SendStatus};
use roadbook_it::canon::{self, difference};
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, Who, anon, device, user};
use roadbook_it::sender::{Provider, pass};
use roadbook_kernel::{ActorKey, CustomerId, DAY_MS, Durable, HOUR_MS, MINUTE_MS, Moment, SegmentId};
use roadbook_runtime::ports::History;
use roadbook_runtime::record::{Body, Record};
use roadbook_runtime::{Memory, Outcome};
use roadbook_tenancy::{ChannelKind, Purpose, Verdict};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const fn at(ms: i64) -> Moment {
    T0.plus_ms(ms)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// One thing that happens in a made-up life. Offsets are minutes.
#[derive(Clone, Debug)]
enum Deed {
    Visit(u8, i64, i64),
    Buy(u8, i64, i64),
    Login(u8, u8, i64, i64),
    Alias(u8, u8, i64),
    Consent(u8, bool, bool, i64, i64),
    Pass(i64),
}

fn who(n: u8) -> Who {
    match n {
        0 => user("0"),
        1 => user("1"),
        2 => user("2"),
        3 => anon("a"),
        4 => anon("b"),
        _ => device("t"),
    }
}

/// Lives of up to `len` deeds. Each deed is accepted a minute after the former; some happened long before.
fn life(len: usize) -> impl Strategy<Value = Vec<Deed>> {
    let late = prop_oneof![4 => Just(0i64), 1 => 1i64..600];
    let deed = (0u8..100, 0u8..6, 0u8..6, late, prop_oneof![3 => 1i64..5, 1 => 30i64..2_000], any::<bool>());
    prop::collection::vec(deed, 1..len).prop_map(|raw| {
        let mut now = 0;
        let mut deeds = Vec::new();
        for (kind, one, other, late, pass, yes) in raw {
            now += pass;
            let occurred = now - late;
            deeds.push(match kind {
                0..25 => Deed::Visit(one, occurred, now),
                25..45 => Deed::Buy(one, occurred, now),
                45..70 => Deed::Login(one % 3, 3 + other % 3, occurred, now),
                70..78 => Deed::Alias(one % 3, other % 3, now),
                78..90 => Deed::Consent(one % 3, yes, other % 3 == 0, occurred, now),
                _ => Deed::Pass(now),
            });
        }
        deeds
    })
}

const fn minute(n: i64) -> Moment {
    at(n * MINUTE_MS)
}

fn welcome(segment: SegmentId) -> Value {
    json!({
        "entry": {"segment": segment.to_string(), "edge": "enter"},
        "reentry": "after_exit",
        "exit": [{"segment": segment.to_string(), "edge": "leave"}],
        "start": "mail",
        "nodes": {
            "mail": {"type": "send", "channel": "recording", "purpose": "marketing",
                     "content": {"text": "hello"}, "next": "rest"},
            "rest": {"type": "wait_for", "event": "buy", "timeout": "PT6H", "on_event": "mark", "on_timeout": "again"},
            "mark": {"type": "set_tag", "tag": "buyer", "expires_in": "PT20H", "next": "over"},
            "again": {"type": "send", "channel": "recording", "purpose": "marketing",
                      "content": {"text": "still there?"}, "next": "over"},
            "over": {"type": "exit"}
        }
    })
}

/// A tenant with two segments, one of which refers to the other, and a journey that begins with them.
async fn tenant() -> Rig<Memory> {
    let rig = Rig::memory();
    let active = json!({"event": "visit", "count": {"op": "gte", "value": 2}, "within_hours": 12});
    let active = rig.segment("active", active).await;
    let fresh = json!({"all": [{"segment": active.to_string()}, {"not": {"tag": "buyer"}}]});
    let fresh = rig.segment("fresh", fresh).await;
    rig.journey("welcome", welcome(fresh)).await;
    rig
}

async fn live(rig: &Rig<Memory>, n: usize, deed: &Deed) -> Option<Outcome> {
    let id = format!("m{n}");
    let say = match deed {
        Deed::Visit(one, occurred, now) => {
            Say::track(id, "visit", &[who(*one)]).at(minute(*occurred)).accepted(minute(*now)).append("seen", n)
        }
        Deed::Buy(one, occurred, now) => {
            Say::track(id, "buy", &[who(*one)]).at(minute(*occurred)).accepted(minute(*now)).add("spent", 1_500_000)
        }
        Deed::Login(one, other, occurred, now) => {
            Say::identify(id, &[who(*one), who(*other)]).at(minute(*occurred)).accepted(minute(*now)).set("login", n)
        }
        Deed::Alias(one, other, now) => Say::alias(id, &who(*one), &who(*other)).at(minute(*now)),
        Deed::Consent(one, yes, own, occurred, now) => {
            let mut word = ConsentWord::general(Purpose::Marketing, said(*yes));
            word.channel = own.then_some(ChannelKind::Recording);
            return consent(rig, &id, *one, word, (*occurred, *now)).await;
        }
        Deed::Pass(now) => {
            rig.drain(minute(*now)).await;
            return None;
        }
    };
    Some(rig.observe(&[say]).await.remove(0))
}

const fn said(yes: bool) -> Verdict {
    if yes { Verdict::Granted } else { Verdict::Withdrawn }
}

async fn consent(
    rig: &Rig<Memory>,
    id: &str,
    one: u8,
    word: ConsentWord,
    (occurred, now): (i64, i64),
) -> Option<Outcome> {
    let row = rig.row(&who(one)).await?;
    rig.at(minute(now));
    let message = roadbook_runtime::Message {
        id: rig.message(id),
        accepted: minute(now),
        occurred: minute(occurred),
        position: 0,
        via: None,
        founding: false,
        command: Command::NoteConsent(word),
    };
    let key = ActorKey::customer(rig.tenant, row.state.id);
    let outcomes = roadbook_runtime::Deliver::customer(rig.direct.as_ref(), key, vec![message]).await;
    Some(outcomes.expect("no fault").remove(0))
}

/// Everything that is under way ends: timers, sends, the log.
async fn settled(rig: &Rig<Memory>) -> Value {
    rig.drain(at(60 * DAY_MS)).await;
    rig.relay().await;
    pass(&rig.engine, rig.direct.as_ref(), &Provider::default()).await.expect("no fault");
    rig.relay().await;
    canon::tenant(rig).await
}

/// Every fact of an actor in its order, by version.
async fn history(rig: &Rig<Memory>, id: CustomerId) -> Vec<(u64, Body<Event>)> {
    let key = ActorKey::customer(rig.tenant, id);
    let turns = rig.store.turns(&key, 0, 100_000).await.expect("no fault");
    turns
        .iter()
        .map(|turn| (turn.version, Record::new(&turn.record).and_then(|one| one.body()).expect("a body")))
        .collect()
}

async fn facts(rig: &Rig<Memory>, id: CustomerId) -> Vec<Event> {
    let bodies = history(rig, id).await;
    bodies.into_iter().flat_map(|(_, body)| body.entries).flat_map(|entry| entry.facts).collect()
}

/// Folds everything that became true about an actor from the beginning; `whole` = also that it became a tombstone.
async fn replayed(rig: &Rig<Memory>, id: CustomerId, whole: bool) -> Customer {
    let mut state = Customer::blank(id);
    for fact in facts(rig, id).await {
        match fact {
            Event::MergedInto { .. } if !whole => break,
            // The loser travels only inside the turn: here it is folded from its own facts.
            Event::Absorbed { loser, version, shared, by, at, .. } => {
                let lost = Some(Arc::new(Box::pin(replayed(rig, loser, false)).await));
                state.evolve(&Event::Absorbed { loser, version, state: lost, shared, by, at });
            }
            fact => state.evolve(&fact),
        }
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_message_delivered_twice_equals_once(deeds in life(40), again in prop::collection::vec(any::<prop::sample::Index>(), 0..30)) {
        block_on(async {
            let (once, twice) = (tenant().await, tenant().await);
            for (n, deed) in deeds.iter().enumerate() {
                live(&once, n, deed).await;
                live(&twice, n, deed).await;
                for back in again.iter().filter(|index| index.index(deeds.len()) % 7 == n % 7) {
                    let known = back.index(n + 1);
                    if matches!(deeds[known], Deed::Consent(..) | Deed::Pass(_)) {
                        continue;
                    }
                    let outcome = live(&twice, known, &deeds[known]).await;
                    prop_assert!(matches!(outcome, Some(Outcome::Duplicate { .. })), "deed {known} again after {n}: {outcome:?}");
                }
            }
            let (once, twice) = (settled(&once).await, settled(&twice).await);
            prop_assert!(once == twice, "{}", difference(&once, &twice));
            Ok(())
        })?;
    }

    #[test]
    fn what_is_stored_is_what_its_facts_say(deeds in life(60)) {
        block_on(async {
            let rig = tenant().await;
            for (n, deed) in deeds.iter().enumerate() {
                live(&rig, n, deed).await;
            }
            settled(&rig).await;
            for row in rig.rows().await {
                let id = row.state.id;
                let folded = json!(replayed(&rig, id, true).await);
                let stored = json!(row.state);
                prop_assert!(folded == stored, "{id}\n{}", difference(&stored, &folded));
                let versions: Vec<u64> = history(&rig, id).await.into_iter().map(|(version, _)| version).collect();
                prop_assert_eq!(versions, (1..=row.version).collect::<Vec<_>>(), "one turn, one version");
            }
            prop_assert_eq!(canon::at_rest(&rig).await, Ok(()));
            Ok(())
        })?;
    }

    #[test]
    fn who_withdrew_gets_no_marketing_ever_after(deeds in life(60)) {
        block_on(async {
            let rig = tenant().await;
            for (n, deed) in deeds.iter().enumerate() {
                live(&rig, n, deed).await;
            }
            rig.drain(at(60 * DAY_MS)).await;
            let mut ended = BTreeMap::new();
            // Losers first: a tombstone is younger than who it became.
            let mut rows = rig.rows().await;
            rows.sort_by_key(|row| std::cmp::Reverse(row.state.id));
            for row in rows {
                // The last word about all channels, and the last about this one.
                let mut last: [Word; 2] = [None, None];
                for fact in facts(&rig, row.state.id).await {
                    match fact {
                        Event::ConsentNoted { channel, standing, .. } => {
                            let last = &mut last[usize::from(channel.is_some())];
                            *last = (*last).max(Some((standing.as_of, standing.verdict)));
                        }
                        Event::Absorbed { loser, .. } => {
                            let theirs: [Word; 2] = ended.get(&loser).copied().unwrap_or_default();
                            last = [last[0].max(theirs[0]), last[1].max(theirs[1])];
                        }
                        Event::Messaged { record } if record.status == SendStatus::Intended => {
                            prop_assert!(is_open(last), "{:?} {:?} {:?}", row.state.id, last, record);
                        }
                        _ => {}
                    }
                }
                ended.insert(row.state.id, last);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_process_that_restarts_between_messages_decides_the_same(deeds in life(40)) {
        block_on(async {
            let warm = tenant().await;
            let mut cold = tenant().await;
            for (n, deed) in deeds.iter().enumerate() {
                live(&warm, n, deed).await;
                live(&cold, n, deed).await;
                cold = cold.restart();
            }
            let (warm, cold) = (settled(&warm).await, settled(&cold).await);
            prop_assert!(warm == cold, "{}", difference(&warm, &cold));
            Ok(())
        })?;
    }

    #[test]
    fn merges_may_come_in_any_order(deeds in life(50)) {
        let orders: [[(u8, u8); 2]; 6] =
            [[(0, 1), (1, 2)], [(1, 2), (0, 1)], [(0, 2), (1, 2)], [(2, 0), (0, 1)], [(1, 0), (2, 0)], [(2, 1), (1, 0)]];
        let mut first: Option<Value> = None;
        for order in orders {
            let found = block_on(async {
                let rig = tenant().await;
                for n in 0..3 {
                    rig.observe(&[Say::track(format!("begin{n}"), "visit", &[who(n)]).at(minute(-10 + i64::from(n)))]).await;
                }
                for (n, deed) in deeds.iter().enumerate().filter(|(_, deed)| !matches!(deed, Deed::Alias(..))) {
                    live(&rig, n, deed).await;
                }
                let end = at(50 * DAY_MS);
                rig.drain(end).await;
                for (one, other) in order {
                    let other = rig.customer(&who(other)).await.id;
                    rig.tell(&who(one), &format!("merge {one} {other}"), Command::MergeWith { other }, end).await;
                }
                let all = rig.live().await;
                assert!(canon::names(&all[0]).len() >= 3, "three became one");
                let customers: Vec<Value> = all.iter().map(canon::customer).collect();
                json!(customers)
            });
            match &first {
                None => first = Some(found),
                Some(first) => prop_assert!(*first == found, "{order:?}\n{}", difference(first, &found)),
            }
        }
    }

    #[test]
    fn membership_changes_exactly_on_time(
        gaps in prop::collection::vec(1i64..40, 1..25), least in 1u32..4, window in 1i64..60, naps in prop::collection::vec(1i64..200, 0..10),
    ) {
        block_on(async {
            let rig = Rig::memory();
            let inner = json!({"event": "visit", "count": {"op": "gte", "value": least}, "within_minutes": window});
            let inner = rig.segment("inner", inner).await;
            // The lower id comes first wherever ids are sorted: an outer segment that refers to a later one.
            let outer = rig.segment("outer", json!({"not": {"segment": inner.to_string()}})).await;
            let mut times = Vec::new();
            for (n, gap) in gaps.iter().enumerate() {
                times.push(times.last().copied().unwrap_or(0) + gap);
                if let Some(nap) = naps.get(n) {
                    // The host looks in between, or it does not: nothing may depend on it.
                    rig.drain(minute(times[n] - nap.min(gap))).await;
                }
                rig.observe(&[Say::track(format!("m{n}"), "visit", &[who(0)]).at(minute(times[n]))]).await;
            }
            rig.drain(at(60 * DAY_MS)).await;
            let id = rig.customer(&who(0)).await.id;
            let mut edges: BTreeMap<SegmentId, Vec<(i64, bool)>> = BTreeMap::new();
            for fact in facts(&rig, id).await {
                if let Event::SegmentJudged { segment, inside, changed: true, at, .. } = fact {
                    edges.entry(segment).or_default().push((at.since_ms(T0), inside));
                }
            }
            let expected = edges_of(&times, least, window * MINUTE_MS);
            prop_assert_eq!(edges.remove(&inner).unwrap_or_default(), expected.clone());
            let begins = times[0] * MINUTE_MS;
            let mut turned: Vec<(i64, bool)> = expected.into_iter().map(|(at, inside)| (at, !inside)).collect();
            if !matches!(turned.first(), Some((at, false)) if *at == begins) {
                turned.insert(0, (begins, true));
            } else {
                turned.remove(0);
            }
            prop_assert_eq!(edges.remove(&outer).unwrap_or_default(), turned);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_late_event_moves_nobody_out_and_in_again() {
    let rig = Rig::memory();
    let recent =
        rig.segment("recent", json!({"event": "buy", "count": {"op": "gte", "value": 1}, "within_days": 1})).await;
    rig.observe(&[Say::track("m1", "buy", &[user("al")]).at(at(0))]).await;
    rig.observe(&[Say::track("m2", "visit", &[user("al")]).at(at(HOUR_MS))]).await;
    for (n, days) in [1i64, 2, 10, 400].into_iter().enumerate() {
        let late =
            Say::track(format!("late{n}"), "buy", &[user("al")]).at(at(-days * DAY_MS)).accepted(at(2 * HOUR_MS));
        rig.observe(&[late]).await;
    }
    rig.drain(at(3 * DAY_MS)).await;
    let id = rig.customer(&user("al")).await.id;
    let edges: Vec<_> = facts(&rig, id)
        .await
        .into_iter()
        .filter_map(|fact| match fact {
            Event::SegmentJudged { segment, inside, changed: true, at, .. } => Some((segment, inside, at)),
            _ => None,
        })
        .collect();
    assert_eq!(edges, [(recent, true, at(0)), (recent, false, at(DAY_MS + 1))]);
}
