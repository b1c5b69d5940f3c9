//! One line of a file of events: NDJSON, each line an event as `/v1/batch` takes it.

use crate::inbound::{EVENT_BYTES_MAX, Item, Reading};
use crate::{Outcome, Rejected};
use roadbook_identity::TenantKeys;
use roadbook_kernel::{MessageId, Moment};
use serde_json::Value;

/// The id of the message that a line of a file is. `file` names the file's content, such as the hex digits of its hash:
/// the same line of the same file is the same message, and equal lines of one file are different ones.
pub fn line_message(keys: &TenantKeys, file: &str, number: u64) -> MessageId {
    keys.message(file, &format!("line {number}"))
}

/// Reads one line, with or without its line break; `number` counts from 1. An empty line is `None`. A pointer in the
/// answer begins at the event. An event without a time happened when the file was `accepted`.
pub fn read_line(line: &[u8], number: u64, keys: &TenantKeys, file: &str, accepted: Moment) -> Option<Outcome> {
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return None;
    }
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(error) => {
            let detail = format!("it is not UTF-8 at byte {} of the line", error.valid_up_to() + 1);
            let rejected = Rejected { code: "malformed_utf8".into(), pointer: String::new(), detail, index: 0 };
            return Some(Err((rejected, kept(line))));
        }
    };
    // A write key imports nothing, so what a line says of its evidence counts.
    let reading = Reading {
        keys,
        source: file,
        received: accepted,
        body: text,
        list: Some(""),
        call: None,
        batch_sent_at: None,
        trusted: true,
    };
    let outcome = reading.read(0, Item { raw: text, parsed: None });
    Some(match outcome {
        Ok(mut inbound) => {
            inbound.message = line_message(keys, file, number);
            Ok(inbound)
        }
        Err((mut rejected, event)) => {
            rejected.pointer = rejected.pointer.strip_prefix("/0").unwrap_or_default().to_owned();
            Err((rejected, event))
        }
    })
}

/// A line that is no JSON, for the dead letters: as text, cut to the size of the largest event.
pub fn kept(line: &[u8]) -> Value {
    let text = String::from_utf8_lossy(&line[..line.len().min(EVENT_BYTES_MAX)]);
    Value::String(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::TenantId;

    #[test]
    fn a_line_is_a_message_of_its_file() {
        let keys = TenantKeys::derive(&[7; 32], TenantId::from_u128(1));
        let at = Moment::from_millis(1_000);
        let read = |line: &str, number| read_line(line.as_bytes(), number, &keys, "file", at);
        let event = r#"{"type":"track","userId":"u-1","event":"Opened","messageId":"m-1"}"#;
        let first = read(event, 1).unwrap().unwrap();
        assert_eq!((first.message, first.occurred_at), (line_message(&keys, "file", 1), at));
        let second = read(&format!("\u{feff}{event}\r\n"), 2).unwrap().unwrap();
        assert_ne!(first.message, second.message, "the same words on another line are another message");
        assert!(read(" \r\n", 3).is_none());
        let reject = |line: &[u8]| {
            let (rejected, event) = read_line(line, 4, &keys, "file", at).unwrap().unwrap_err();
            (rejected.code.into_owned(), rejected.pointer, event.is_string())
        };
        assert_eq!(
            reject(br#"{"type":"track","userId":"u-1"}"#),
            ("event_name_missing".into(), "/event".into(), false)
        );
        assert_eq!(reject(b"{\"a\":\"\xff\"}"), ("malformed_utf8".into(), String::new(), true));
        assert_eq!(reject(format!("{event}{event}").as_bytes()), ("malformed_event".into(), String::new(), true));
        assert_eq!(reject(b"{"), ("malformed_event".into(), String::new(), true));
        assert_eq!(reject(b"[1]"), ("event_not_an_object".into(), String::new(), false));
    }
}
