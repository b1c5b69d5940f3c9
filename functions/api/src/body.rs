//! Request bodies: read up to a limit, unpacked up to a limit.

use crate::failure::Failure;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use std::io::Read;
use std::time::Duration;

/// How long a body may take to arrive. Clients repeat what is answered 408.
const ARRIVAL_MAX: Duration = Duration::from_secs(30);
/// Bytes of a body that is too large which are read and thrown away. A client that is still sending would lose the
/// answer with the connection; one that sends more than this does.
const DISCARDED_BYTES_MAX: usize = 32 * 1024 * 1024;
const CHUNK_BYTES: usize = 16 * 1024;

/// Reads a body of at most `max` bytes.
pub(crate) async fn read(headers: &HeaderMap, body: Body, max: usize) -> Result<Bytes, Failure> {
    match tokio::time::timeout(ARRIVAL_MAX, collect(headers, body, max)).await {
        Ok(result) => result,
        Err(_) => Err(Failure::busy(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body did not arrive in 30 s")),
    }
}

async fn collect(headers: &HeaderMap, mut body: Body, max: usize) -> Result<Bytes, Failure> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max) {
        discard(body).await;
        return Err(too_large(max));
    }
    // Almost every body of one event is one frame: it is taken as it is, without a copy.
    let Some(first) = next(&mut body).await? else { return Ok(Bytes::new()) };
    if first.len() <= max && HttpBody::is_end_stream(&body) {
        return Ok(first);
    }
    let mut all = Vec::with_capacity(announced.unwrap_or(first.len()).min(max));
    let mut frame = Some(first);
    while let Some(data) = frame {
        if all.len() + data.len() > max {
            discard(body).await;
            return Err(too_large(max));
        }
        all.extend_from_slice(&data);
        frame = next(&mut body).await?;
    }
    Ok(all.into())
}

/// The next data of a body. Trailers say nothing here.
pub(crate) async fn next(body: &mut Body) -> Result<Option<Bytes>, Failure> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(_)) => return Err(bad("body_interrupted", "the body ended before its announced length")),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads what a client is still sending and throws it away, up to a limit.
pub(crate) async fn discard(mut body: Body) {
    let mut left = DISCARDED_BYTES_MAX;
    while let Ok(Some(data)) = next(&mut body).await {
        match left.checked_sub(data.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// Unpacks a gzip body: announced by `Content-Encoding`, or recognised by its first two bytes, because some clients
/// forget the header. Stops at `max` bytes whatever the body would become.
pub(crate) fn unpack(headers: &HeaderMap, body: Bytes, max: usize) -> Result<Bytes, Failure> {
    let packed = match announced(headers)? {
        Packing::Gzip => true,
        Packing::Unsaid => body.starts_with(&[0x1f, 0x8b]),
    };
    if packed { inflate(&body, max) } else { Ok(body) }
}

/// What the headers say about a body.
pub(crate) enum Packing {
    /// It is packed with gzip.
    Gzip,
    /// Nothing: it is plain, or the client forgot the header.
    Unsaid,
}

/// How a body is packed, as far as its headers say.
pub(crate) fn announced(headers: &HeaderMap) -> Result<Packing, Failure> {
    match headers.get(header::CONTENT_ENCODING).map(|name| name.as_bytes().trim_ascii()) {
        None | Some(b"" | b"identity") => Ok(Packing::Unsaid),
        Some(name) if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") => Ok(Packing::Gzip),
        Some(_) => {
            let detail = "send the body as it is, or with `Content-Encoding: gzip`";
            Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unknown_content_encoding", detail))
        }
    }
}

fn inflate(body: &[u8], max: usize) -> Result<Bytes, Failure> {
    // The last four bytes of a gzip body say how long it becomes. It may lie: it only sizes the first allocation.
    let said = body.last_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length) as usize);
    let mut out = Vec::with_capacity(said.min(max));
    let mut decoder = MultiGzDecoder::new(body);
    let mut chunk = [0; CHUNK_BYTES];
    loop {
        match decoder.read(&mut chunk) {
            Ok(0) => return Ok(out.into()),
            Ok(read) if out.len() + read > max => return Err(too_large(max)),
            Ok(read) => out.extend_from_slice(&chunk[..read]),
            Err(_) => return Err(malformed_gzip()),
        }
    }
}

pub(crate) fn malformed_gzip() -> Failure {
    bad("malformed_gzip", "the body is not valid gzip, or was cut off")
}

pub(crate) fn too_large(max: usize) -> Failure {
    let detail = format!("the body is larger than {max} bytes; send smaller batches");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

fn bad(code: &'static str, detail: &str) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, code, detail)
}
