use super::*;
use crate::Evidence;
use proptest::prelude::*;
use roadbook_kernel::Moment;
use serde_json::json;

const SELLER: ChannelKind = ChannelKind::WecomSeller;
const MINI: ChannelKind = ChannelKind::MiniprogramSubscribe;

fn word(at: i64, verdict: Verdict) -> Standing {
    Standing::bare(Moment::from_millis(at), verdict)
}

fn ledger(words: &[(Option<ChannelKind>, i64, Verdict)]) -> ConsentLedger {
    let mut ledger = ConsentLedger::default();
    words.iter().for_each(|(channel, at, verdict)| ledger.note(Purpose::Marketing, *channel, &word(*at, *verdict)));
    ledger
}

#[test]
fn only_service_is_open_while_nothing_is_said() {
    for purpose in Purpose::ALL {
        for channel in ChannelKind::ALL {
            assert_eq!(ConsentLedger::default().allows(purpose, channel), purpose == Purpose::Service);
        }
    }
}

#[test]
fn a_general_word_counts_for_every_channel() {
    let granted = ledger(&[(None, 1, Verdict::Granted)]);
    let withdrawn = ledger(&[(None, 1, Verdict::Granted), (None, 2, Verdict::Withdrawn)]);
    for channel in ChannelKind::ALL {
        assert!(granted.allows(Purpose::Marketing, channel));
        assert!(!withdrawn.allows(Purpose::Marketing, channel));
        assert!(withdrawn.allows(Purpose::Service, channel), "another purpose is another matter");
    }
}

#[test]
fn a_channel_that_was_withdrawn_waits_for_its_own_grant() {
    use Verdict::{Granted, Withdrawn};
    for (words, seller, mini) in [
        (&[(Some(SELLER), 5, Withdrawn)][..], false, false),
        (&[(Some(SELLER), 5, Withdrawn), (None, 9, Granted)], false, true),
        (&[(Some(SELLER), 5, Withdrawn), (None, 1, Granted)], false, true),
        (&[(Some(SELLER), 5, Withdrawn), (None, 9, Granted), (Some(SELLER), 6, Granted)], true, true),
        (&[(Some(SELLER), 5, Granted)], true, false),
        (&[(Some(SELLER), 5, Granted), (None, 4, Withdrawn)], true, false),
        (&[(Some(SELLER), 5, Granted), (None, 5, Withdrawn)], false, false),
        (&[(Some(SELLER), 5, Granted), (None, 6, Withdrawn)], false, false),
        (&[(Some(SELLER), 5, Granted), (None, 6, Withdrawn), (None, 7, Granted)], true, true),
    ] {
        let ledger = ledger(words);
        let open = (ledger.allows(Purpose::Marketing, SELLER), ledger.allows(Purpose::Marketing, MINI));
        assert_eq!(open, (seller, mini), "{words:?}");
    }
}

#[test]
fn what_version_one_stored_reads_and_is_stored_the_same() {
    let stored = r#"{"service":{"as_of":1740787200000,"verdict":"withdrawn"},"marketing":{"as_of":1740787200001,"verdict":"granted"}}"#;
    let ledger: ConsentLedger = serde_json::from_str(stored).unwrap();
    assert!(ledger.allows(Purpose::Marketing, SELLER) && !ledger.allows(Purpose::Service, SELLER));
    assert_eq!(serde_json::to_string(&ledger).unwrap(), stored, "a word without proof grows by no byte");
}

