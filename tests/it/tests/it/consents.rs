//! Consent at the last moment: what was withdrawn between a journey's decision and the provider's call.

use async_trait::async_trait;
use proptest::prelude::*;
use roadbook_customer::{Command, ConsentWord, SendOutcome, SendStatus};
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, Who, user};
use roadbook_kernel::{MINUTE_MS, Moment};
use roadbook_runtime::ports::{Channel, Outbound, PollAnswer, SendAnswer};
use roadbook_runtime::projections::send_stats;
use roadbook_runtime::{Memory, Outcome};
use roadbook_send::Sender;
use roadbook_tenancy::{ChannelKind, Purpose, SuppressReason, Verdict};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

const RECORDING: ChannelKind = ChannelKind::Recording;
const SELLER: ChannelKind = ChannelKind::WecomSeller;

const fn minute(n: i64) -> Moment {
    T0.plus_ms(n * MINUTE_MS)
}

/// Two sends, one per channel, for whoever says `offer`; the text names who asked.
fn offer() -> Value {
    json!({
        "entry": {"event": "offer"}, "reentry": "after_exit", "start": "note",
        "nodes": {
            "note": {"type": "send", "channel": "recording", "purpose": "marketing",
                     "content": {"text": "{{ entry.who }}"}, "next": "tell"},
            "tell": {"type": "send", "channel": "wecom_seller", "purpose": "marketing",
                     "to": {"corp": "ww1", "member": "seller-1"}, "content": {"text": "{{ entry.who }}"}, "next": "over"},
            "over": {"type": "exit"}
        }
    })
}

/// The newest of some words: when and what.
pub(super) type Word = Option<(Moment, Verdict)>;

/// The rule of consent, said once more, of the last word about all channels and the last about one: a no counts until
/// a later yes of its own kind, and a general no also ends an earlier yes of the channel.
pub(super) fn is_open([general, own]: [Word; 2]) -> bool {
    match (general, own) {
        (_, Some((_, Verdict::Withdrawn))) | (None | Some((_, Verdict::Withdrawn)), None) => false,
        (Some((general, Verdict::Withdrawn)), Some((own, Verdict::Granted))) => own > general,
        (Some((_, Verdict::Granted)), _) | (None, Some((_, Verdict::Granted))) => true,
    }
}

/// What people said, kept without the product's ledger: `[general, recording, seller]` per person, and who is whom.
#[derive(Default)]
struct Model {
    words: [[Word; 3]; 3],
    is: [usize; 3],
    calls: Vec<(usize, ChannelKind)>,
    wrong: Vec<String>,
}

impl Model {
    fn new() -> Self {
        Self { is: [0, 1, 2], ..Self::default() }
    }

    fn say(&mut self, who: usize, channel: Option<ChannelKind>, word: (Moment, Verdict)) {
        let slot = &mut self.words[self.is[who]][place(channel)];
        *slot = (*slot).max(Some(word));
    }

    fn merge(&mut self, one: usize, other: usize) {
        let (one, other) = (self.is[one], self.is[other]);
        for slot in 0..3 {
            self.words[one][slot] = self.words[one][slot].max(self.words[other][slot]);
        }
        self.is.iter_mut().filter(|is| **is == other).for_each(|is| *is = one);
    }

    fn is_open(&self, who: usize, channel: ChannelKind) -> bool {
        let words = &self.words[self.is[who]];
        is_open([words[0], words[place(Some(channel))]])
    }
}

fn place(channel: Option<ChannelKind>) -> usize {
    match channel {
        None => 0,
        Some(ChannelKind::Recording) => 1,
        Some(ChannelKind::WecomSeller) => 2,
        Some(ChannelKind::WecomGroupTask | ChannelKind::MiniprogramSubscribe) => unreachable!("not in this journey"),
    }
}

/// A provider that is busy at first, and checks at every call what the customer has said by then.
struct Witness {
    model: Arc<Mutex<Model>>,
    busy: u32,
}

