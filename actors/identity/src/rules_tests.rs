//! The rules as a table, and that they are total.

use super::*;
use roadbook_kernel::Hash128;

const NEWER: Moment = Moment::from_millis(2_000);
const BOUND: Moment = Moment::from_millis(1_000);

fn here(known: bool, identifiers: usize) -> Here {
    Here { id: CustomerId::from_u128(1), known, identifiers }
}

fn there(known: bool, identifiers: usize) -> There {
    There { owner: CustomerId::from_u128(2), known, identifiers, bound_at: BOUND, moves_in_window: 0 }
}

const EVIDENCE: [Evidence; 4] = [Evidence::Identify, Evidence::Mention, Evidence::Alias, Evidence::Command];

#[test]
fn unclaimed_is_claimed_up_to_the_limit() {
    for kind in Kind::ALL {
        for evidence in EVIDENCE {
            assert_eq!(plan(kind, evidence, NEWER, &here(true, 79), None), Plan::Claim);
            assert_eq!(plan(kind, evidence, NEWER, &here(true, 80), None), Plan::Refuse(RefusedLink::TooMany));
        }
    }
}

#[test]
fn what_is_owned_here_stays() {
    let mine = There { owner: CustomerId::from_u128(1), ..there(true, 80) };
    for kind in Kind::ALL {
        for evidence in EVIDENCE {
            assert_eq!(plan(kind, evidence, NEWER, &here(true, 80), Some(&mine)), Plan::Keep);
        }
    }
}

#[test]
fn somebody_unknown_becomes_the_one_they_turn_out_to_be() {
    for kind in Kind::ALL {
        for evidence in EVIDENCE {
            for (a, b) in [(false, true), (true, false), (false, false)] {
                assert_eq!(plan(kind, evidence, BOUND, &here(a, 40), Some(&there(b, 40))), Plan::Merge);
                let full = plan(kind, evidence, BOUND, &here(a, 41), Some(&there(b, 40)));
                assert_eq!(full, Plan::Refuse(RefusedLink::TooMany));
            }
        }
    }
}

#[test]
fn two_known_people_merge_only_by_alias_or_command() {
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_weak()) {
        for (evidence, expected) in [
            (Evidence::Identify, Plan::Refuse(RefusedLink::TwoKnownPeople)),
            (Evidence::Mention, Plan::Refuse(RefusedLink::TwoKnownPeople)),
            (Evidence::Alias, Plan::Merge),
            (Evidence::Command, Plan::Merge),
        ] {
            assert_eq!(plan(kind, evidence, NEWER, &here(true, 1), Some(&there(true, 1))), expected);
        }
    }
}

#[test]
fn a_weak_identifier_follows_its_newest_identify() {
    let moved = |evidence, at: i64, moves| {
        let there = There { moves_in_window: moves, ..there(true, 1) };
        plan(Kind::Device, evidence, Moment::from_millis(at), &here(true, 1), Some(&there))
    };
    assert_eq!(moved(Evidence::Identify, 1_001, 0), Plan::Move);
    assert_eq!(moved(Evidence::Identify, 1_001, 7), Plan::Move);
    assert_eq!(moved(Evidence::Identify, 1_001, 8), Plan::Ignore, "worn out");
    assert_eq!(moved(Evidence::Identify, 1_000, 0), Plan::Ignore, "not newer");
    assert_eq!(moved(Evidence::Identify, 999, 0), Plan::Ignore, "late");
    for evidence in [Evidence::Mention, Evidence::Alias, Evidence::Command] {
        assert_eq!(moved(evidence, 1_001, 0), Plan::Ignore);
    }
    let full = plan(Kind::AnonymousId, Evidence::Identify, NEWER, &here(true, 80), Some(&there(true, 1)));
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
