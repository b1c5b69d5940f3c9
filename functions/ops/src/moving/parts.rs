//! The parts of an export: pieces behind each other, each with its length, packed.

use crate::moving::frame;
use crate::moving::manifest::{Manifest, replace};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use roadbook_runtime::ports::Piece;
use std::path::{Path, PathBuf};

/// A part unpacks to no more than this: a damaged one must not take all memory.
const UNPACKED_BYTES_MAX: usize = 1 << 30;
/// More effort costs much time here and saves little.
const LEVEL: i32 = 3;

fn path(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("part-{number:06}.zst"))
}

/// Writes a part and returns its hash.
///
/// # Errors
/// The disk says no.
pub fn write(folder: &Path, number: usize, pieces: &[Piece]) -> Result<String> {
    let (mut all, mut frame) = (Vec::new(), Vec::new());
    for piece in pieces {
        frame.clear();
        frame::write(piece, &mut frame);
        all.extend_from_slice(&u32::try_from(frame.len()).context("a piece of 4 GB")?.to_be_bytes());
        all.extend_from_slice(&frame);
    }
    let packed = zstd::bulk::compress(&all, LEVEL).context("pack a part")?;
    replace(&path(folder, number), &packed)?;
    Ok(blake3::hash(&packed).to_hex().to_string())
}

/// Reads a part that the manifest names.
///
/// # Errors
/// It is not there, or not what was written.
pub fn read(folder: &Path, manifest: &Manifest, number: usize) -> Result<Vec<Piece>> {
    let path = path(folder, number);
    let packed = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let damaged = || format!("{} is damaged: copy it again, or export again", path.display());
    if manifest.parts.get(number).is_none_or(|hash| *hash != blake3::hash(&packed).to_hex().to_string()) {
        bail!(damaged());
    }
    let length = zstd::zstd_safe::get_frame_content_size(&packed).ok().flatten();
    let length = length.and_then(|length| usize::try_from(length).ok()).filter(|length| *length <= UNPACKED_BYTES_MAX);
    let all = zstd::bulk::decompress(&packed, length.with_context(damaged)?).with_context(damaged)?;
    let mut all = Bytes::from(all);
    let mut pieces = Vec::new();
    while !all.is_empty() {
        let length = all.split_first_chunk::<4>().map(|(length, _)| u32::from_be_bytes(*length) as usize);
        let end = length.map(|length| 4 + length).filter(|end| *end <= all.len()).with_context(damaged)?;
        let frame = all.split_to(end).slice(4..);
        pieces.push(frame::read(&frame).with_context(damaged)?);
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moving::frame::tests::pieces;

    #[test]
    fn parts_read_back_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::new("here", &[7; 32]);
        manifest.parts.push(write(folder.path(), 0, &pieces()).unwrap());
        assert!(read(folder.path(), &manifest, 0).unwrap() == pieces());
        let path = path(folder.path(), 0);
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(read(folder.path(), &manifest, 0).err().unwrap().to_string().contains("is damaged"));
        assert!(read(folder.path(), &manifest, 1).err().unwrap().to_string().contains("cannot read"));
    }
}
