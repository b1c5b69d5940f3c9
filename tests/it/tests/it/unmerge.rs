//! Two customers who were one for a while are what they would be had they never met.

use roadbook_customer::{Command, ConsentWord, SendStatus};
use roadbook_identity::{Grade, Kind};
use roadbook_it::canon;
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, Who, anon, device, email, user};
use roadbook_kernel::{CustomerId, DAY_MS, HOUR_MS, MINUTE_MS, Moment, RunId};
use roadbook_runtime::ports::ItemKey;
use roadbook_runtime::suggestions::{self, Conflict, Review};
use roadbook_runtime::{Memory, Outcome, read_claim};
use roadbook_tenancy::{Purpose, SuppressReason, Verdict};
use serde_json::{Value, json};

const fn at(ms: i64) -> Moment {
    T0.plus_ms(ms)
}

/// Two people, each with an account, a browser and a tablet.
fn al() -> [Who; 3] {
    [user("al"), anon("a"), device("t-a")]
}

fn bo() -> [Who; 3] {
    [user("bo"), anon("b"), device("t-b")]
}

async fn definitions(rig: &Rig<Memory>) {
    let buys = json!({"event": "purchase", "count": {"op": "gte", "value": 2}, "within_days": 3});
    let buyers = rig.segment("buyers", buys).await;
    rig.segment("hot", json!({"trait": "heat", "op": "gte", "value": 3})).await;
    let lead = json!({
        "entry": {"event": "lead_submitted"}, "reentry": "after_exit", "goal": {"event": "order_placed"}, "start": "settle",
        "nodes": {
            "settle": {"type": "wait", "duration": "PT30M", "next": "tell"},
            "tell": {"type": "send", "channel": "recording", "purpose": "service", "content": {"text": "call {{ traits.city }}"}, "next": "drive"},
            "drive": {"type": "wait_for", "event": "test_drive", "timeout": "P2D", "on_event": "mark", "on_timeout": "cold"},
            "mark": {"type": "set_tag", "tag": "grade", "value": "H", "expires_in": "P5D", "next": "over"},
            "cold": {"type": "set_tag", "tag": "grade", "value": "C", "next": "over"},
            "over": {"type": "exit"}
        }
    });
    rig.journey("lead", lead).await;
    let welcome = json!({
        "entry": {"segment": buyers.to_string(), "edge": "enter"}, "reentry": "once", "start": "greet",
        "nodes": {
            "greet": {"type": "send", "channel": "recording", "purpose": "service", "content": {"text": "hello"}, "next": "wait"},
            "wait": {"type": "wait", "duration": "P3D", "next": "again"},
            "again": {"type": "send", "channel": "recording", "purpose": "service", "content": {"text": "still there?"}, "next": "over"},
            "over": {"type": "exit"}
        }
    });
    rig.journey("welcome", welcome).await;
}

/// What a person does with number `n` of their life: small steps of everything a customer is made of.
fn act(prefix: &str, n: u64, seed: u64, who: &[Who; 3], when: Moment) -> Say {
    let dice = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed.wrapping_mul(0xd134_2543_de82_ef95)) >> 33;
    let id = format!("{prefix}{n}");
    let by = match dice % 4 {
        0 => vec![who[0].clone()],
        1 => vec![who[1].clone()],
        2 => vec![who[2].clone()],
        _ => vec![who[0].clone(), who[1].clone()],
    };
    match dice / 4 % 8 {
        0 | 1 => Say::track(id, "purchase", &by).with("amount", dice % 500),
        2 => Say::track(id, "lead_submitted", &by).with("series", "R1"),
        3 => Say::track(id, "test_drive", &by),
        4 => Say::track(id, "order_placed", &by),
        5 => Say::identify(id, &[who[0].clone(), who[1].clone()]).set("city", format!("city {}", dice % 3)),
        6 => Say::identify(id, &[who[0].clone(), who[2].clone()]).add("heat", 1_000_000).append("seen", dice % 7),
        _ => Say::track(id, "page_viewed", &by),
    }
    .at(when)
}

