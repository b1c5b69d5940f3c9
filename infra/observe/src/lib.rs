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

/// Starts logging. `filter` follows the `RUST_LOG` syntax; an unreadable one becomes `info`, and says so.
pub fn start(format: Format, filter: &str) {
    let parsed = EnvFilter::try_new(filter);
    let unreadable = parsed.is_err();
    let builder = fmt::fmt()
        .with_env_filter(parsed.unwrap_or_else(|_| EnvFilter::new("info")))
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
