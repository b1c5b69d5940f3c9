//! A file that comes as it is, or packed with gzip, piece by piece, up to a limit.

use crate::body;
use crate::failure::Failure;
use axum::http::HeaderMap;
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use std::io::Write;

/// Bytes of a packed body taken at once: gzip packs at most about a thousand to one, so they become some megabytes.
const PIECE_BYTES: usize = 4 * 1024;

/// Unpacks, or passes on.
pub(super) struct Inflate {
    form: Form,
    left: usize,
    max: usize,
}

enum Form {
    Plain,
    /// Nothing announced it: the first two bytes will tell.
    Unknown,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

impl Inflate {
    pub(super) fn new(headers: &HeaderMap, max: usize) -> Result<Self, Failure> {
        let form = match body::announced(headers)? {
            body::Packing::Gzip => Form::gzip(),
            body::Packing::Unsaid => Form::Unknown,
        };
        Ok(Self { form, left: max, max })
    }

    /// The pieces in which these bytes are to be pushed.
    pub(super) fn pieces<'a>(&mut self, data: &'a Bytes) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        if matches!(self.form, Form::Unknown) && !data.is_empty() {
            // A text does not begin with this byte, so one is enough.
            self.form = if data.starts_with(&[0x1f]) { Form::gzip() } else { Form::Plain };
        }
        let size = match self.form {
            Form::Plain | Form::Unknown => data.len().max(1),
            Form::Gzip(_) => PIECE_BYTES,
        };
        data.chunks(size)
    }

    /// What these bytes are.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Vec<u8>, Failure> {
        let plain = match &mut self.form {
            Form::Plain | Form::Unknown => piece.to_vec(),
            Form::Gzip(decoder) => {
                decoder.write_all(piece).map_err(|_| body::malformed_gzip())?;
                std::mem::take(decoder.get_mut())
            }
        };
        self.count(plain)
    }

    /// What was held back.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>, Failure> {
        let plain = match &mut self.form {
            Form::Plain | Form::Unknown => Vec::new(),
            Form::Gzip(decoder) => {
                decoder.try_finish().map_err(|_| body::malformed_gzip())?;
                std::mem::take(decoder.get_mut())
            }
        };
        self.count(plain)
    }

    fn count(&mut self, plain: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.left = self.left.checked_sub(plain.len()).ok_or_else(|| body::too_large(self.max))?;
        Ok(plain)
    }
}

impl Form {
    fn gzip() -> Self {
        Form::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))
    }
}