#[async_trait]
impl Channel for Witness {
    async fn send(&self, outbound: &Outbound, attempt: u32, _: bool, _: Moment) -> SendAnswer {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        let who: usize =
            outbound.content.reveal()["text"].as_str().and_then(|text| text.parse().ok()).expect("a number");
        if !model.is_open(who, outbound.channel) {
            let what = format!("a call for person {who} by {:?} after a withdrawal", outbound.channel);
            model.wrong.push(what);
        }
        if attempt <= self.busy {
            return SendAnswer::RetryAfter { wait_ms: MINUTE_MS, lane: false, reason: "busy".into() };
        }
        model.calls.push((who, outbound.channel));
        SendAnswer::Sent { provider_id: String::new() }
    }

    async fn poll(&self, _: &Outbound, _: &str, _: Moment, _: Moment) -> PollAnswer {
        PollAnswer::Expired
    }
}

struct World {
    rig: Rig<Memory>,
    model: Arc<Mutex<Model>>,
    sender: Sender,
    now: i64,
}

impl World {
    async fn new(busy: u32) -> Self {
        let rig = Rig::memory();
        rig.journey("offer", offer()).await;
        let model = Arc::new(Mutex::new(Model::new()));
        let witness = Arc::new(Witness { model: model.clone(), busy });
        let sender = Sender::new(rig.engine.clone(), rig.direct.clone(), witness);
        let mut world = Self { rig, model, sender, now: 0 };
        for who in 0..3 {
            world.observe(who, "hello").await;
        }
        world
    }

    fn model(&self) -> std::sync::MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&mut self) -> Moment {
        self.now += 1;
        let now = minute(self.now);
        self.rig.at(now);
        now
    }

    async fn observe(&mut self, who: usize, name: &str) {
        let now = self.tick();
        let say = Say::track(format!("m{}", self.now), name, &[person(who)]).at(now).with("who", who.to_string());
        self.rig.observe(&[say]).await;
    }

    async fn word(&mut self, who: usize, channel: Option<ChannelKind>, verdict: Verdict) {
        let now = self.tick();
        let word = ConsentWord { channel, ..ConsentWord::general(Purpose::Marketing, verdict) };
        let outcome = self.rig.tell(&person(who), &format!("c{}", self.now), Command::NoteConsent(word), now).await;
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        self.model().say(who, channel, (now, verdict));
    }

    async fn merge(&mut self, one: usize, other: usize) {
        let is = self.model().is;
        if is[one] == is[other] {
            return;
        }
        let now = self.tick();
        let loser = self.rig.customer(&person(other)).await.id;
        let outcome =
            self.rig.tell(&person(one), &format!("g{}", self.now), Command::MergeWith { other: loser }, now).await;
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        self.model().merge(one, other);
    }

    async fn send(&mut self) {
        self.tick();
        self.sender.work(1_000).await.expect("no fault");
    }

    /// Everything under way ends.
    async fn settle(&mut self) {
        for _ in 0..4 {
            self.rig.relay().await;
            self.now += 2;
            self.send().await;
        }
        self.rig.relay().await;
    }

    async fn count(&self, name: &str) -> i64 {
        let counts = send_stats::read(self.rig.store.as_ref(), self.rig.tenant).await.expect("no fault");
        counts.get(name).copied().unwrap_or(0)
    }
}

fn person(who: usize) -> Who {
    user(["al", "bo", "cy"][who])
}

#[tokio::test]
async fn a_withdrawal_between_the_decision_and_the_call_withholds_the_message() {
    let mut world = World::new(0).await;
    world.word(0, None, Verdict::Granted).await;
    world.observe(0, "offer").await;
    world.rig.relay().await;
    world.word(0, Some(SELLER), Verdict::Withdrawn).await;
    world.send().await;
    assert_eq!(world.model().calls, [(0, RECORDING)]);
    let customer = world.rig.customer(&person(0)).await;
    let status = |channel| &customer.sends.iter().find(|record| record.channel == channel).expect("a record").status;
    assert!(matches!(status(RECORDING), SendStatus::Reported { outcome: SendOutcome::Sent, .. }));
    let withheld = SendOutcome::Withheld { reason: SuppressReason::NoConsent };
    assert!(matches!(status(SELLER), SendStatus::Reported { outcome, .. } if *outcome == withheld));
    assert!(status(SELLER).is_final());
    world.rig.relay().await;
    assert_eq!((world.count("intended").await, world.count("sent").await), (2, 1));
    assert_eq!(world.count("withheld/no_consent").await, 1);
    world.word(0, Some(SELLER), Verdict::Granted).await;
    world.settle().await;
    assert_eq!(world.model().calls.len(), 1, "a grant afterwards does not bring it back");
}

