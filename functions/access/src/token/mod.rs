//! Signed tokens of people: made here for those who sign in here, or made by a provider (OIDC) a tenant trusts.
//!
//! What a token says about itself is never a reason to believe it. Its issuer picks among the issuers we know; the
//! issuer and the key id pick among the keys of that issuer; and the key, not the token, says which algorithm it is
//! checked with. Everything that fails fails alike: see [`Denied`].

mod check;
mod crypto;
mod jwks;
mod own;
mod parse;
mod provider;

pub use own::OWN_ISSUER;
pub(crate) use own::{Issued, OwnClaims, Signer, Wanted};
pub(crate) use parse::Presented;
pub use provider::ProviderSettings;
pub(crate) use provider::{Provider, Vouched};

/// A token that proves nothing. It does not say why: whoever tries tokens learns nothing from the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Denied;
