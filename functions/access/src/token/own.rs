//! Tokens made here, for people who sign in with a password. The key that signs them is derived from the folder's
//! master key: nothing more to keep, and two processes over one folder sign alike.

use super::check::{self, Rules};
use super::parse::Presented;
use super::{Denied, crypto};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use ring::signature::{Ed25519KeyPair, KeyPair};
use roadbook_kernel::{Moment, TenantId, UserId};
use roadbook_runtime::ports::Fault;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who our own tokens say they are from.
pub const OWN_ISSUER: &str = "roadbook";
/// Whom they are for.
const AUDIENCE: &str = "roadbook-api";
/// How long they hold. A token cannot be asked back, only outlived: an hour at most.
pub(crate) const LIFE_S: i64 = 3_600;

/// Separates the signing key from every other use of the secret. Changing it ends every token.
const SEED_CONTEXT: &str = "roadbook 2026-02 key that signs tokens of people";

/// What our own tokens say.
#[derive(Serialize, Deserialize)]
pub(crate) struct OwnClaims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: UserId,
    pub(crate) tid: TenantId,
    pub(crate) roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) org_scope: Option<String>,
    pub(crate) scope: String,
    #[serde(rename = "gen")]
    pub(crate) generation: u64,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) jti: String,
}

/// A token that was just made.
pub(crate) struct Issued {
    pub(crate) text: String,
    pub(crate) expires_in_s: i64,
}

/// What is particular to one token.
pub(crate) struct Wanted {
    pub(crate) user: UserId,
    pub(crate) tenant: TenantId,
    pub(crate) roles: Vec<String>,
    pub(crate) org_scope: Option<String>,
    pub(crate) scope: String,
    pub(crate) generation: u64,
    pub(crate) jti: String,
}

/// Makes our tokens and recognises them.
pub(crate) struct Signer {
    private: EncodingKey,
    public: DecodingKey,
    kid: String,
}

impl Signer {
    /// A signer whose key follows from a secret of the installation.
    pub(crate) fn derive(secret: &[u8; 32]) -> Self {
        crypto::install();
        let seed = blake3::derive_key(SEED_CONTEXT, secret);
        // Any 32 bytes are a seed. An empty key, if ever, verifies nothing.
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok();
        let public = pair.map(|pair| pair.public_key().as_ref().to_vec()).unwrap_or_default();
        let kid = blake3::hash(&public).to_hex()[..16].to_owned();
        Self { private: EncodingKey::from_ed_der(&seed), public: DecodingKey::from_ed_der(&public), kid }
    }

    pub(crate) fn issue(&self, wanted: Wanted, now: Moment) -> Result<Issued, Fault> {
        let iat = now.millis().div_euclid(1_000);
        let Wanted { user, tenant, roles, org_scope, scope, generation, jti } = wanted;
        let claims = OwnClaims {
            iss: OWN_ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: user,
            tid: tenant,
            roles,
            org_scope,
            scope,
            generation,
            iat,
            exp: iat + LIFE_S,
            jti,
        };
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let text = encode(&header, &claims, &self.private)
            .map_err(|error| Fault::Store(format!("a token could not be signed: {error}")))?;
        Ok(Issued { text, expires_in_s: LIFE_S })
    }

    /// Signs whatever it is given.
    #[cfg(test)]
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, claims, &self.private).unwrap()
    }

    pub(crate) fn verify(&self, token: &Presented<'_>, now: Moment) -> Result<OwnClaims, Denied> {
        if token.kid.as_deref() != Some(self.kid.as_str()) {
            return Err(Denied);
        }
        let rules = Rules { issuer: OWN_ISSUER, audience: AUDIENCE, algorithm: Algorithm::EdDSA };
        let claims = check::check(token, &self.public, &rules, now)?;
        let claims: OwnClaims = serde_json::from_value(Value::Object(claims)).map_err(|_| Denied)?;
        if claims.exp - claims.iat > LIFE_S { Err(Denied) } else { Ok(claims) }
    }
}
