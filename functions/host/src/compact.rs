//! `roadbook compact`: the store in its smallest form.

use crate::assemble;
use crate::cli::Place;
use crate::config;
use anyhow::Result;

/// Compacts the folder.
///
/// # Errors
/// Another process serves it, or it cannot be written.
pub fn run(place: &Place) -> Result<()> {
    let opened = assemble::open(&place.data, &config::load(place, None)?)?;
    opened.store.compact()?;
    println!("compacted {}", place.data.display());
    Ok(())
}