/// The time before they meet, and fifty events after it; between the two halves of each stands `met`.
async fn live(rig: &Rig<Memory>, seed: u64, met: impl AsyncFn(&Rig<Memory>)) {
    definitions(rig).await;
    for n in 0..8 {
        let (one, other) = (
            act("a", n, seed, &al(), at(n as i64 * HOUR_MS)),
            act("b", n, seed + 1, &bo(), at(n as i64 * HOUR_MS + MINUTE_MS)),
        );
        rig.drain(one.when()).await;
        rig.observe(&[one]).await;
        rig.observe(&[other]).await;
    }
    // Whoever they are known as by now, each has said so.
    rig.observe(&[Say::identify("in-a", &al()).at(at(9 * HOUR_MS))]).await;
    rig.observe(&[Say::identify("in-b", &bo()).at(at(9 * HOUR_MS + 1))]).await;
    met(rig).await;
    for n in 8..58 {
        let when = at(n as i64 * 3 * HOUR_MS);
        let say = if (n + seed).is_multiple_of(2) {
            act("a", n, seed, &al(), when)
        } else {
            act("b", n, seed + 1, &bo(), when)
        };
        rig.drain(when.minus_ms(1)).await;
        rig.observe(&[say]).await;
    }
    rig.drain(at(58 * 3 * HOUR_MS)).await;
}

/// A customer as canon compares them. What would have been sent but was not cannot be sent any more: here it counts as
/// asked for, and nothing more of a send is compared than that.
async fn shown(rig: &Rig<Memory>, who: &Who) -> Value {
    let mut customer = rig.customer(who).await;
    for record in &mut customer.sends {
        if record.status == (SendStatus::Suppressed { reason: SuppressReason::Unmerged }) {
            record.status = SendStatus::Intended;
        }
    }
    json!([canon::names(&customer), canon::customer(&customer)])
}

async fn ids(rig: &Rig<Memory>) -> (CustomerId, CustomerId) {
    (rig.customer(&user("al")).await.id, rig.customer(&user("bo")).await.id)
}

async fn merge(rig: &Rig<Memory>) {
    let (stays, other) = ids(rig).await;
    let merged = rig.tell(&user("al"), "merge", Command::MergeWith { other }, at(10 * HOUR_MS)).await;
    assert!(matches!(merged, Outcome::Applied { .. }), "{merged:?}");
    assert_eq!(rig.customer(&user("bo")).await.id, stays);
}

async fn unmerge(rig: &Rig<Memory>, other: CustomerId) {
    let outcome = rig.tell(&user("al"), "unmerge", Command::Unmerge { other }, at(60 * 3 * HOUR_MS)).await;
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
}

async fn the_other(rig: &Rig<Memory>) -> CustomerId {
    let (al, by) = (rig.customer(&user("al")).await, rig.message("merge"));
    let merged = al.absorbed.iter().find(|(_, absorbed)| absorbed.by == by);
    *merged.expect("they were merged").0
}

#[tokio::test]
async fn merge_then_fifty_events_then_unmerge_equals_never_merged() {
    for seed in 0..16 {
        let apart = Rig::memory();
        live(&apart, seed, async |_| {}).await;
        apart.drain(at(60 * 3 * HOUR_MS)).await;
        let met = Rig::memory();
        live(&met, seed, async |rig| merge(rig).await).await;
        unmerge(&met, the_other(&met).await).await;
        for who in al().iter().chain(&bo()) {
            assert_eq!(shown(&met, who).await, shown(&apart, who).await, "seed {seed}, {}", who.1);
        }
        let reviews = suggestions::list::<Review>(met.engine.store.as_ref(), met.tenant, None, 100).await.unwrap();
        assert!(reviews.is_empty(), "seed {seed}: everything could be told apart: {reviews:?}");
        // Both go on as two, and so do the counters.
        for rig in [&apart, &met] {
            rig.observe(&[Say::track("late-a", "lead_submitted", &[user("al")]).at(at(200 * HOUR_MS))]).await;
            rig.observe(&[Say::track("late-b", "purchase", &[anon("b")]).at(at(200 * HOUR_MS))]).await;
            rig.drain(at(30 * DAY_MS)).await;
            rig.relay().await;
        }
        for who in [user("al"), user("bo")] {
            assert_eq!(shown(&met, &who).await, shown(&apart, &who).await, "seed {seed}, later, {}", who.1);
        }
        assert_eq!(members(&met).await, members(&apart).await, "seed {seed}: members and customers");
    }
}

