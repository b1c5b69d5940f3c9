//! A server with everything the third-party clients ask for: a simulator to send to, keys of every sort, a second
//! tenant.

use super::bench::Bench;
use crate::process::{self, Process};
use crate::run;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running server and simulator.
pub struct Stage {
    simulator: Process,
    server: Process,
    /// What `tests/clients/README.md` lists.
    environment: Vec<(&'static str, String)>,
}

impl Stage {
    /// Starts both on an empty folder.
    ///
    /// # Errors
    /// What does not start, or keys that cannot be made.
    pub fn open(bench: &Bench) -> Result<Self> {
        let folder = bench.fresh_folder("clients")?;
        let simulator = process::simulator(&bench.place, &folder.join("simulator.log"))?;
        let simulator_url = simulator.told("base_url")?.to_owned();
        let data = folder.join("data");
        let mut command = process::server(&bench.place, &data, 0, &simulator_url)?;
        let server = Process::start("roadbook serve", &mut command, &folder.join("server.log"))?;
        let mut environment = vec![
            ("SIMULATOR_URL", simulator_url),
            ("ROADBOOK_URL", server.told("url")?.to_owned()),
            ("ROADBOOK_WRITE_KEY", server.told("write_key")?.to_owned()),
            ("ROADBOOK_SECRET_KEY", server.told("admin_key")?.to_owned()),
        ];
        let admin = Admin { program: bench.place.roadbook(), data: &data };
        let tenant = server.told("tenant")?;
        environment.push(("ROADBOOK_REVOKED_WRITE_KEY", admin.revoked_key(tenant, "write")?));
        environment.push(("ROADBOOK_REVOKED_SECRET_KEY", admin.revoked_key(tenant, "secret")?));
        let other = admin.run(&["tenants", "create"], &["Another Dealer Group"])?;
        environment.push(("ROADBOOK_OTHER_SECRET_KEY", text(&other, "admin_key")?));
        Ok(Self { simulator, server, environment })
    }

    /// A client script that finds the server, the simulator and the keys in its environment.
    pub fn client(&self, bench: &Bench, program: &Path) -> Command {
        let mut command = bench.place.command(program);
        command.current_dir(bench.place.root.join("tests/clients"));
        command.envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())));
        command
    }

    /// Where the simulator listens.
    ///
    /// # Errors
    /// Never: it said so when it started.
    pub fn simulator_url(&self) -> Result<&str> {
        self.simulator.told("base_url")
    }

    /// Stops both, the server first.
    ///
    /// # Errors
    /// A server that did not drain.
    pub fn close(self) -> Result<()> {
        self.server.stop()?;
        self.simulator.stop()
    }
}

/// `roadbook` as an administrator uses it while the folder is being served.
struct Admin<'a> {
    program: PathBuf,
    data: &'a Path,
}

impl Admin<'_> {
    fn run(&self, verb: &[&str], arguments: &[&str]) -> Result<Value> {
        let mut command = Command::new(&self.program);
        command.args(verb).arg("--data").arg(self.data).args(arguments);
        let answer = run::answer(&mut command)?;
        serde_json::from_str(&answer).with_context(|| format!("read the answer of `roadbook {}`", verb.join(" ")))
    }

    /// A key that was good once.
    fn revoked_key(&self, tenant: &str, kind: &str) -> Result<String> {
        let made = self.run(&["keys", "create"], &["--tenant", tenant, "--kind", kind, "--name", "to be revoked"])?;
        self.run(&["keys", "revoke"], &["--tenant", tenant, &text(&made, "id")?])?;
        text(&made, "key")
    }
}

fn text(answer: &Value, name: &str) -> Result<String> {
    answer[name].as_str().map(str::to_owned).with_context(|| format!("the answer has no `{name}`"))
}