#[tokio::test]
async fn what_one_of_two_withdrew_is_withdrawn_for_the_customer_they_turn_out_to_be() {
    for survivor in [0, 1] {
        let mut world = World::new(0).await;
        world.word(0, None, Verdict::Granted).await;
        world.observe(0, "offer").await;
        world.rig.relay().await;
        world.word(1, None, Verdict::Withdrawn).await;
        world.merge(survivor, 1 - survivor).await;
        world.settle().await;
        assert_eq!(world.model().calls, []);
        assert_eq!(world.count("withheld/no_consent").await, 2);
    }
}

#[tokio::test]
async fn a_call_that_may_have_been_made_is_not_said_to_be_withheld() {
    use roadbook_runtime::sends::{ATTEMPT_LEASE_MS, JobState, due};
    let mut world = World::new(0).await;
    world.word(0, None, Verdict::Granted).await;
    world.observe(0, "offer").await;
    world.rig.relay().await;
    // A host begins both calls and dies in them.
    let now = world.rig.engine.clock.now();
    for mut held in due(&world.rig.engine, now, 10).await.expect("no fault") {
        let lease_until = now.plus_ms(ATTEMPT_LEASE_MS);
        assert!(held.advance(&world.rig.engine, JobState::Attempting { lease_until }).await.expect("no fault"));
    }
    world.word(0, None, Verdict::Withdrawn).await;
    world.settle().await;
    assert_eq!(world.model().calls, []);
    assert_eq!((world.count("unknown").await, world.count("withheld/no_consent").await), (2, 0));
}

/// One thing that happens; the numbers name people.
#[derive(Clone, Debug)]
enum Deed {
    Offer(usize),
    Word(usize, Option<ChannelKind>, Verdict),
    Merge(usize, usize),
    Relay,
    Send,
}

fn deed() -> impl Strategy<Value = Deed> {
    let channel = prop_oneof![2 => Just(None), 1 => Just(Some(RECORDING)), 1 => Just(Some(SELLER))];
    let verdict = prop_oneof![Just(Verdict::Granted), Just(Verdict::Withdrawn)];
    prop_oneof![
        3 => (0usize..3).prop_map(Deed::Offer),
        4 => (0usize..3, channel, verdict).prop_map(|(who, channel, verdict)| Deed::Word(who, channel, verdict)),
        1 => (0usize..3, 0usize..3).prop_map(|(one, other)| Deed::Merge(one, other)),
        2 => Just(Deed::Relay),
        2 => Just(Deed::Send),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_a_withdrawal_no_marketing_leaves(deeds in prop::collection::vec(deed(), 1..40), busy in 0u32..3) {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
            let mut world = World::new(busy).await;
            for deed in &deeds {
                match *deed {
                    Deed::Offer(who) => world.observe(who, "offer").await,
                    Deed::Word(who, channel, verdict) => world.word(who, channel, verdict).await,
                    Deed::Merge(one, other) => world.merge(one, other).await,
                    Deed::Relay => world.rig.relay().await,
                    Deed::Send => world.send().await,
                }
            }
            world.settle().await;
            prop_assert_eq!(&world.model().wrong, &Vec::<String>::new());
            let (sent, withheld) = (world.count("sent").await, world.count("withheld/no_consent").await);
            prop_assert_eq!(world.count("intended").await, sent + withheld, "every send has one end");
            prop_assert_eq!(world.model().calls.len() as i64, sent);
            Ok(())
        })?;
    }
}