async fn members(rig: &Rig<Memory>) -> Value {
    let tenant = canon::tenant(rig).await;
    let counters = tenant["counters"].as_object().cloned().unwrap_or_default();
    let kept = counters
        .into_iter()
        .filter(|(name, amount)| (name.ends_with("/members") || name == "customers") && amount.as_i64() != Some(0));
    Value::Object(kept.collect())
}

#[tokio::test]
async fn what_was_sent_to_the_one_is_not_sent_again_to_the_two() {
    for seed in 0..8 {
        let rig = Rig::memory();
        live(&rig, seed, async |rig| merge(rig).await).await;
        let before = rig.customer(&user("al")).await;
        unmerge(&rig, the_other(&rig).await).await;
        let (al, bo) = (rig.customer(&user("al")).await, rig.customer(&user("bo")).await);
        let known: Vec<_> = before.sends.iter().map(|record| record.key).collect();
        for record in al.sends.iter().chain(&bo.sends) {
            let asked = known.contains(&record.key);
            let late = record.status == SendStatus::Suppressed { reason: SuppressReason::Unmerged };
            assert!(asked || late || record.asked_at < at(9 * HOUR_MS), "seed {seed}: {record:?}");
        }
        let runs = |customer: &roadbook_customer::Customer| customer.runs.keys().copied().collect::<Vec<RunId>>();
        let both: Vec<RunId> = runs(&al).into_iter().filter(|run| runs(&bo).contains(run)).collect();
        assert_eq!(both, [], "seed {seed}: a run belongs to one");
    }
}

#[tokio::test]
async fn duplicates_of_the_time_together_stay_duplicates_for_both() {
    let rig = Rig::memory();
    live(&rig, 3, async |rig| merge(rig).await).await;
    unmerge(&rig, the_other(&rig).await).await;
    let before = (rig.customer(&user("al")).await, rig.customer(&user("bo")).await);
    for n in 8..58 {
        let when = at(n as i64 * 3 * HOUR_MS);
        let who = if (n + 3) % 2 == 0 { ("a", al(), 3) } else { ("b", bo(), 4) };
        let outcome = rig.observe(&[act(who.0, n, who.2, &who.1, when)]).await;
        assert!(matches!(outcome[..], [Outcome::Duplicate { .. }]), "{n}: {outcome:?}");
    }
    assert_eq!((rig.customer(&user("al")).await, rig.customer(&user("bo")).await), before);
}

#[tokio::test]
async fn a_withdrawal_nobody_can_attribute_counts_for_both_and_is_listed() {
    let rig = Rig::memory();
    live(&rig, 1, async |rig| merge(rig).await).await;
    let (purpose, verdict) = (Purpose::Marketing, Verdict::Withdrawn);
    rig.tell(&user("al"), "no", Command::NoteConsent(ConsentWord::general(purpose, verdict)), at(59 * 3 * HOUR_MS))
        .await;
    // An event that names both accounts contradicts itself.
    rig.observe(&[Say::track("both", "visit", &[user("al"), user("bo")]).at(at(59 * 3 * HOUR_MS))]).await;
    let other = the_other(&rig).await;
    unmerge(&rig, other).await;
    for who in [user("al"), user("bo")] {
        assert_eq!(
            rig.customer(&who).await.consents.standing(purpose, None).map(|one| one.verdict),
            Some(Verdict::Withdrawn)
        );
    }
    let reviews = suggestions::list::<Review>(rig.engine.store.as_ref(), rig.tenant, None, 100).await.unwrap();
    let mut told: Vec<_> =
        reviews.iter().map(|(one, closed)| (one.what.as_str(), one.why.as_str(), closed.is_none())).collect();
    told.sort_unstable();
    assert_eq!(told, [("consent", "no_identifier", true), ("visit", "both_are_named", true)]);
    assert_eq!(reviews[0].0.customers, [rig.customer(&user("al")).await.id, other]);
}

