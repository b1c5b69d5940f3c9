//! Settings: `roadbook.toml`, then the environment (`ROADBOOK_PORT`, ...), then flags. Every problem is reported at
//! once, each with the name of its setting.

use crate::oidc::Oidc;
use crate::settings::Resolved;
use serde::{Deserialize, Serialize};

/// All settings, with their defaults. Names end in their unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on. Loopback unless told otherwise.
    pub host: String,
    /// Port to listen on; 0 takes a free one and prints it.
    pub port: u16,
    /// Bytes of a request body as it comes over the wire.
    pub body_bytes_max: usize,
    /// Bytes of a request body after decompression.
    pub inflated_bytes_max: usize,
    /// Bytes of a file that is imported, after decompression.
    pub import_bytes_max: usize,
    /// Events in one batch.
    pub batch_events_max: usize,
    /// Events being worked on at once; above it requests are answered 429 before anything is taken.
    pub in_flight_events_max: usize,
    /// Free bytes the disk must keep; below it everything that writes is answered 503.
    pub disk_free_bytes_min: u64,
    /// Bytes of memory for the store's block cache.
    pub cache_bytes: u64,
    /// Bytes of memory for the store's write buffers.
    pub write_buffer_bytes: u64,
    /// Customers kept decoded in memory.
    pub awake_customers_max: usize,
    /// Seconds after which an idle customer leaves memory.
    pub idle_s: u64,
    /// Threads that run customers' turns.
    pub arbiters: usize,
    /// Milliseconds a request may look at customers one by one (previews, members) before it answers with what it has.
    pub scan_ms_max: u64,
    /// Seconds a stopping process may take to finish what it has.
    pub drain_s: u64,
    /// Requests of the secret API that one key or one person may make in a minute; 0 is no limit.
    pub rate_limit_per_minute: u32,
    /// Base URL of the WeCom API.
    pub wecom_url: String,
    /// Base URL of the mini-program API.
    pub miniprogram_url: String,
    /// Whether webhook endpoints may be called by plain http and at addresses inside this network: for tests, and for
    /// endpoints that stand beside this process.
    pub webhooks_allow_http: bool,
    /// WeCom corps this installation may send for.
    pub corps: Vec<Corp>,
    /// Mini-programs this installation may send for.
    pub miniprograms: Vec<MiniProgram>,
    /// Sign-in providers whose tokens are accepted.
    pub oidc: Vec<Oidc>,
}

/// Credentials of one WeCom app.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corp {
    /// Corp id (企业 ID).
    pub corp: String,
    /// Agent id of the app.
    pub agent: i64,
    /// Secret of the app.
    pub secret: String,
    /// The tenant that may send with it; the first tenant of the folder if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// Credentials of one mini-program.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MiniProgram {
    /// App id.
    pub appid: String,
    /// App secret.
    pub secret: String,
    /// The tenant that may send with it; the first tenant of the folder if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

impl std::fmt::Debug for Corp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Corp({}/{}, ***)", self.corp, self.agent)
    }
}

impl std::fmt::Debug for MiniProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MiniProgram({}, ***)", self.appid)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 8080,
            body_bytes_max: 500 * 1024,
            inflated_bytes_max: 4 * 1024 * 1024,
            import_bytes_max: 64 * 1024 * 1024,
            batch_events_max: 2_500,
            in_flight_events_max: 50_000,
            disk_free_bytes_min: 512 * 1024 * 1024,
            cache_bytes: 8 * 1024 * 1024,
            write_buffer_bytes: 32 * 1024 * 1024,
            awake_customers_max: 2_500,
            idle_s: 60,
            arbiters: 2,
            scan_ms_max: 2_000,
            drain_s: 20,
            rate_limit_per_minute: 600,
            wecom_url: "https://qyapi.weixin.qq.com".into(),
            miniprogram_url: "https://api.weixin.qq.com".into(),
            webhooks_allow_http: false,
            corps: Vec::new(),
            miniprograms: Vec::new(),
            oidc: Vec::new(),
        }
    }
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the settings cannot be used:\n  - {}", .0.join("\n  - "))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// Reads a `roadbook.toml`, lays environment variables over it, and checks the whole.
    ///
    /// # Errors
    /// Every problem found.
    pub fn load(toml: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        Resolved::new(toml, environment).usable()
    }

    /// What is wrong in the relations between settings.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |holds: bool, text: &str| {
            if !holds {
                problems.push(text.to_owned());
            }
        };
        check(self.body_bytes_max >= 1024, "body_bytes_max must be at least 1024");
        check(self.inflated_bytes_max >= self.body_bytes_max, "inflated_bytes_max must not be below body_bytes_max");
        check(self.import_bytes_max >= 1024, "import_bytes_max must be at least 1024");
        check(self.batch_events_max >= 1, "batch_events_max must be at least 1");
        check(
            self.in_flight_events_max >= self.batch_events_max,
            "in_flight_events_max must not be below batch_events_max: one batch would never be taken",
        );
        check((1..=64).contains(&self.arbiters), "arbiters must be between 1 and 64");
        check(self.awake_customers_max >= 1, "awake_customers_max must be at least 1");
        check(self.write_buffer_bytes >= 4 << 20, "write_buffer_bytes must be at least 4 MiB");
        for url in [&self.wecom_url, &self.miniprogram_url] {
            check(url.starts_with("http://") || url.starts_with("https://"), "provider URLs begin with http(s)://");
        }
        problems.extend(crate::oidc::problems(&self.oidc));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(toml, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_environment_lies_over_the_file() {
        let config = load("port = 9000\narbiters = 3", &[("ROADBOOK_PORT", "0"), ("PATH", "/bin")]).unwrap();
        assert_eq!((config.port, config.arbiters), (0, 3));
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let problems = load("arbiters = 0\nbatch_events_max = 0", &[("ROADBOOK_CORPS", "x")]).unwrap_err().0;
        assert_eq!(problems.len(), 3, "{problems:?}");
        let toml = "prot = 1\nport = \"x\"\nidle_s = -1\narbiters = 0\n[[corps]]\ncorp = \"ww1\"";
        let problems = load(toml, &[("ROADBOOK_DRAIN_S", "soon")]).unwrap_err().0;
        for name in ["prot", "port", "idle_s", "arbiters", "corps", "ROADBOOK_DRAIN_S"] {
            assert!(problems.iter().any(|problem| problem.contains(name)), "{name}: {problems:?}");
        }
        assert_eq!(problems.len(), 6, "{problems:?}");
        assert!(load("prot = 1", &[]).unwrap_err().to_string().contains("prot"));
    }

    #[test]
    fn secrets_are_hidden() {
        let toml = "[[corps]]\ncorp = \"ww1\"\nagent = 1\nsecret = \"planted\"";
        let config = load(toml, &[]).unwrap();
        assert!(!format!("{config:?}").contains("planted"));
    }
}
