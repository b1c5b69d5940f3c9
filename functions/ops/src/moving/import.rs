//! Into a store, part by part. Killed and started again it goes on with the part that was not noted as done; a part that
//! is written twice is the same.

use crate::moving::manifest::Manifest;
use crate::moving::source::walk;
use crate::moving::tally::Tally;
use crate::moving::target::{Target, key_of};
use crate::moving::{Pace, parts, progress_key};
use crate::place::Place;
use anyhow::{Context, Result, bail};
use roadbook_runtime::ports::{Commit, Expect, Fault, Item, Put};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How far an import is, as noted in the store it fills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    /// Which export.
    export: String,
    /// Parts that are in.
    parts: usize,
}

/// The note, and its version.
type Noted = Option<(Progress, u64)>;

/// Imports an export into an installation that holds nothing.
///
/// # Errors
/// The export is not complete or its key is missing, the target holds something else or is being served, or what is there
/// in the end is not what the export says.
pub async fn import(from: &Path, to: &Place, key: Option<&Path>, pace: Pace) -> Result<()> {
    let manifest = Manifest::read(from)?.with_context(|| format!("{} holds no export", from.display()))?;
    if !manifest.is_complete {
        bail!("the export in {} was interrupted; run the same export again, it goes on", from.display());
    }
    let key = key_of(&manifest, from, key)?;
    let target = Target::open(to).await?;
    let noted = read(&target).await?;
    let mut noted = match noted {
        Some((progress, _)) if progress.export != manifest.id() => {
            bail!("{to} is half full of another export; go on with that one, or empty it")
        }
        Some((progress, version)) => {
            println!("Going on behind {} parts.", progress.parts);
            Some((progress, version))
        }
        None => match begin(&target, to, &manifest, pace).await? {
            Begun::Empty => None,
            Begun::There => {
                println!("Everything is in {to} already.");
                return target.close();
            }
        },
    };
    if noted.is_none() {
        // First the note: whoever finds something behind it knows whose it is.
        noted = Some(note(&target, None, Progress { export: manifest.id(), parts: 0 }).await?);
    }
    target.take_key(&key).await?;
    let Some((progress, mut version)) = noted else { bail!("an import without its note") };
    for number in progress.parts..manifest.parts.len() {
        let pieces = parts::read(from, &manifest, number)?;
        target.whole.restore(pieces).await.with_context(|| format!("part {number}"))?;
        let done = Progress { export: manifest.id(), parts: number + 1 };
        (_, version) = note(&target, Some(version), done).await?;
        eprintln!("part {} of {}", number + 1, manifest.parts.len());
    }
    must_be_whole(&target, &manifest, pace).await?;
    forget(&target, version).await?;
    println!("Everything of {} is in {to}, counted and compared:", from.display());
    print!("{}", manifest.spaces);
    target.close()
}

/// What was found where no import has left a note.
enum Begun {
    /// Nothing.
    Empty,
    /// Exactly what is to come.
    There,
}

async fn begin(target: &Target, to: &Place, manifest: &Manifest, pace: Pace) -> Result<Begun> {
    let mut there = Tally::default();
    walk(target.whole.as_ref(), pace.part_pieces, |piece| there.add(piece)).await?;
    if there.count() == 0 {
        return Ok(Begun::Empty);
    }
    let differences = there.differences(&manifest.spaces);
    if differences.is_empty() {
        return Ok(Begun::There);
    }
    bail!("{to} is not empty ({}); an import fills an empty installation only", differences.join("; "))
}

async fn must_be_whole(target: &Target, manifest: &Manifest, pace: Pace) -> Result<()> {
    let mut there = Tally::default();
    walk(target.whole.as_ref(), pace.part_pieces, |piece| there.add(piece)).await?;
    let differences = manifest.spaces.differences(&there);
    if !differences.is_empty() {
        bail!("what was written is not what is there ({}); empty the target and import again", differences.join("; "));
    }
    Ok(())
}

async fn read(target: &Target) -> Result<Noted> {
    let Some(item) = target.store.load(&progress_key()).await? else { return Ok(None) };
    let progress =
        serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("the note of an import", &error));
    Ok(Some((progress?, item.version)))
}

async fn note(target: &Target, was: Option<u64>, progress: Progress) -> Result<(Progress, u64)> {
    let version = was.unwrap_or(0) + 1;
    let body = serde_json::to_vec(&progress)?.into();
    let expect = was.map_or(Expect::Absent, Expect::Version);
    let put = Put { key: progress_key(), expect, item: Some(Item { version, body }) };
    let noted = target.store.commit(Commit { puts: vec![put], ..Commit::default() }).await;
    noted.context("note how far the import is: is another one under way?")?;
    Ok((progress, version))
}

async fn forget(target: &Target, version: u64) -> Result<()> {
    let put = Put { key: progress_key(), expect: Expect::Version(version), item: None };
    target.store.commit(Commit { puts: vec![put], ..Commit::default() }).await.context("take the note away")
}
