//! Where the platforms are, and how long we wait for them.

use std::time::Duration;

use reqwest::Url;

/// Settings of all channels. The defaults are production values.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base URL of WeCom, without a path.
    pub wecom_base: String,
    /// Base URL of the mini-program platform, without a path.
    pub wechat_base: String,
    /// Longest wait for a connection. Until it stands, nothing was sent.
    pub connect_timeout: Duration,
    /// Longest wait for a whole answer. WeCom's own calls to us are cut at 5 s; we grant it twice that.
    pub answer_timeout: Duration,
    /// First of the pauses after a transient failure; the next ones are twice as long each.
    pub pause_base: Duration,
    /// First and shortest interval at which a handed-over task is asked for its result.
    pub poll_interval_min: Duration,
    /// Longest such interval; it grows with the age of the task.
    pub poll_interval_max: Duration,
    /// After this age an unconfirmed task counts as expired. Ours: the platform shows no end of a task.
    pub task_life: Duration,
    /// Which build of the mini-program a subscription message opens: `formal`, `trial` or `developer`.
    pub miniprogram_state: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            wecom_base: "https://qyapi.weixin.qq.com".to_owned(),
            wechat_base: "https://api.weixin.qq.com".to_owned(),
            connect_timeout: Duration::from_secs(3),
            answer_timeout: Duration::from_secs(10),
            pause_base: Duration::from_secs(1),
            poll_interval_min: Duration::from_secs(60),
            poll_interval_max: Duration::from_secs(2 * 3600),
            task_life: Duration::from_secs(7 * 24 * 3600),
            miniprogram_state: "formal".to_owned(),
        }
    }
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A base URL is not one.
    #[error("{name} must be a URL like https://host without path or query")]
    BaseUrl {
        /// The setting.
        name: &'static str,
    },
    /// Tokens would cross the network in the clear.
    #[error("{name} must use https; plain http is for a simulator on this machine (127.0.0.1, localhost)")]
    PlainHttp {
        /// The setting.
        name: &'static str,
    },
    /// The HTTP client refuses to start.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// Checks a base URL and returns it without a slash at its end.
pub(crate) fn base_url(name: &'static str, text: &str) -> Result<String, SettingsError> {
    let url = Url::parse(text).map_err(|_| SettingsError::BaseUrl { name })?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !bare || !url.has_host() {
        return Err(SettingsError::BaseUrl { name });
    }
    let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match url.scheme() {
        "https" => Ok(url.as_str().trim_end_matches('/').to_owned()),
        "http" if here => Ok(url.as_str().trim_end_matches('/').to_owned()),
        "http" => Err(SettingsError::PlainHttp { name }),
        _ => Err(SettingsError::BaseUrl { name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_travels_in_the_clear() {
        assert!(matches!(base_url("x", "http://example.com"), Err(SettingsError::PlainHttp { name: "x" })));
        assert_eq!(base_url("x", "http://127.0.0.1:9/").ok().as_deref(), Some("http://127.0.0.1:9"));
        assert_eq!(base_url("x", "https://example.com").ok().as_deref(), Some("https://example.com"));
        for text in ["example.com", "https://example.com/path", "ftp://example.com", "https://a@example.com", ""] {
            assert!(matches!(base_url("x", text), Err(SettingsError::BaseUrl { name: "x" })), "{text}");
        }
    }
}
