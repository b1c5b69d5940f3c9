//! What the platform is told at its start: accounts, token life, pace.

use std::time::Duration;

/// One self-built WeCom app (自建应用): what `gettoken` accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorpApp {
    /// The corporation (企业) the app belongs to.
    pub corpid: String,
    /// The app's secret.
    pub secret: String,
    /// The app's number; `message/send` must name it.
    pub agentid: u64,
}

/// One mini-program: what `stable_token` accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MiniProgram {
    /// The mini-program's id.
    pub appid: String,
    /// The mini-program's secret.
    pub secret: String,
}

/// Settings of one simulated platform. The default has one corporation and one mini-program with made-up credentials.
#[derive(Debug, Clone)]
pub struct Config {
    /// Port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// How long an access token lives. The real platform says 7200 s.
    pub token_life: Duration,
    /// WeCom apps that exist.
    pub corp_apps: Vec<CorpApp>,
    /// Mini-programs that exist.
    pub mini_programs: Vec<MiniProgram>,
    /// After this long a seller confirms a group message task of their own accord; `None`: only when told.
    pub auto_confirm: Option<Duration>,
    /// How long a scripted time-out keeps the connection open before it is closed without an answer.
    pub hold: Duration,
    /// Calls one account may make to one path per minute before 45009; `None`: no limit. The real limit is 10,000.
    pub calls_per_minute_max: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            token_life: Duration::from_secs(7200),
            corp_apps: vec![CorpApp {
                corpid: "ww-sim-corp".into(),
                secret: "sim-corp-secret".into(),
                agentid: 1_000_002,
            }],
            mini_programs: vec![MiniProgram { appid: "wx-sim-app".into(), secret: "sim-app-secret".into() }],
            auto_confirm: None,
            hold: Duration::from_secs(30),
            calls_per_minute_max: None,
        }
    }
}
