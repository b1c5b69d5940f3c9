//! The little of an HTTP/1.1 answer a load generator needs: status line, `content-length`, body.
//!
//! Deliberately not a client: no chunked bodies, no trailers, no informational answers. A server that sends those is
//! reported as malformed rather than misread, because a misread answer would count as a success.

use std::ops::Range;

/// One complete answer at the front of a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code, e.g. 200.
    pub status: u16,
    /// Where the body lies in the buffer; its end is the end of the answer.
    pub body: Range<usize>,
}

/// The bytes are not an answer this parser can delimit; the text says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// Longest head accepted, bytes: a server that sends more is not answering HTTP.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Parses the answer at the front of `buffer`; `Ok(None)` means more bytes are needed.
///
/// # Errors
/// [`Malformed`] when the bytes are not HTTP/1.1 or the length of the body is not given by `content-length`.
pub fn parse(buffer: &[u8]) -> Result<Option<Answer>, Malformed> {
    let Some(head_end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if buffer.len() > HEAD_BYTES_MAX { Err(Malformed("head without an end")) } else { Ok(None) };
    };
    let mut lines = buffer[..head_end].split(|byte| *byte == b'\n');
    let status = status(lines.next().unwrap_or_default())?;
    let mut length = None;
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return Err(Malformed("header line without a colon"));
        };
        if line[..colon].eq_ignore_ascii_case(b"content-length") {
            length = Some(number(line[colon + 1..].trim_ascii()).ok_or(Malformed("content-length is not a number"))?);
        }
    }
    let length = match length {
        Some(length) => length,
        None if status == 204 => 0,
        None => return Err(Malformed("answer without content-length")),
    };
    let start = head_end + 4;
    let end = start.checked_add(length).ok_or(Malformed("content-length is absurd"))?;
    Ok((buffer.len() >= end).then_some(Answer { status, body: start..end }))
}

fn status(line: &[u8]) -> Result<u16, Malformed> {
    let digits = line
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .ok_or(Malformed("first line is not an HTTP/1.1 status line"))?;
    number(digits).and_then(|code| u16::try_from(code).ok()).ok_or(Malformed("status is not a number"))
}

fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0usize, |sum, digit| {
        digit.is_ascii_digit().then_some(())?;
        sum.checked_mul(10)?.checked_add(usize::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCONTENT-length:  16\r\n\r\n{\"success\":true}";

    #[test]
    fn a_whole_answer_is_delimited() {
        let answer = parse(OK).unwrap().unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(&OK[answer.body.clone()], b"{\"success\":true}");
        assert_eq!(answer.body.end, OK.len());
    }

    #[test]
    fn every_cut_before_the_end_asks_for_more() {
        for cut in 0..OK.len() {
            assert_eq!(parse(&OK[..cut]), Ok(None), "cut at {cut}");
        }
    }

    #[test]
    fn bytes_after_the_answer_are_left_alone() {
        let two = [OK, OK].concat();
        assert_eq!(parse(&two).unwrap().unwrap().body.end, OK.len());
    }

    #[test]
    fn no_content_needs_no_length() {
        let answer = parse(b"HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n").unwrap().unwrap();
        assert_eq!((answer.status, answer.body.len()), (204, 0));
    }

    #[test]
    fn what_cannot_be_delimited_is_refused() {
        for bytes in [
            &b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 2x0 OK\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 1x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
        ] {
            assert!(parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
        assert!(parse(&vec![b'a'; HEAD_BYTES_MAX + 1]).is_err());
    }
}
