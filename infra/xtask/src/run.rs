//! Commands that run to their end.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Lines of a failed command's output that are shown; the file holds them all.
const SHOWN_LINES_MAX: usize = 400;

/// Runs a command and keeps quiet about it unless it fails: then its output is the error. All of it goes to `log`.
///
/// # Errors
/// A program that is not there, or one that ends with anything but success.
pub fn quietly(command: &mut Command, log: &Path) -> Result<()> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let output = fs::File::create(log).with_context(|| format!("write {}", log.display()))?;
    // It is read in a file, or in the log of a CI machine.
    command.env("CARGO_TERM_COLOR", "never").env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let status = command.status().with_context(|| not_started(command))?;
    if status.success() {
        return Ok(());
    }
    bail!("`{}` ended with {status}\n{}\n(all of it: {})", shown(command), tail(log), log.display())
}

/// Runs a command in front of the reader.
///
/// # Errors
/// A program that is not there, or one that ends with anything but success.
pub fn openly(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| not_started(command))?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs a command and returns what it prints.
///
/// # Errors
/// A program that is not there, or one that ends with anything but success: its standard error is the reason.
pub fn answer(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| not_started(command))?;
    if !output.status.success() {
        bail!("`{}` ended with {}\n{}", shown(command), output.status, String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).with_context(|| format!("read what `{}` printed", shown(command)))
}

/// The last lines of a file; nothing where it cannot be read.
pub fn tail(file: &Path) -> String {
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES_MAX)..].join("\n")
}

fn not_started(command: &Command) -> String {
    format!("cannot start `{}`; is {} installed?", shown(command), command.get_program().to_string_lossy())
}

/// A command as a person would type it. Arguments only: its environment may hold keys.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
