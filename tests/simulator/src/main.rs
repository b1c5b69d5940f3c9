//! The simulated platform as a process: prints one line of JSON with its base URL, then serves until Ctrl-C or SIGTERM.

use std::io::Write;
use std::time::Duration;

use clap::Parser;
use roadbook_simulator::{Config, CorpApp, MiniProgram, Simulator};

/// A fake WeCom and WeChat mini-program platform on 127.0.0.1.
#[derive(Parser)]
#[command(version)]
struct Flags {
    /// Port; 0 lets the system choose.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Life of access tokens in seconds.
    #[arg(long, default_value_t = 7200)]
    token_life_s: u64,
    /// Sellers confirm group messages by themselves after this many milliseconds.
    #[arg(long)]
    auto_confirm_ms: Option<u64>,
    /// How long a scripted time-out holds its connection, in milliseconds.
    #[arg(long, default_value_t = 30_000)]
    hold_ms: u64,
    /// Calls per account, path and minute before 45009.
    #[arg(long)]
    calls_per_minute_max: Option<u32>,
    /// A WeCom app as CORPID:SECRET:AGENTID; repeatable; replaces the default one.
    #[arg(long, value_parser = corp_app)]
    corp_app: Vec<CorpApp>,
    /// A mini-program as APPID:SECRET; repeatable; replaces the default one.
    #[arg(long, value_parser = mini_program)]
    mini_program: Vec<MiniProgram>,
}

fn corp_app(text: &str) -> Result<CorpApp, String> {
    let wanted = || "expected CORPID:SECRET:AGENTID, AGENTID a number".to_owned();
    let [corpid, secret, agentid] = text.splitn(3, ':').collect::<Vec<_>>().try_into().map_err(|_| wanted())?;
    let agentid = agentid.parse().map_err(|_| wanted())?;
    Ok(CorpApp { corpid: corpid.to_owned(), secret: secret.to_owned(), agentid })
}

fn mini_program(text: &str) -> Result<MiniProgram, String> {
    let (appid, secret) = text.split_once(':').ok_or("expected APPID:SECRET")?;
    Ok(MiniProgram { appid: appid.to_owned(), secret: secret.to_owned() })
}

impl Flags {
    fn config(self) -> Config {
        let default = Config::default();
        Config {
            port: self.port,
            token_life: Duration::from_secs(self.token_life_s),
            corp_apps: if self.corp_app.is_empty() { default.corp_apps } else { self.corp_app },
            mini_programs: if self.mini_program.is_empty() { default.mini_programs } else { self.mini_program },
            auto_confirm: self.auto_confirm_ms.map(Duration::from_millis),
            hold: Duration::from_millis(self.hold_ms),
            calls_per_minute_max: self.calls_per_minute_max,
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let config = Flags::parse().config();
    let accounts = serde_json::json!({
        "corp_apps": config.corp_apps.iter().map(|app| (&app.corpid, app.agentid)).collect::<Vec<_>>(),
        "mini_programs": config.mini_programs.iter().map(|app| &app.appid).collect::<Vec<_>>(),
    });
    let simulator = Simulator::start(config).await?;
    let line = serde_json::json!({ "base_url": simulator.base_url(), "accounts": accounts });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    drop(out);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
