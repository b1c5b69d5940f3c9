//! The rules as a table, and that they are total.

use super::*;
use roadbook_kernel::Hash128;

const NEWER: Moment = Moment::from_millis(2_000);
const BOUND: Moment = Moment::from_millis(1_000);

const HELD: Holding<'static> = Holding { kind: Kind::AnonymousId, scope: "", at: BOUND };

fn here(known: bool, identifiers: usize) -> Here<'static> {
    Here { id: CustomerId::from_u128(1), known, holds: vec![HELD; identifiers] }
}

fn there(known: bool, identifiers: usize) -> There<'static> {
    let holds = vec![HELD; identifiers];
    There { owner: CustomerId::from_u128(2), known, holds, bound_at: BOUND, moves_in_window: 0 }
}

fn carried(kind: Kind, evidence: Evidence, grade: Grade, at: Moment) -> Carried<'static> {
    Carried { kind, scope: "", evidence, grade, at }
}

fn decide(kind: Kind, evidence: Evidence, at: Moment, here: &Here<'_>, there: Option<&There<'_>>) -> Plan {
    plan(&Policy::default(), &carried(kind, evidence, Grade::Inferred, at), here, there)
}

const EVIDENCE: [Evidence; 4] = [Evidence::Identify, Evidence::Mention, Evidence::Alias, Evidence::Command];
const GRADES: [Grade; 4] = [Grade::Inferred, Grade::Declared, Grade::Login, Grade::Attested];

#[test]
fn unclaimed_is_claimed_up_to_the_limit() {
    for kind in Kind::ALL {
        for evidence in EVIDENCE {
            assert_eq!(decide(kind, evidence, NEWER, &here(true, 79), None), Plan::Claim);
            assert_eq!(decide(kind, evidence, NEWER, &here(true, 80), None), Plan::Refuse(RefusedLink::TooMany));
        }
    }
}

#[test]
fn a_second_account_is_refused_unless_somebody_says_outright_that_it_is_theirs() {
    let one = Here { holds: vec![Holding { kind: Kind::UserId, ..HELD }], ..here(true, 0) };
    let over = Plan::Refuse(RefusedLink::OverLimit(Kind::UserId));
    for (evidence, expected) in [
        (Evidence::Identify, over),
        (Evidence::Mention, over),
        (Evidence::Alias, Plan::Claim),
        (Evidence::Command, Plan::Claim),
    ] {
        assert_eq!(decide(Kind::UserId, evidence, NEWER, &one, None), expected);
    }
}

#[test]
fn what_is_owned_here_stays() {
    let mine = There { owner: CustomerId::from_u128(1), ..there(true, 80) };
    for kind in Kind::ALL {
        for evidence in EVIDENCE {
            assert_eq!(decide(kind, evidence, NEWER, &here(true, 80), Some(&mine)), Plan::Keep);
        }
    }
}

#[test]
fn somebody_unknown_becomes_the_one_they_turn_out_to_be() {
    for kind in Kind::ALL {
        for evidence in EVIDENCE {
            for (a, b) in [(false, true), (true, false), (false, false)] {
                assert_eq!(decide(kind, evidence, BOUND, &here(a, 40), Some(&there(b, 40))), Plan::Merge);
                let full = decide(kind, evidence, BOUND, &here(a, 41), Some(&there(b, 40)));
                assert_eq!(full, Plan::Refuse(RefusedLink::TooMany));
            }
        }
    }
}

#[test]
fn two_known_people_merge_by_good_evidence_or_outright() {
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_weak()) {
        for grade in GRADES {
            let by = |evidence| {
                plan(&Policy::default(), &carried(kind, evidence, grade, NEWER), &here(true, 1), Some(&there(true, 1)))
            };
            let expected = if grade.merges() { Plan::Merge } else { Plan::Refuse(RefusedLink::TwoKnownPeople) };
            assert_eq!((by(Evidence::Identify), by(Evidence::Mention)), (expected, expected), "{grade:?}");
            assert_eq!((by(Evidence::Alias), by(Evidence::Command)), (Plan::Merge, Plan::Merge));
        }
    }
}

#[test]
fn good_evidence_does_not_make_one_of_two_accounts() {
    let account = Holding { kind: Kind::UserId, ..HELD };
    let (one, other) =
        (Here { holds: vec![account], ..here(true, 0) }, There { holds: vec![account], ..there(true, 0) });
    let by = |evidence| {
        plan(&Policy::default(), &carried(Kind::Phone, evidence, Grade::Attested, NEWER), &one, Some(&other))
    };
    assert_eq!(by(Evidence::Identify), Plan::Refuse(RefusedLink::OverLimit(Kind::UserId)));
    assert_eq!(by(Evidence::Command), Plan::Merge);
}

#[test]
fn a_weak_identifier_follows_its_newest_identify() {
    let moved = |evidence, at: i64, moves| {
        let there = There { moves_in_window: moves, ..there(true, 1) };
        decide(Kind::Device, evidence, Moment::from_millis(at), &here(true, 1), Some(&there))
    };
    assert_eq!(moved(Evidence::Identify, 1_001, 0), Plan::Move);
    assert_eq!(moved(Evidence::Identify, 1_001, 7), Plan::Move);
    assert_eq!(moved(Evidence::Identify, 1_001, 8), Plan::Ignore, "worn out");
    assert_eq!(moved(Evidence::Identify, 1_000, 0), Plan::Ignore, "not newer");
    assert_eq!(moved(Evidence::Identify, 999, 0), Plan::Ignore, "late");
    for evidence in [Evidence::Mention, Evidence::Alias, Evidence::Command] {
        assert_eq!(moved(evidence, 1_001, 0), Plan::Ignore);
    }
    let full = decide(Kind::AnonymousId, Evidence::Identify, NEWER, &here(true, 80), Some(&there(true, 1)));
    assert_eq!(full, Plan::Refuse(RefusedLink::TooMany));
}

#[test]
fn the_earlier_founded_survives() {
    let (early, late) = (CustomerId::from_u128(1), CustomerId::from_u128(2));
    assert_eq!(survivor(early, late), early);
    assert_eq!(survivor(late, early), early);
    assert_eq!(survivor(early, early), early);
}

#[test]
fn routing_asks_the_strongest_first_and_each_once() {
    let identifier = |kind, hash| Identifier {
        kind,
        scope: String::new(),
        value: roadbook_kernel::Personal::new("u-1".to_owned()),
        hash: Hash128(hash),
    };
    let mut carried = vec![
        identifier(Kind::AnonymousId, 1),
        identifier(Kind::UserId, 9),
        identifier(Kind::Phone, 5),
        identifier(Kind::UserId, 2),
        identifier(Kind::UserId, 9),
    ];
    let keys = route(&carried);
    let order: Vec<_> = keys.iter().map(|key| (key.kind, key.hash.0)).collect();
    assert_eq!(order, [(Kind::UserId, 2), (Kind::UserId, 9), (Kind::Phone, 5), (Kind::AnonymousId, 1)]);
    strongest_first(&mut carried);
    assert_eq!(carried.iter().map(Identifier::key).collect::<Vec<_>>(), keys);
}
