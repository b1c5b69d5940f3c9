//! Finds the settings of a folder, and shows them.

use crate::cli::Place;
use anyhow::{Context, Result};
use roadbook_app::{Config, Resolved, Setting, Source};
use serde_json::json;
use std::process::ExitCode;

/// `--config`, or `roadbook.toml` in the data folder, then the environment, then `--port`.
///
/// # Errors
/// An unreadable file, or every problem in the settings at once.
pub fn load(place: &Place, port: Option<u16>) -> Result<Config> {
    Ok(resolve(place, port)?.usable()?)
}

#[expect(clippy::disallowed_methods, reason = "binaries read the environment, once, here")]
fn resolve(place: &Place, port: Option<u16>) -> Result<Resolved> {
    let text = match &place.config {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => std::fs::read_to_string(place.data.join("roadbook.toml")).unwrap_or_default(),
    };
    let mut resolved = Resolved::new(&text, std::env::vars());
    if let Some(port) = port {
        resolved.flag("port", "--port", i64::from(port));
    }
    Ok(resolved)
}

/// Prints every setting with its unit and who set it, and everything that is wrong.
///
/// # Errors
/// An unreadable file.
pub fn show(place: &Place, port: Option<u16>, as_json: bool) -> Result<ExitCode> {
    let resolved = resolve(place, port)?;
    let (settings, problems) = (resolved.settings(), resolved.problems());
    if as_json {
        println!("{}", serde_json::to_string_pretty(&json!({ "settings": settings, "problems": problems }))?);
    } else {
        // Tables come last in TOML: a plain setting after one would belong to it.
        let (plain, tables): (Vec<&Setting>, Vec<&Setting>) =
            settings.iter().partition(|setting| !setting.value.is_array() && !setting.value.is_table());
        plain.into_iter().chain(tables).try_for_each(print)?;
        problems.iter().for_each(|problem| eprintln!("problem: {problem}"));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One setting, as `roadbook.toml` would have it.
fn print(setting: &Setting) -> Result<()> {
    let Setting { name, value, unit, from } = setting;
    let from = match from {
        Source::Default => "default".to_owned(),
        Source::File => "file".to_owned(),
        Source::Environment(name) | Source::Flag(name) => name.clone(),
    };
    let about = if unit.is_empty() { from } else { format!("{unit}, {from}") };
    let table = toml::Table::from_iter([(name.clone(), value.clone())]);
    let text = toml::to_string(&table)?;
    match text.trim().lines().collect::<Vec<_>>()[..] {
        [line] => println!("{line:<52} # {about}"),
        _ => println!("\n# {name}: {about}\n{}", text.trim()),
    }
    Ok(())
}
