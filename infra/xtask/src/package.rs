//! `package`: the artefact that every function of the stack runs, where the template looks for it.

use crate::place::Place;
use crate::run;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Nothing to choose: there is one artefact.
#[derive(Args)]
pub struct Options {}

/// The profile of the root `Cargo.toml`.
pub const PROFILE: &str = "packed";
/// The newest C library that `provided.al2023` has. A program linked against a newer one does not start there.
const GLIBC_MAX: (u32, u32) = (2, 34);
/// What the artefact should weigh, zipped, in millions of bytes: every cold start pays for it.
const ZIPPED_MB_MAX: f64 = 12.0;

/// Builds, and says what came out.
///
/// # Errors
/// What the compiler says, or an artefact that would not start on Lambda.
pub fn run(place: &Place, _: &Options) -> Result<bool> {
    run::openly(&mut build(place))?;
    let artefact = lay_out(place)?;
    let zipped_mb = zipped_bytes(&artefact)? as f64 / 1e6;
    println!("{}", artefact.display());
    println!("zipped {zipped_mb:.1} MB, target at most {ZIPPED_MB_MAX} MB");
    println!("next: sam deploy --config-env dev");
    Ok(zipped_mb <= ZIPPED_MB_MAX)
}

/// The build alone. Cargo builds for this machine; the template's parameter `Architecture` must say the same.
pub fn build(place: &Place) -> Command {
    place.cargo(&["build", "--locked", "--profile", PROFILE, "--package", "roadbook-lambda"])
}

/// Puts the artefact where the template looks for it: below the repository, wherever cargo's own target folder is.
///
/// # Errors
/// A folder that cannot be written, or an artefact that would not start on Lambda.
pub fn lay_out(place: &Place) -> Result<PathBuf> {
    let built = place.program(PROFILE, "bootstrap");
    let bytes = fs::read(&built).with_context(|| format!("read {}", built.display()))?;
    if let Some((major, minor)) = newest_glibc(&bytes).filter(|needed| *needed > GLIBC_MAX) {
        bail!(
            "{} needs glibc {major}.{minor}, and provided.al2023 has {}.{}: build it on a machine with an older one",
            built.display(),
            GLIBC_MAX.0,
            GLIBC_MAX.1
        );
    }
    let folder = place.root.join("target/lambda");
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let artefact = folder.join("bootstrap");
    // A copy of its own: an emulator may still run the former one.
    let fresh = folder.join("bootstrap.new");
    fs::copy(&built, &fresh).with_context(|| format!("write {}", fresh.display()))?;
    fs::rename(&fresh, &artefact).with_context(|| format!("write {}", artefact.display()))?;
    Ok(artefact)
}

/// The newest version of the C library that a program asks for by name.
fn newest_glibc(program: &[u8]) -> Option<(u32, u32)> {
    const MARK: &[u8] = b"GLIBC_";
    let version = |at: usize| {
        let rest = program[at + MARK.len()..].iter();
        let text: String =
            rest.take(8).map(|byte| *byte as char).take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let mut parts = text.split('.').map(|part| part.parse().ok());
        Some((parts.next()??, parts.next()??))
    };
    let places = program.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    places.filter_map(|(at, _)| version(at)).max()
}

/// How long it is when zipped: the same compression as in the archive that goes to Lambda.
///
/// # Errors
/// A missing gzip, or an artefact that is not there.
pub fn zipped_bytes(artefact: &Path) -> Result<usize> {
    let mut zip = Command::new("gzip");
    let output = zip.arg("--stdout").arg(artefact).stderr(Stdio::inherit()).output().context("run gzip")?;
    if !output.status.success() {
        bail!("gzip ended with {}", output.status);
    }
    Ok(output.stdout.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_library_a_program_asks_for_is_found() {
        let program = b"\0GLIBC_2.4\0x\0GLIBC_2.34\0GLIBC_2.2.5\0GLIBC_PRIVATE\0GLIBC_";
        assert_eq!(newest_glibc(program), Some((2, 34)));
        assert_eq!(newest_glibc(b"static"), None);
    }
}
