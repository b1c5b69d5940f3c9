//! Puts the product together over one folder.

use crate::keyfile;
use anyhow::{Context, Result};
use roadbook_app::{App, Config, Tenant};
use roadbook_channels::{
    Accounts, Channels, CorpAccount, Documents, MiniProgramAccount, Secret, Settings as ChannelSettings, Webhooks,
};
use roadbook_embedded::{Embedded, OpenError, Options};
use roadbook_mailboxes::{Mailboxes, Settings};
use roadbook_runtime::ports::{Channel, Clock, Fetch, Hooks};
use roadbook_runtime::{Deliver, Engine, KeyRing, Limits, Router, SystemClock, Tally};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A folder whose store is open.
pub struct Opened {
    /// The store.
    pub store: Arc<Embedded>,
    /// The key of the folder.
    pub master: [u8; 32],
}

/// The whole product.
pub struct Host {
    /// What the doors need.
    pub app: Arc<App>,
    /// The threads that run turns.
    pub mailboxes: Arc<Mailboxes>,
    /// The way out.
    pub channel: Arc<dyn Channel>,
    /// The way to the tenants' webhook endpoints.
    pub hooks: Arc<dyn Hooks>,
    /// Credentials per tenant.
    pub accounts: Arc<Accounts>,
}

/// Opens a folder, or makes it.
///
/// # Errors
/// [`OpenError::InUse`] as the cause where another process has it.
pub fn open(data: &Path, config: &Config) -> Result<Opened> {
    std::fs::create_dir_all(data).with_context(|| format!("cannot make the folder {}", data.display()))?;
    let master = keyfile::open(data)?;
    open_with(data, config, master)
}

/// Opens the store of a folder with a key that was read before.
///
/// # Errors
/// [`OpenError::InUse`] as the cause where another process has it.
pub fn open_with(data: &Path, config: &Config, master: [u8; 32]) -> Result<Opened> {
    let options = Options {
        cache_bytes: config.cache_bytes,
        write_buffer_bytes: config.write_buffer_bytes,
        disk_free_bytes_min: config.disk_free_bytes_min,
    };
    let store = Embedded::open(&data.join("store"), &options).map_err(anyhow::Error::new)?;
    Ok(Opened { store: Arc::new(store), master })
}

/// Whether opening failed because another process has the folder.
pub fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<OpenError>(), Some(OpenError::InUse(_)))
}

/// Builds the engine, its mailboxes and its channels.
///
/// # Errors
/// Mailboxes or channels that cannot be started.
pub fn assemble(opened: &Opened, config: Config, clock: Arc<dyn Clock>) -> Result<Host> {
    let engine = engine(opened, clock);
    let settings = Settings {
        arbiters: config.arbiters,
        awake_max: config.awake_customers_max,
        idle: Duration::from_secs(config.idle_s),
    };
    let mailboxes = Arc::new(Mailboxes::start(engine.clone(), settings)?);
    let deliver: Arc<dyn Deliver> = mailboxes.clone();
    let router = Arc::new(Router::new(engine.clone(), deliver));
    let accounts = Arc::new(Accounts::default());
    let channel_settings = ChannelSettings {
        wecom_base: config.wecom_url.clone(),
        wechat_base: config.miniprogram_url.clone(),
        ..ChannelSettings::default()
    };
    let channel = Arc::new(Channels::new(channel_settings, accounts.clone())?);
    let fetch: Arc<dyn Fetch> = Arc::new(Documents::new()?);
    let hooks = Arc::new(Webhooks::new(config.webhooks_allow_http)?);
    let app = Arc::new(App::new(engine, router, config).trusting(&fetch).alone());
    Ok(Host { app, mailboxes, channel, hooks, accounts })
}

/// The engine alone: no thread and no channel is started.
pub fn engine(opened: &Opened, clock: Arc<dyn Clock>) -> Arc<Engine> {
    let store = opened.store.clone();
    Arc::new(Engine {
        store: store.clone(),
        history: store.clone(),
        journal: store,
        clock,
        wall: Arc::new(SystemClock),
        keys: KeyRing::new(opened.master),
        catalogs: roadbook_runtime::Catalogs::default(),
        subscriptions: roadbook_runtime::webhooks::Subscriptions::default(),
        limits: Limits::default(),
        tally: Tally::default(),
    })
}

impl Host {
    /// Lets each tenant send with the credentials that are its own, and with no others.
    ///
    /// # Errors
    /// Credentials for a tenant that does not exist.
    pub fn lend_accounts(&self, tenants: &[Tenant]) -> Result<()> {
        let lent = self.app.config.lent(tenants)?;
        for (tenant, corp) in lent.corps {
            let agentid = u64::try_from(corp.agent).unwrap_or(0);
            let secret = Secret::new(corp.secret.clone());
            self.accounts.set_corp(tenant, CorpAccount { corp: corp.corp.clone(), agentid, secret });
        }
        for (tenant, app) in lent.miniprograms {
            let secret = Secret::new(app.secret.clone());
            self.accounts.set_mini_program(tenant, MiniProgramAccount { appid: app.appid.clone(), secret });
        }
        Ok(())
    }
}
