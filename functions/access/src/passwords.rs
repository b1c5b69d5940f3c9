//! Passwords: kept as argon2id in the PHC string form, hashed one at a time and never on a thread that serves.
//!
//! A hash takes about 20 ms of one core and 19 MiB. Hashing one at a time bounds what a storm of logins can take from
//! everybody else; those that wait are bounded too.

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use roadbook_kernel::Personal;
use roadbook_runtime::ports::Fault;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// OWASP's first recommendation for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Who comes when so many wait is sent away.
const WAITING_MAX: usize = 32;
/// Shortest password: NIST SP 800-63B asks for 8, and for no rules about kinds of characters.
const CHARS_MIN: usize = 8;
/// Longest password, in bytes: beyond it only our work grows.
const BYTES_MAX: usize = 256;

/// The hash of nobody's password, with the same cost: an unknown login takes as long as a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdCAxNg$/SeYOegSj8bi1x6/HK2trGWAo/nm6uPBw4VTWPGsgVs";

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Why a password cannot be one; `None` where it can.
pub fn password_problem(password: &str, login: &str) -> Option<&'static str> {
    if password.chars().count() < CHARS_MIN {
        Some("a password has at least 8 characters")
    } else if password.len() > BYTES_MAX {
        Some("a password has at most 256 bytes")
    } else if password.trim().eq_ignore_ascii_case(login.trim()) {
        Some("a password is not the login")
    } else {
        None
    }
}

/// Hashes, one at a time.
pub(crate) struct Passwords {
    turn: Arc<Semaphore>,
    room: Semaphore,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), room: Semaphore::new(WAITING_MAX) }
    }

    /// The PHC string of a password, under a salt that the caller drew.
    pub(crate) async fn hash(&self, password: Personal<String>, salt: [u8; 16]) -> Result<String, Fault> {
        let hashed = self.run(move || {
            let made = argon2().hash_password_with_salt(password.reveal().as_bytes(), &salt);
            made.map(|hash| hash.to_string())
        });
        hashed.await?.map_err(|error| Fault::Store(format!("a password could not be hashed: {error}")))
    }

    /// Whether a password is the one that was hashed; without a hash it is not, after the same work.
    pub(crate) async fn matches(&self, password: Personal<String>, hash: Option<String>) -> Result<bool, Fault> {
        self.run(move || {
            let same = argon2().verify_password(password.reveal().as_bytes(), hash.as_deref().unwrap_or(NOBODY));
            same.is_ok() && hash.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let _place = self.room.try_acquire().map_err(|_| Fault::Overloaded)?;
        let turn = self.turn.clone().acquire_owned().await.map_err(|_| Fault::Overloaded)?;
        // The turn goes with the work: a caller who goes away leaves it running, and the next one still waits for it.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|_| Fault::Overloaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::phc::PasswordHash;

    fn personal(text: &str) -> Personal<String> {
        Personal::new(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_same_password_matches_and_nobodys_never_does() {
        let passwords = Passwords::new();
        let hash = passwords.hash(personal("correct horse"), [7; 16]).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.matches(personal("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.matches(personal("correct horsE"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.matches(personal("correct horse"), None).await.unwrap());
        assert!(!passwords.matches(personal("correct horse"), Some("damaged".into())).await.unwrap());
        let other = passwords.hash(personal("correct horse"), [8; 16]).await.unwrap();
        assert_ne!(hash, other, "another salt");
    }

    #[test]
    fn nobodys_hash_costs_what_a_real_one_costs() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&nobody).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!((nobody.algorithm.as_str(), nobody.hash.unwrap().len()), ("argon2id", 32));
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_sent_away() {
        let passwords = Arc::new(Passwords::new());
        let _running = passwords.turn.clone().acquire_owned().await.unwrap();
        let waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.matches(personal("x"), None).await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(passwords.room.available_permits(), 0, "all of them wait");
        assert_eq!(passwords.matches(personal("x"), None).await, Err(Fault::Overloaded));
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[test]
    fn what_cannot_be_a_password() {
        for (password, login) in
            [("short", "a"), (&"x".repeat(257), "a"), ("Somebody@example.com ", "somebody@example.com")]
        {
            assert!(password_problem(password, login).is_some(), "{password}");
        }
        assert_eq!(password_problem("密码密码密码密码", "a"), None);
    }
}
