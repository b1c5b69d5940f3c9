//! Signatures by Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, one for each secret that signs now.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use roadbook_kernel::Moment;
use roadbook_runtime::webhooks::{SECRET_PREFIX, SigningSecret};

/// The two headers that a signature needs.
pub(super) struct Signed {
    /// Seconds since 1970.
    pub(super) timestamp: String,
    /// `v1,<base64>`, separated by spaces.
    pub(super) signatures: String,
}

/// Signs a body. `None` where a secret is not `whsec_` and base64, or there is none: nothing leaves unsigned.
pub(super) fn signatures(id: &str, at: Moment, body: &[u8], secrets: &[&SigningSecret]) -> Option<Signed> {
    let timestamp = at.millis().div_euclid(1_000).to_string();
    let sign = |secret: &&SigningSecret| {
        let key = STANDARD.decode(secret.expose().strip_prefix(SECRET_PREFIX)?).ok()?;
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            context.update(part);
        }
        Some(format!("v1,{}", STANDARD.encode(context.sign())))
    };
    let all: Vec<String> = secrets.iter().map(sign).collect::<Option<_>>()?;
    (!all.is_empty()).then(|| Signed { signatures: all.join(" "), timestamp })
}

#[cfg(test)]
mod tests {
    use super::*;
    use standardwebhooks::Webhook;

    fn secret(byte: u8) -> SigningSecret {
        SigningSecret::new(format!("{SECRET_PREFIX}{}", STANDARD.encode([byte; 32])))
    }

    fn verified(secret: &SigningSecret, id: &str, signed: &Signed, body: &[u8]) -> bool {
        let mut headers = http::HeaderMap::new();
        headers.insert("webhook-id", id.parse().unwrap());
        headers.insert("webhook-timestamp", signed.timestamp.parse().unwrap());
        headers.insert("webhook-signature", signed.signatures.parse().unwrap());
        Webhook::new(secret.expose()).unwrap().verify(body, &headers).is_ok()
    }

    #[test]
    fn the_standards_own_library_verifies_and_refuses_what_was_changed() {
        let (one, two, three) = (secret(1), secret(2), secret(3));
        // The library takes nothing that is older than five minutes.
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
        let now = Moment::from_millis(i64::try_from(now).unwrap());
        let body = "{\"说\":\"hello\"}".as_bytes();
        let signed = signatures("whm_1", now, body, &[&one, &two]).unwrap();
        assert!(verified(&one, "whm_1", &signed, body) && verified(&two, "whm_1", &signed, body));
        assert!(!verified(&three, "whm_1", &signed, body), "another secret");
        assert!(!verified(&one, "whm_2", &signed, body), "another id");
        assert!(!verified(&one, "whm_1", &signed, b"{}"), "another body");
    }

    #[test]
    fn the_test_vector_of_the_standard() {
        // From the specification's example of a signature.
        let secret = SigningSecret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into());
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed =
            signatures(id, Moment::from_millis(1_614_265_330_000), b"{\"test\": 2432232314}", &[&secret]).unwrap();
        assert_eq!(signed.signatures, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn nothing_is_signed_with_half_a_secret() {
        let bad = SigningSecret::new("whsec_%%%".into());
        for secrets in [vec![], vec![&bad]] {
            assert!(signatures("whm_1", Moment::from_millis(0), b"{}", &secrets).is_none());
        }
    }
}
