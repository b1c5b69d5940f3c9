//! What each platform error code means for us: the reaction table, as data.
//!
//! The numbers are the platforms' public ones; classes and reasons are ours. To add a code: one row, and its line in
//! the test below. A code that is not listed is a refusal of this one item: the platform answered, so nothing was sent.

/// Which platform gave the code. The two share the number space, not its meaning: 40001 is a wrong secret at WeCom and
/// a dead token at the mini-program platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// WeCom (企业微信).
    Wecom,
    /// The mini-program platform (小程序).
    Wechat,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Transient: try again after 1, 2, 4 s.
    Retry,
    /// The token is dead: fetch one, repeat the call once.
    RefreshToken,
    /// The platform has yet to push us its ticket: the lane waits.
    WaitForTicket,
    /// Called too often: the lane waits until the window ends, 60 s, then 60 min.
    Rate,
    /// The tenant's administrator must change something: the lane waits long.
    Configuration,
    /// The tenant has withdrawn our authorisation.
    AuthorisationGone,
    /// This one item can never be sent.
    Item,
    /// The moment in which it could be sent has passed.
    WindowLost,
    /// The platform calls it spam: a person must look before more goes out.
    AntiSpam,
}

/// One row: codes of one platform, their class, and the stable reason that answers carry.
struct Row {
    codes: &'static [i64],
    class: Class,
    reason: &'static str,
}

const fn row(codes: &'static [i64], class: Class, reason: &'static str) -> Row {
    Row { codes, class, reason }
}

const WECOM: &[Row] = &[
    row(&[-1], Class::Retry, "platform_busy"),
    row(&[6000], Class::Retry, "version_conflict"),
    row(&[41063, 41079], Class::Retry, "being_dispatched"),
    row(&[45033], Class::Retry, "too_many_at_once"),
    row(&[40014, 42001, 41001], Class::RefreshToken, "token_refused"),
    row(&[40082, 42009], Class::RefreshToken, "suite_token_refused"),
    row(&[42007], Class::RefreshToken, "pre_auth_code_refused"),
    row(&[40085, 41023], Class::WaitForTicket, "suite_ticket_missing"),
    row(&[45009], Class::Rate, "rate_limited"),
    row(&[60020], Class::Configuration, "ip_not_trusted"),
    row(&[40001, 40091], Class::Configuration, "secret_refused"),
    row(&[40013], Class::Configuration, "corp_unknown"),
    row(&[48001, 48002], Class::Configuration, "scope_missing"),
    row(&[48006], Class::Configuration, "permission_revoked_unused"),
    row(&[50001, 50002, 50003, 60031], Class::Configuration, "app_disabled"),
    row(&[43009], Class::Configuration, "corp_not_verified"),
    row(&[701008], Class::Configuration, "licence_missing"),
    row(&[40056, 301002], Class::Configuration, "agent_refused"),
    row(&[40084, 48004, 84005], Class::AuthorisationGone, "authorisation_gone"),
    row(&[84061, 84084], Class::Item, "not_a_friend"),
    row(&[40096], Class::Item, "external_userid_refused"),
    row(&[60111, 60011, 40003, 60021, 81013], Class::Item, "member_unknown"),
    row(&[40068, 40126, 40071], Class::Item, "tag_refused"),
    row(&[41044], Class::Item, "config_id_unknown"),
    row(&[610014, 610015, 610016, 610017, 610018], Class::Item, "identity_refused"),
    row(&[845002, 845003], Class::Item, "subject_mismatch"),
    row(&[41048], Class::Item, "nobody_to_send_to"),
    row(&[41093], Class::Item, "cancelled"),
    row(&[41047, 42052], Class::Item, "task_unknown"),
    row(&[40008, 40033, 40058, 40063, 44004, 47001, 82001], Class::Item, "request_refused"),
    row(&[41050, 41051, 41096, 95001, 95002, 95013], Class::WindowLost, "window_lost"),
    row(&[40029, 42022], Class::WindowLost, "code_used"),
    row(&[40201, 40204], Class::AntiSpam, "anti_spam"),
];

