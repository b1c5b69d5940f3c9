//! The two halves of every form that changes something.
//!
//! A signed-in person's half is derived from their token: who cannot read the cookie cannot compute it, it needs no
//! store, and it survives a restart. The sign-in form has no token yet; its half is random and stands in a cookie.

const SIGNED_IN: &str = "roadbook console 2026 form of a signed-in person";
const BEFORE: &str = "roadbook console 2026 sign-in form";

/// What a form of this session carries.
pub(crate) fn of_token(token: &str) -> String {
    blake3::Hash::from(blake3::derive_key(SIGNED_IN, token.as_bytes())).to_hex().to_string()
}

/// What the sign-in form carries whose cookie has this value.
pub(crate) fn of_cookie(value: &str) -> String {
    blake3::Hash::from(blake3::derive_key(BEFORE, value.as_bytes())).to_hex().to_string()
}

/// Whether a form carries what it should, in a time that does not tell how much of it is right.
pub(crate) fn same(sent: &str, expected: &str) -> bool {
    // Hashes compare in constant time.
    blake3::hash(sent.as_bytes()) == blake3::hash(expected.as_bytes())
}

/// A new random value for the cookie of the sign-in form; `None` where the machine gives none.
pub(crate) fn fresh() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(blake3::Hash::from(bytes).to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_fit_their_own_session_only() {
        assert!(same(&of_token("a"), &of_token("a")));
        assert!(!same(&of_token("a"), &of_token("b")) && !same("", &of_token("a")));
        assert_ne!(of_token("a"), of_cookie("a"));
        assert_ne!(fresh(), fresh());
    }
}
