//! Laws that hold for every input, not only for the tables beside the code.

use proptest::prelude::*;
use roadbook_identity::{
    Carried, Evidence, Grade, Here, Holding, Kind, Plan, Policy, RefusedLink, TenantKeys, There, normalise, plan,
};
use roadbook_kernel::{CustomerId, Moment, TenantId};

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

fn grades() -> impl Strategy<Value = Grade> {
    prop::sample::select(vec![Grade::Inferred, Grade::Declared, Grade::Login, Grade::Attested])
}

fn evidence() -> impl Strategy<Value = Evidence> {
    prop::sample::select(vec![Evidence::Identify, Evidence::Mention, Evidence::Alias, Evidence::Command])
}

/// Anything at all, and texts that are nearly identifiers, so that the accepting paths are walked too.
fn raw_values() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ +（-]{0,3}(86|0086|\\+86)?[ 01-9０-９-]{7,16}",
        "[A-Za-zＡ-Ｚİß.+]{1,12}@[A-Za-z中-]{1,8}\\.[a-zA-Z]{1,5}",
        "(wm|wo|o)[A-Za-z0-9_-]{1,40}",
        "[ \u{3000}\u{200b}]{0,2}[A-Za-z0-9_-]{1,64}[ \u{3000}]{0,2}",
    ]
}

proptest! {
    #[test]
    fn normalising_twice_is_normalising_once(kind in kinds(), raw in raw_values()) {
        if let Ok(once) = normalise(kind, &raw) {
            prop_assert!(!once.is_empty() && once.len() <= 3 * 256);
            prop_assert_eq!(normalise(kind, &once), Ok(std::borrow::Cow::Borrowed(once.as_ref())));
        }
    }

    #[test]
    fn an_error_never_shows_the_value(kind in kinds(), middle in "[0-9A-Z]{9,40}") {
        // `zq` occurs in no message, so a value that were quoted would be found by it.
        let raw = format!("zq{middle}\u{1}zq");
        let error = normalise(kind, &raw).unwrap_err();
        let shown = format!("{error} {error:?} {}", error.code());
        prop_assert!(!shown.contains("zq"), "{}", shown);
    }

    #[test]
    fn two_spellings_with_one_normal_form_have_one_hash(raw in raw_values(), kind in kinds()) {
        let keys = TenantKeys::derive(&[1; 32], TenantId::from_u128(1));
        let padded = format!("  {raw}\u{3000}");
        let scope = "wxTest0";
        prop_assert_eq!(keys.identifier(kind, scope, &raw), keys.identifier(kind, scope, &padded));
    }

    #[test]
    fn hashes_differ_per_tenant_kind_and_scope(value in "wm[A-Za-z0-9]{20,30}") {
        let of = |tenant, kind, scope| {
            TenantKeys::derive(&[1; 32], TenantId::from_u128(tenant)).identifier(kind, scope, &value).unwrap().hash
        };
        let all = [
            of(1, Kind::Openid, "wxTest1"),
            of(1, Kind::Openid, "wxTest2"),
            of(2, Kind::Openid, "wxTest1"),
            of(1, Kind::ExternalUserid, "wxTest1"),
            of(1, Kind::Unionid, ""),
            of(1, Kind::UserId, ""),
            of(1, Kind::AnonymousId, ""),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        prop_assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn an_identifier_reads_back_from_json(kind in kinds(), raw in raw_values()) {
        let keys = TenantKeys::derive(&[1; 32], TenantId::from_u128(1));
        if let Ok(identifier) = keys.identifier(kind, "wxTest0", &raw) {
            let json = serde_json::to_string(&identifier).unwrap();
            prop_assert_eq!(json.contains("scope"), kind.is_scoped());
            prop_assert_eq!(serde_json::from_str::<roadbook_identity::Identifier>(&json).unwrap(), identifier);
        }
    }

    /// The plan is total, and no plan breaks a promise: weak never merges two known people, nobody outgrows 80.
    #[test]
    fn every_plan_keeps_the_promises(
        kind in kinds(), evidence in evidence(), grade in grades(), held in (kinds(), kinds()),
        at in any::<i64>(), bound in any::<i64>(),
        known in any::<(bool, bool)>(), sizes in (0usize..200, 0usize..200), moves in 0u32..20, owner in prop::option::of(1u128..3),
    ) {
        let hold = |kind, count| vec![Holding { kind, scope: "", at: Moment::from_millis(bound) }; count];
        let here = Here { id: CustomerId::from_u128(1), known: known.0, holds: hold(held.0, sizes.0) };
        let there = owner.map(|owner| There {
            owner: CustomerId::from_u128(owner),
            known: known.1,
            holds: hold(held.1, sizes.1),
            bound_at: Moment::from_millis(bound),
            moves_in_window: moves,
        });
        let both_known = known.0 && known.1;
        let policy = Policy::default();
        let carried = Carried { kind, scope: "", evidence, grade, at: Moment::from_millis(at) };
        let outright = matches!(evidence, Evidence::Alias | Evidence::Command);
        match plan(&policy, &carried, &here, there.as_ref()) {
            Plan::Keep => prop_assert_eq!(owner, Some(1)),
            Plan::Claim => prop_assert!(owner.is_none() && sizes.0 < 80),
            Plan::Move => prop_assert!(both_known && kind.is_weak() && at > bound && moves < 8 && sizes.0 < 80),
            Plan::Merge => {
                prop_assert!(sizes.0 + sizes.1 <= 80);
                prop_assert!(!both_known || (!kind.is_weak() && (outright || grade.merges())));
                prop_assert!(outright || policy.over_together(carried.at, &here.holds, &hold(held.1, sizes.1)).is_none());
            }
            Plan::Refuse(RefusedLink::TwoKnownPeople) => prop_assert!(both_known && !kind.is_weak() && !grade.merges()),
            Plan::Refuse(RefusedLink::OverLimit(_)) => prop_assert!(!outright),
            Plan::Refuse(RefusedLink::TooMany) => {
                let theirs = if owner == Some(2) { sizes.1 } else { 0 };
                prop_assert!(sizes.0 >= 80 || sizes.0 + theirs > 80);
            }
            Plan::Ignore => prop_assert!(both_known && kind.is_weak()),
        }
    }
}
