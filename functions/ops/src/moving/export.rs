//! Out of a store, part by part. Killed and started again it goes on behind the last part that is whole.

use crate::folder;
use crate::moving::manifest::Manifest;
use crate::moving::source::{Source, walk};
use crate::moving::tally::Tally;
use crate::moving::{Pace, manifest, parts, travels};
use crate::place::Place;
use anyhow::{Context, Result, bail};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Exports an installation into a folder.
///
/// # Errors
/// The source is being served or has turns that wait, the folder holds something else, or one of them says no.
pub async fn export(from: &Place, to: &Path, with_key: bool, pace: Pace) -> Result<()> {
    let source = Source::open(from).await?;
    let (mut manifest, resumed) = begin(from, to, &source)?;
    if with_key {
        folder::write_key(&folder::key(to), &source.master)?;
    }
    if !manifest.is_complete {
        if resumed {
            println!("Going on behind {} parts.", manifest.parts.len());
        }
        read_on(&source, to, pace, &mut manifest).await?;
        if resumed {
            must_be_unchanged(&source, pace, &manifest).await?;
        }
        manifest.is_complete = true;
        manifest.write(to)?;
    }
    println!("{from} is in {}: {} parts", to.display(), manifest.parts.len());
    print!("{}", manifest.spaces);
    if with_key {
        println!("Its master.key lies beside. Who has this folder has everything: keep it as you keep the key.");
    } else {
        println!(
            "The master key does NOT lie beside. It must travel too: without it no arriving identifier finds its \
             customer. An import asks for it with --key FILE."
        );
    }
    Ok(())
}

/// The manifest to go on with, and whether a former run left it.
fn begin(from: &Place, to: &Path, source: &Source) -> Result<(Manifest, bool)> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(to)
        .with_context(|| format!("cannot make {}", to.display()))?;
    let fresh = Manifest::new(&from.to_string(), &source.master);
    match Manifest::read(to)? {
        Some(there) if there.from != fresh.from || there.key_check != fresh.key_check => {
            bail!("{} holds an export of {}; name another folder", to.display(), there.from)
        }
        Some(there) if there.is_complete => {
            bail!(
                "{} holds a complete export of {} already; name another folder for a new one",
                to.display(),
                there.from
            )
        }
        Some(there) => Ok((there, true)),
        None if std::fs::read_dir(to)?.next().is_some() => {
            bail!("{} is not empty and holds no export; name another folder", to.display())
        }
        None => {
            fresh.write(to)?;
            Ok((fresh, false))
        }
    }
}

async fn read_on(source: &Source, to: &Path, pace: Pace, manifest: &mut Manifest) -> Result<()> {
    let mut place = match &manifest.next {
        Some(next) => Some(unhex(next).context("the manifest's `next` is no place")?),
        // Everything was read; only the last word is missing.
        None if !manifest.parts.is_empty() => return Ok(()),
        None => None,
    };
    loop {
        let (pieces, next) = source.whole.pieces(place.as_deref(), pace.part_pieces).await?;
        let pieces: Vec<_> = pieces.into_iter().filter(travels).collect();
        let number = manifest.parts.len();
        manifest.parts.push(parts::write(to, number, &pieces)?);
        pieces.iter().for_each(|piece| manifest.spaces.add(piece));
        manifest.next = next.as_deref().map(hex);
        manifest.write(to)?;
        eprintln!("part {}: {} pieces so far", number + 1, manifest.spaces.count());
        if next.is_none() {
            return Ok(());
        }
        place = next;
    }
}

/// Between two runs somebody may have served the source: then the parts are of two different days.
async fn must_be_unchanged(source: &Source, pace: Pace, manifest: &manifest::Manifest) -> Result<()> {
    let mut now = Tally::default();
    walk(source.whole.as_ref(), pace.part_pieces, |piece| now.add(piece)).await?;
    let differences = manifest.spaces.differences(&now);
    if !differences.is_empty() {
        bail!(
            "the source has changed since this export began ({}); remove its folder and export again",
            differences.join("; ")
        );
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let whole = text.len().is_multiple_of(2) && text.is_ascii();
    let byte = |place| u8::from_str_radix(text.get(place..place + 2)?, 16).ok();
    whole.then(|| (0..text.len()).step_by(2).map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_kept_as_text() {
        assert_eq!(unhex(&hex(&[0, 255, 16])), Some(vec![0, 255, 16]));
        assert_eq!((unhex("0"), unhex("zz"), unhex("")), (None, None, Some(Vec::new())));
    }
}