#[test]
fn a_word_about_one_channel_reads_back_with_its_proof() {
    let evidence = Evidence { source: "form".into(), reference: Some("f-17".into()) };
    let said = Standing { text_version: Some("v3".into()), evidence: Some(evidence), ..word(7, Verdict::Granted) };
    let mut ledger = ConsentLedger::default();
    ledger.note(Purpose::DealerSharing, None, &word(1, Verdict::Granted));
    ledger.note(Purpose::Marketing, Some(SELLER), &said);
    let stored = serde_json::to_value(&ledger).unwrap();
    assert_eq!(
        stored,
        json!({
            "marketing/wecom_seller": { "as_of": 7, "verdict": "granted", "text_version": "v3",
                "evidence": { "source": "form", "reference": "f-17" } },
            "dealer_sharing": { "as_of": 1, "verdict": "granted" },
        })
    );
    assert_eq!(serde_json::from_value::<ConsentLedger>(stored).unwrap(), ledger);
    for unknown in [json!({ "gossip": said }), json!({ "marketing/pigeon": said })] {
        assert!(serde_json::from_value::<ConsentLedger>(unknown).is_err());
    }
}

type Said = (Purpose, Option<ChannelKind>, Standing);

fn said() -> impl Strategy<Value = Said> {
    let channel = prop::option::of(prop::sample::select(ChannelKind::ALL.to_vec()));
    let verdict = prop_oneof![Just(Verdict::Granted), Just(Verdict::Withdrawn)];
    let text = || prop::option::of(prop::sample::select(vec!["a".to_owned(), "b".to_owned()]));
    let evidence = prop::option::of((prop::sample::select(vec!["form", "call"]), text()));
    (prop::sample::select(Purpose::ALL.to_vec()), channel, 0i64..5, verdict, text(), evidence).prop_map(
        |(purpose, channel, at, verdict, text_version, evidence)| {
            let evidence = evidence.map(|(source, reference)| Evidence { source: source.into(), reference });
            (purpose, channel, Standing { text_version, evidence, ..word(at, verdict) })
        },
    )
}

fn of(said: &[Said]) -> ConsentLedger {
    let mut ledger = ConsentLedger::default();
    said.iter().for_each(|(purpose, channel, word)| ledger.note(*purpose, *channel, word));
    ledger
}

fn joined(mut one: ConsentLedger, other: &ConsentLedger) -> ConsentLedger {
    one.join(other);
    one
}

proptest! {
    #[test]
    fn joining_is_commutative_associative_and_idempotent(
        a in prop::collection::vec(said(), 0..12),
        b in prop::collection::vec(said(), 0..12),
        c in prop::collection::vec(said(), 0..12),
    ) {
        let all: Vec<Said> = c.iter().chain(&a).chain(&b).cloned().collect();
        let (a, b, c) = (of(&a), of(&b), of(&c));
        prop_assert_eq!(joined(a.clone(), &b), joined(b.clone(), &a));
        prop_assert_eq!(joined(joined(a.clone(), &b), &c), joined(a.clone(), &joined(b.clone(), &c)));
        prop_assert_eq!(joined(a.clone(), &a), a.clone());
        prop_assert_eq!(joined(joined(a, &b), &c), of(&all), "words one by one say the same as merges");
    }

    #[test]
    fn the_last_no_closes_whatever_was_said_before(words in prop::collection::vec(said(), 0..20), general in any::<bool>()) {
        let mut ledger = of(&words);
        let (purpose, channel) = (Purpose::Marketing, SELLER);
        // At the very instant of the latest yes: the refusal still counts.
        ledger.note(purpose, (!general).then_some(channel), &word(4, Verdict::Withdrawn));
        prop_assert!(!ledger.allows(purpose, channel));
        ledger.note(purpose, Some(channel), &word(5, Verdict::Granted));
        prop_assert!(ledger.allows(purpose, channel));
    }

    #[test]
    fn a_grant_for_all_reopens_no_channel_that_was_withdrawn(words in prop::collection::vec(said(), 0..20)) {
        let mut ledger = of(&words);
        ledger.note(Purpose::Marketing, Some(SELLER), &word(4, Verdict::Withdrawn));
        ledger.note(Purpose::Marketing, None, &word(9, Verdict::Granted));
        prop_assert!(!ledger.allows(Purpose::Marketing, SELLER));
    }
}
