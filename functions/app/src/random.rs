//! Chance: the one place where it is drawn.

/// The machine gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no randomness: the machine gives no random bytes")]
pub struct NoRandomness;

/// Random bytes for what nothing can be derived from: a new key, the id of a command that has no name of its own.
///
/// # Errors
/// A machine that gives none.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}