#[tokio::test]
async fn only_who_was_merged_here_can_be_taken_out_and_the_newest_of_a_chain_first() {
    let rig = Rig::memory();
    for (n, name) in ["al", "bo", "cy"].into_iter().enumerate() {
        rig.observe(&[Say::track(name, "visit", &[user(name)]).at(at(n as i64))]).await;
    }
    let (bo, cy) = (rig.customer(&user("bo")).await.id, rig.customer(&user("cy")).await.id);
    rig.tell(&user("bo"), "m1", Command::MergeWith { other: cy }, at(10)).await;
    rig.tell(&user("al"), "m2", Command::MergeWith { other: bo }, at(11)).await;
    let code = async |id: &str, other| match rig.tell(&user("al"), id, Command::Unmerge { other }, at(20)).await {
        Outcome::Refused(refusal) => refusal.code.into_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(code("u1", cy).await, "merged_into_another");
    assert_eq!(code("u2", rig.customer(&user("al")).await.id).await, "not_merged");
    assert_eq!(code("u3", CustomerId::from_u128(7)).await, "not_merged");
    let out = rig.tell(&user("al"), "u4", Command::Unmerge { other: bo }, at(21)).await;
    assert!(matches!(out, Outcome::Applied { .. }));
    assert_eq!(rig.customer(&user("cy")).await.id, bo, "cy is still bo");
    let out = rig.tell(&user("bo"), "u5", Command::Unmerge { other: cy }, at(22)).await;
    assert!(matches!(out, Outcome::Applied { .. }));
    assert_eq!(rig.live().await.len(), 3);
    for (name, id) in [("bo", bo), ("cy", cy)] {
        assert_eq!((rig.customer(&user(name)).await.id, rig.customer(&user(name)).await.events()), (id, 1));
    }
    // And they can be merged and taken out again.
    rig.tell(&user("bo"), "m3", Command::MergeWith { other: cy }, at(30)).await;
    rig.observe(&[Say::track("again", "visit", &[user("cy")]).at(at(31))]).await;
    rig.tell(&user("bo"), "u6", Command::Unmerge { other: cy }, at(32)).await;
    assert_eq!(rig.customer(&user("cy")).await.events(), 2);
    assert_eq!(rig.customer(&user("bo")).await.events(), 1);
}

#[tokio::test]
async fn whoever_was_merged_meanwhile_goes_with_the_one_whose_doing_it_was() {
    let rig = Rig::memory();
    rig.observe(&[Say::track("1", "visit", &[user("al")]).at(at(1))]).await;
    rig.observe(&[Say::track("2", "visit", &[user("bo")]).at(at(2))]).await;
    rig.observe(&[Say::track("3", "visit", &[anon("phone")]).at(at(3))]).await;
    let bo = rig.customer(&user("bo")).await.id;
    rig.tell(&user("al"), "merge", Command::MergeWith { other: bo }, at(4)).await;
    // Bo signs in on a browser that had been nobody's.
    rig.observe(&[Say::identify("4", &[user("bo"), anon("phone")]).at(at(5))]).await;
    assert_eq!(rig.live().await.len(), 1);
    rig.tell(&user("al"), "unmerge", Command::Unmerge { other: bo }, at(6)).await;
    assert_eq!(rig.customer(&anon("phone")).await.id, bo);
    assert_eq!((rig.customer(&user("bo")).await.events(), rig.customer(&user("al")).await.events()), (3, 1));
    let claim = rig.engine.store.load(&ItemKey::claim(rig.tenant, &user("bo").identifier(&rig.keys()).key())).await;
    assert_eq!(read_claim(&claim.unwrap().unwrap()).unwrap().owner, bo);
}

#[tokio::test]
async fn good_evidence_merges_and_weak_evidence_suggests() {
    for (grade, people) in [(Grade::Inferred, 2), (Grade::Declared, 2), (Grade::Login, 1), (Grade::Attested, 1)] {
        let rig = Rig::memory();
        rig.observe(&[Say::track("form", "lead_submitted", &[email("x")]).at(at(1))]).await;
        rig.observe(&[Say::track("visit", "visit", &[user("al")]).at(at(2))]).await;
        let both = [user("al"), email("x")];
        rig.observe(&[Say::track("meet", "visit", &both).sure(Kind::Email, grade).at(at(3))]).await;
        assert_eq!(rig.live().await.len(), people, "{grade:?}");
        let found = suggestions::list::<Conflict>(rig.engine.store.as_ref(), rig.tenant, None, 10).await.unwrap();
        assert_eq!(found.len(), people - 1, "{grade:?}");
        if let [(conflict, closed)] = &found[..] {
            assert_eq!((conflict.reason.as_str(), closed.is_none()), ("two_known_people", true));
            assert_eq!(conflict.customers[0], rig.customer(&user("al")).await.id);
        }
    }
}

#[tokio::test]
async fn a_second_account_with_the_same_phone_is_somebody_else() {
    let rig = Rig::memory();
    let phone = Who(Kind::Phone, "13800000000".into());
    rig.observe(&[Say::identify("1", &[user("al"), phone.clone()]).at(at(1))]).await;
    rig.observe(&[Say::identify("2", &[user("bo"), phone.clone()]).at(at(2))]).await;
    assert_eq!(rig.live().await.len(), 2, "a family's phone does not make one of two accounts");
    assert_eq!(rig.customer(&phone).await.id, rig.customer(&user("al")).await.id);
    let found = suggestions::list::<Conflict>(rig.engine.store.as_ref(), rig.tenant, None, 10).await.unwrap();
    assert_eq!(found.iter().map(|(one, _)| one.reason.as_str()).collect::<Vec<_>>(), ["over_limit"]);
    // In one batch it is the same.
    let batch = Rig::memory();
    let says = [
        Say::identify("1", &[user("al"), phone.clone()]).at(at(1)),
        Say::identify("2", &[user("bo"), phone.clone()]).at(at(2)),
    ];
    batch.observe(&says).await;
    assert_eq!(batch.live().await.len(), 2);
    // Somebody who says outright that they are one is believed.
    rig.observe(&[Say::alias("3", &user("al"), &user("bo")).at(at(3))]).await;
    assert_eq!(rig.live().await.len(), 1);
}

#[tokio::test]
async fn unbinding_a_parent_unbinds_what_hangs_on_it_and_duplicates_stay_known() {
    let rig = Rig::memory();
    let unionid = Who(Kind::Unionid, "oTestTestTestTestTestTestUnion".into());
    let external = roadbook_it::say::external("x1");
    let both = [user("al"), unionid.clone(), external.clone()];
    rig.observe(&[Say::identify("1", &both).at(at(1))]).await;
    let old = Say::track("2", "visit", std::slice::from_ref(&external)).at(at(2));
    rig.observe(std::slice::from_ref(&old)).await;
    let al = rig.customer(&user("al")).await;
    assert_eq!((al.events(), al.links.len()), (2, 3));
    let key = unionid.identifier(&rig.keys()).key();
    let out = rig.tell(&user("al"), "unbind", Command::Unbind { identifier: key }, at(3)).await;
    assert!(matches!(out, Outcome::Applied { .. }), "{out:?}");
    let al = rig.customer(&user("al")).await;
    assert_eq!(canon::names(&al), ["user_id:user-al"]);
    assert!(matches!(rig.observe(&[old]).await[..], [Outcome::Duplicate { .. }]), "sent again after the unbinding");
    // Whoever brings it next has it.
    rig.observe(&[Say::track("3", "visit", std::slice::from_ref(&external)).at(at(4))]).await;
    assert_ne!(rig.customer(&external).await.id, al.id);
    let last = user("al").identifier(&rig.keys()).key();
    let refused = rig.tell(&user("al"), "last", Command::Unbind { identifier: last }, at(5)).await;
    assert!(matches!(refused, Outcome::Refused(refusal) if refusal.code == "last_identifier"));
}
