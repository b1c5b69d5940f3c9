//! How bytes are packed into an attribute.
//!
//! ```text
//! 0 | the bytes as they are
//! 1 | dictionary id, 2 bytes little-endian | a zstd frame
//! ```
//! A customer's state is small JSON with the same words in every row, so a dictionary does more than the compressor:
//! `infra/aws/README.md` has the numbers. Dictionaries ship in the binary. An id is never given to another dictionary
//! and none is ever removed: old rows are unpacked with the one they name.

use bytes::Bytes;
use roadbook_runtime::ports::Fault;
use std::sync::OnceLock;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{CParameter, get_frame_content_size};

const RAW: u8 = 0;
const ZSTD: u8 = 1;
const HEADER: usize = 3;
/// Nothing packed unpacks to more than this: a damaged frame must not take all memory.
const UNPACKED_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Smaller bytes stay as they are: the header would cost more than it saves.
const PACKED_FROM_BYTES: usize = 48;
/// Three is where more effort stops paying for rows of a kilobyte or two.
const LEVEL: i32 = 3;

/// The dictionary that packs. A version that does not know a dictionary cannot read what it packed: ship a new one a
/// release before it is named here, or the way back to the former release is closed.
const PACKING: u16 = 2;

/// The dictionaries by id, oldest first. One packs; all of them unpack.
pub const DICTIONARIES: &[(u16, &[u8])] =
    &[(1, include_bytes!("../dictionaries/1.dict")), (2, include_bytes!("../dictionaries/2.dict"))];

struct Dictionary {
    id: u16,
    encoder: EncoderDictionary<'static>,
    decoder: DecoderDictionary<'static>,
}

/// Prepared when the first bytes are packed or unpacked, not when the process starts: a cold start pays for nothing
/// it does not use.
fn dictionaries() -> &'static [Dictionary] {
    static PREPARED: OnceLock<Vec<Dictionary>> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let prepare = |(id, bytes): &(u16, &[u8])| Dictionary {
            id: *id,
            encoder: EncoderDictionary::copy(bytes, LEVEL),
            decoder: DecoderDictionary::copy(bytes),
        };
        DICTIONARIES.iter().map(prepare).collect()
    })
}

/// Packs bytes, where that makes them smaller.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let packed = if bytes.len() >= PACKED_FROM_BYTES { compress(bytes) } else { None };
    packed.filter(|packed| packed.len() <= bytes.len()).unwrap_or_else(|| {
        let mut out = Vec::with_capacity(1 + bytes.len());
        out.push(RAW);
        out.extend_from_slice(bytes);
        out
    })
}

fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    let dictionary = dictionaries().iter().find(|one| one.id == PACKING)?;
    let mut compressor = Compressor::with_prepared_dictionary(&dictionary.encoder).ok()?;
    // Our own header names the dictionary, in half the bytes.
    compressor.set_parameter(CParameter::DictIdFlag(false)).ok()?;
    let frame = compressor.compress(bytes).ok()?;
    let mut out = Vec::with_capacity(HEADER + frame.len());
    out.push(ZSTD);
    out.extend_from_slice(&dictionary.id.to_le_bytes());
    out.extend_from_slice(&frame);
    Some(out)
}

/// Unpacks what [`pack`] made, in this version or an older one.
///
/// # Errors
/// [`Fault::Corrupt`] where the bytes are not packed bytes, or name a dictionary that this version does not have.
pub fn unpack(packed: &[u8]) -> Result<Bytes, Fault> {
    match packed {
        [RAW, bytes @ ..] => Ok(Bytes::copy_from_slice(bytes)),
        [ZSTD, low, high, frame @ ..] => decompress(u16::from_le_bytes([*low, *high]), frame),
        [] | [_, ..] => Err(Fault::Corrupt("packed bytes of an unknown form".into())),
    }
}

fn decompress(id: u16, frame: &[u8]) -> Result<Bytes, Fault> {
    let unknown = || Fault::Corrupt(format!("packed bytes name dictionary {id}, which this version does not have"));
    let damaged = || Fault::Corrupt("packed bytes that cannot be unpacked".into());
    let dictionary = dictionaries().iter().find(|one| one.id == id).ok_or_else(unknown)?;
    let size = get_frame_content_size(frame).ok().flatten().ok_or_else(damaged)?;
    if size > UNPACKED_BYTES_MAX {
        return Err(damaged());
    }
    let mut decompressor = Decompressor::with_prepared_dictionary(&dictionary.decoder).map_err(|_| damaged())?;
    let bytes = decompressor.decompress(frame, usize::try_from(size).unwrap_or(0)).map_err(|_| damaged())?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_back() {
        let words = "the same words again and again, ".repeat(40);
        let noise: Vec<u8> = (0..2_000u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
        for bytes in [b"".as_slice(), b"x", words.as_bytes(), &noise, &[0; 100_000]] {
            assert_eq!(unpack(&pack(bytes)).as_deref(), Ok(bytes));
            assert!(pack(bytes).len() <= bytes.len() + 1, "packing never costs more than its mark");
        }
        assert!(pack(words.as_bytes()).len() < 100);
    }

    #[test]
    fn damage_is_told() {
        let packed = pack("the same words again and again, ".repeat(40).as_bytes());
        assert_eq!(packed[0], ZSTD);
        let unknown = [&[ZSTD, 0xff, 0xff], &packed[3..]].concat();
        for bad in [&b""[..], b"\x07abc", b"\x01", b"\x01\x01\x00", &packed[..packed.len() - 1], &unknown] {
            assert!(matches!(unpack(bad), Err(Fault::Corrupt(_))));
        }
    }

    /// Rows of ten years ago name their dictionary by its id.
    #[test]
    fn a_dictionary_keeps_its_id_for_ever() {
        let mut ids: Vec<u16> = DICTIONARIES.iter().map(|(id, _)| *id).collect();
        ids.dedup();
        assert_eq!(ids, (1..=ids.len()).map(|id| u16::try_from(id).unwrap()).collect::<Vec<_>>());
        assert!(ids.contains(&PACKING));
        for (id, bytes) in DICTIONARIES {
            let written = zstd::zstd_safe::get_dict_id_from_dict(bytes).map(std::num::NonZeroU32::get);
            assert_eq!(written, Some(u32::from(*id)), "the id is written in the dictionary too");
        }
    }
}
