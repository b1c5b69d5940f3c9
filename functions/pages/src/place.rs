//! The place a person wanted to be at before they had to sign in.

const PLACE_BYTES_MAX: usize = 1_024;

/// A place of the console, or nothing: an address of somebody else's never becomes a redirect of ours.
pub(crate) fn ours(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("/console")?;
    let bounded = rest.is_empty() || rest.starts_with('/') || rest.starts_with('?');
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    // Going back to these would be a circle, or end what has just begun.
    let circle = ["/sign-in", "/sign-out", "/live/stream"].iter().any(|path| rest.starts_with(path));
    (bounded && plain && !circle && text.len() <= PLACE_BYTES_MAX).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::ours;

    #[test]
    fn only_places_of_the_console_are_ours() {
        for place in ["/console", "/console/", "/console/customers/cus_1?kind=events", "/console?lang=zh"] {
            assert_eq!(ours(place), Some(place));
        }
        for place in [
            "",
            "/",
            "//evil.example/console",
            "https://evil.example",
            "/consoles",
            "/console@evil.example",
            "/console/\\evil",
            "/console/\r\nX: y",
            "/console/sign-in",
            "/v1/segments",
        ] {
            assert_eq!(ours(place), None, "{place}");
        }
    }
}
