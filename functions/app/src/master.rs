//! The master key as text: 64 hex digits, in a file or a secret.

/// Reads it; `None` where the text is no key. Space around it does not count.
pub fn read_master(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; 32];
    for (place, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *place = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

/// Writes it.
pub fn write_master(key: &[u8; 32]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_and_nothing_else_does() {
        let key = [0x0f; 32];
        assert_eq!(read_master(&format!("{}\n", write_master(&key))), Some(key));
        for bad in ["", "planted", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            assert_eq!(read_master(bad), None, "{bad}");
        }
    }
}
