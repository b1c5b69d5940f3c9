//! Logs: one line per event on standard error, lower-case messages, dotted fields. Personal data cannot reach them by
//! accident: it lives in `Personal`, whose `Debug` and `Display` print a mask.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object per line, for collectors.
    Json,
}

/// What others' libraries may log at most. The AWS SDK writes whole requests and answers at `trace`, and with them what
/// customers are.
const CAPS: [&str; 1] = ["aws=info"];

/// The filter asked for, under the caps; `None` where it cannot be read.
fn capped(filter: &str) -> Option<EnvFilter> {
    let asked = EnvFilter::try_new(filter).ok()?;
    let caps = CAPS.iter().filter_map(|cap| cap.parse().ok());
    Some(caps.fold(asked, EnvFilter::add_directive))
}

/// Starts logging. `filter` follows the `RUST_LOG` syntax; an unreadable one becomes `info`, and says so.
pub fn start(format: Format, filter: &str) {
    let parsed = capped(filter);
    let unreadable = parsed.is_none();
    let builder = fmt::fmt()
        .with_env_filter(parsed.unwrap_or_else(|| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        .with_target(false);
    let started = match format {
        Format::Text => builder.compact().try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    if started.is_ok() && unreadable {
        tracing::warn!("the log filter cannot be read; logging at info");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_aws_sdk_writes_no_request_into_the_log_however_much_was_asked_for() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = fmt::fmt().with_env_filter(capped("trace").unwrap()).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(log, || {
            tracing::trace!(target: "aws_smithy_runtime::client::orchestrator", "a whole request");
            tracing::trace!(target: "aws_sdk_dynamodb::config", "another");
            tracing::trace!("ours");
            tracing::warn!(target: "aws_config", "a warning");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("ours") && text.contains("a warning"), "{text}");
        assert!(!text.contains("request") && !text.contains("another"), "{text}");
    }
}
