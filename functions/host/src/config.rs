//! Finds the settings of a folder.

use crate::cli::Place;
use anyhow::{Context, Result};
use roadbook_app::Config;

/// `--config`, or `roadbook.toml` in the data folder, then the environment, then `--port`.
///
/// # Errors
/// An unreadable file, or every problem in the settings at once.
#[expect(clippy::disallowed_methods, reason = "binaries read the environment, once, here")]
pub fn load(place: &Place, port: Option<u16>) -> Result<Config> {
    let text = match &place.config {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => std::fs::read_to_string(place.data.join("roadbook.toml")).unwrap_or_default(),
    };
    let mut config = Config::load(&text, std::env::vars())?;
    if let Some(port) = port {
        config.port = port;
    }
    Ok(config)
}
