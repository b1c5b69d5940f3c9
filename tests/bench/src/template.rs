//! A request rendered once, with fixed-width places that are overwritten for every sending.
//!
//! Rendering JSON per request would cost the generator more than the request itself, on the very cores the server
//! needs. So a body is written once with the marks below in it, and [`Template`] remembers where they lie. A place
//! never changes its width, so `content-length` and all other offsets stay true.

/// Mark for a message id: 22 bytes, see [`Template::put_message_id`].
pub const MESSAGE_ID: &str = "bench-%%%%%%%%%%%%%%%%";
/// Mark for a customer's user id: 18 bytes, see [`Template::put_user_id`].
pub const USER_ID: &str = "customer-@@@@@@@@@";
/// Mark for an instant: 24 bytes, RFC 3339 in UTC with milliseconds.
pub const TIMESTAMP: &str = "TTTT-TT-TTTTT:TT:TT.TTTZ";
/// Mark for 16 hexadecimal digits that differ in every sending, so that no store can profit from equal bytes.
pub const RANDOM: &str = "################";

const MESSAGE_ID_DIGITS: usize = 16;
const USER_ID_DIGITS: usize = 9;

/// The offsets of all places of a rendered request.
#[derive(Debug, Clone)]
pub struct Template {
    bytes: Vec<u8>,
    message_ids: Vec<usize>,
    user_ids: Vec<usize>,
    timestamps: Vec<usize>,
    randoms: Vec<usize>,
}

impl Template {
    /// An HTTP/1.1 keep-alive POST of `body` (JSON text with marks in it) to `path`.
    ///
    /// `authorization` is the whole value of that header; empty leaves the header out.
    pub fn post(host: &str, path: &str, authorization: &str, body: &str) -> Self {
        let authorization =
            if authorization.is_empty() { String::new() } else { format!("authorization: {authorization}\r\n") };
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\n{authorization}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes();
        Self {
            message_ids: places(&bytes, MESSAGE_ID, MESSAGE_ID.len() - MESSAGE_ID_DIGITS),
            user_ids: places(&bytes, USER_ID, USER_ID.len() - USER_ID_DIGITS),
            timestamps: places(&bytes, TIMESTAMP, 0),
            randoms: places(&bytes, RANDOM, 0),
            bytes,
        }
    }

    /// The request with its marks still in it: every connection sends from a copy of this.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many events one request carries.
    pub fn events(&self) -> usize {
        self.message_ids.len()
    }

    /// How many random places one request has.
    pub fn randoms(&self) -> usize {
        self.randoms.len()
    }

    /// Writes the message id of the event at `index`: `bench-` and 16 decimal digits.
    pub fn put_message_id(&self, request: &mut [u8], index: usize, id: u64) {
        put_decimal(&mut request[self.message_ids[index]..][..MESSAGE_ID_DIGITS], id);
    }

    /// Writes the user id of the event at `index`: `customer-` and nine decimal digits.
    pub fn put_user_id(&self, request: &mut [u8], index: usize, customer: u64) {
        put_decimal(&mut request[self.user_ids[index]..][..USER_ID_DIGITS], customer);
    }

    /// Writes one instant into every timestamp place (`sentAt` too, so that no skew correction moves the events).
    pub fn put_timestamps(&self, request: &mut [u8], rfc3339_millis: &[u8; TIMESTAMP.len()]) {
        for place in &self.timestamps {
            request[*place..][..TIMESTAMP.len()].copy_from_slice(rfc3339_millis);
        }
    }

    /// Writes 16 hexadecimal digits of `value` into the random place at `index`.
    pub fn put_random(&self, request: &mut [u8], index: usize, value: u64) {
        for (nibble, byte) in request[self.randoms[index]..][..RANDOM.len()].iter_mut().enumerate() {
            *byte = b"0123456789abcdef"[(value >> (nibble * 4) & 15) as usize];
        }
    }
}

fn places(bytes: &[u8], mark: &str, skip: usize) -> Vec<usize> {
    let found = bytes.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark.as_bytes());
    found.map(|(at, _)| at + skip).collect()
}

fn put_decimal(place: &mut [u8], mut value: u64) {
    for byte in place.iter_mut().rev() {
        *byte = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Template {
        let event =
            format!(r#"{{"messageId":"{MESSAGE_ID}","userId":"{USER_ID}","timestamp":"{TIMESTAMP}","r":"{RANDOM}"}}"#);
        Template::post("127.0.0.1:1", "/v1/batch", "Basic eA==", &format!(r#"{{"batch":[{event},{event}]}}"#))
    }

    fn body(request: &[u8]) -> serde_json::Value {
        let text = std::str::from_utf8(request).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn places_are_found_and_patched_in_place() {
        let template = template();
        assert_eq!((template.events(), template.randoms()), (2, 2));
        let mut request = template.bytes().to_vec();
        template.put_message_id(&mut request, 0, 7);
        template.put_message_id(&mut request, 1, u64::MAX);
        template.put_user_id(&mut request, 0, 1_999);
        template.put_user_id(&mut request, 1, 999_999_999);
        template.put_timestamps(&mut request, b"2026-01-31T23:59:59.007Z");
        template.put_random(&mut request, 0, 0xfedc_ba98_7654_3210);
        template.put_random(&mut request, 1, 0);

        assert_eq!(request.len(), template.bytes().len());
        let body = body(&request);
        let (first, second) = (&body["batch"][0], &body["batch"][1]);
        assert_eq!(first["messageId"], "bench-0000000000000007");
        assert_eq!(second["messageId"], "bench-6744073709551615");
        assert_eq!(first["userId"], "customer-000001999");
        assert_eq!(second["userId"], "customer-999999999");
        assert_eq!(first["timestamp"], "2026-01-31T23:59:59.007Z");
        assert_eq!(second["timestamp"], first["timestamp"]);
        assert_eq!(first["r"], "0123456789abcdef");
        assert_eq!(second["r"], "0000000000000000");
    }

    #[test]
    fn a_second_patch_replaces_the_first_whole() {
        let template = template();
        let mut request = template.bytes().to_vec();
        template.put_user_id(&mut request, 0, 123_456_789);
        template.put_user_id(&mut request, 0, 4);
        assert_eq!(body(&request)["batch"][0]["userId"], "customer-000000004");
    }

    #[test]
    fn no_authorization_no_header() {
        let plain = Template::post("h", "/floor", "", "{}");
        assert!(!std::str::from_utf8(plain.bytes()).unwrap().contains("authorization"));
    }
}