const WECHAT: &[Row] = &[
    row(&[-1], Class::Retry, "platform_busy"),
    row(&[40001, 40014, 42001, 41001], Class::RefreshToken, "token_refused"),
    row(&[45009], Class::Rate, "rate_limited"),
    row(&[40013], Class::Configuration, "app_unknown"),
    row(&[40125], Class::Configuration, "secret_refused"),
    row(&[40164], Class::Configuration, "ip_not_trusted"),
    row(&[48001], Class::Configuration, "scope_missing"),
    row(&[40003], Class::Item, "openid_unknown"),
    row(&[40037], Class::Item, "template_unknown"),
    row(&[43101], Class::Item, "no_grant"),
    row(&[47003], Class::Item, "data_refused"),
    row(&[41030], Class::Item, "page_unknown"),
    row(&[45168], Class::AntiSpam, "wording_blocked"),
];

/// What to do about a code other than 0, and its stable snake_case reason.
pub fn reaction(platform: Platform, errcode: i64) -> (Class, &'static str) {
    let table = match platform {
        Platform::Wecom => WECOM,
        Platform::Wechat => WECHAT,
    };
    let found = table.iter().find(|row| row.codes.contains(&errcode));
    found.map_or((Class::Item, "platform_refused"), |row| (row.class, row.reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written down a second time, class by class as operators are told, so that a slip in one place shows.
    #[test]
    fn every_known_code_has_the_class_operators_are_told() {
        let wecom: &[(Class, &[i64])] = &[
            (Class::Retry, &[-1, 6000, 41063, 41079, 45033]),
            (Class::RefreshToken, &[40014, 42001, 40082, 42009, 42007, 41001]),
            (Class::WaitForTicket, &[40085, 41023]),
            (Class::Rate, &[45009]),
            (
                Class::Configuration,
                &[60020, 40001, 40091, 40013, 48002, 48001, 48006, 50001, 50002, 50003, 60031, 43009, 701008],
            ),
            (Class::AuthorisationGone, &[40084, 48004, 84005]),
            (
                Class::Item,
                &[
                    84061, 84084, 40096, 60111, 60011, 40003, 60021, 40068, 40126, 40071, 41044, 610014, 610015,
                    610016, 610017, 610018, 845002, 845003,
                ],
            ),
            (Class::WindowLost, &[41050, 41051, 41096, 95001, 95002, 95013, 40029, 42022]),
            (Class::AntiSpam, &[40201, 40204]),
        ];
        for (class, codes) in wecom {
            for code in *codes {
                assert_eq!(reaction(Platform::Wecom, *code).0, *class, "{code}");
            }
        }
        let wechat: &[(Class, &[i64])] = &[
            (Class::Retry, &[-1]),
            (Class::RefreshToken, &[40001, 42001, 40014]),
            (Class::Rate, &[45009]),
            (Class::Item, &[40003, 40037, 43101, 47003, 41030]),
            (Class::AntiSpam, &[45168]),
        ];
        for (class, codes) in wechat {
            for code in *codes {
                assert_eq!(reaction(Platform::Wechat, *code).0, *class, "{code}");
            }
        }
    }

    #[test]
    fn no_code_stands_twice_and_zero_stands_nowhere() {
        for table in [WECOM, WECHAT] {
            let mut codes: Vec<i64> = table.iter().flat_map(|row| row.codes).copied().collect();
            let listed = codes.len();
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), listed);
            assert!(!codes.contains(&0));
        }
    }

    #[test]
    fn a_code_nobody_knows_is_a_refusal_of_the_item() {
        assert_eq!(reaction(Platform::Wecom, 999_999), (Class::Item, "platform_refused"));
    }
}
