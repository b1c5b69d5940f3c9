//! The product as one function has it: clients for the life of the process, secrets for minutes, everything else that
//! somebody may change for ten seconds.

use crate::accounts;
use crate::environment::Environment;
use crate::secrets::Secrets;
use anyhow::Result;
use roadbook_app::App;
use roadbook_aws::{Account, Dynamo, Queues, Settings, Vault};
use roadbook_channels::{Accounts, Channels, Documents, Settings as ChannelSettings, Webhooks};
use roadbook_runtime::ahead::Ahead;
use roadbook_runtime::ports::Fetch;
use roadbook_runtime::{Catalogs, Direct, Engine, KeyRing, Limits, Poked, Router, Streamed, SystemClock, Tally};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OnceCell};

/// For how long this process believes what it remembers: keys, people, published definitions, what endpoints ask for.
/// Others change these without telling it, so a key that was revoked elsewhere proves something for so long here, and
/// a definition that was published elsewhere is not known for so long.
const BELIEVED: Duration = Duration::from_secs(10);
/// For how long it believes its secrets: so long after a new version was put, every function has it.
const SECRETS_BELIEVED: Duration = Duration::from_secs(300);

/// What a process has.
pub struct Product {
    /// What the environment says.
    pub environment: Environment,
    /// Both tables.
    pub store: Arc<Dynamo>,
    /// The queues.
    pub queues: Arc<Queues>,
    /// How far ahead the sweep has poked.
    pub ahead: Mutex<Ahead>,
    /// Whom the relay has poked.
    pub poked: Poked,
    vault: Vault,
    secrets: Mutex<Option<(Instant, Arc<Secrets>)>>,
    kept: Mutex<Option<(Instant, Kept)>>,
    outside: OnceCell<Outside>,
    lent: Mutex<Option<Instant>>,
}

/// What is believed for a while.
#[derive(Clone)]
pub struct Kept {
    /// The application.
    pub app: Arc<App>,
    /// Its doors.
    pub api: axum::Router,
}

/// The ways out, for the functions that send.
pub struct Outside {
    /// Providers of messages.
    pub channel: Arc<Channels>,
    /// The tenants' endpoints.
    pub hooks: Arc<Webhooks>,
    /// Credentials per tenant.
    pub accounts: Arc<Accounts>,
}

impl Product {
    /// Makes the clients. Nothing is asked yet.
    pub async fn new(environment: Environment) -> Self {
        let account = Account::new(&Settings::default()).await;
        let queues = Arc::new(Queues::new(account.queues(), environment.queues.clone()));
        let store = Arc::new(Dynamo::new(&account.dynamo(), &environment.tables));
        let vault = account.vault();
        let (secrets, kept, lent) = (Mutex::new(None), Mutex::new(None), Mutex::new(None));
        let (ahead, poked, outside) = (Mutex::default(), Poked::default(), OnceCell::new());
        Self { environment, store, queues, ahead, poked, vault, secrets, kept, outside, lent }
    }

    /// The application, no older than [`BELIEVED`].
    ///
    /// # Errors
    /// Secrets that cannot be had, or settings that cannot be used: the next event tries again.
    pub async fn app(&self) -> Result<Kept> {
        let mut kept = self.kept.lock().await;
        if let Some((since, kept)) = kept.as_ref()
            && since.elapsed() < BELIEVED
        {
            return Ok(kept.clone());
        }
        let fresh = self.assemble(self.secrets().await?.as_ref())?;
        *kept = Some((Instant::now(), fresh.clone()));
        Ok(fresh)
    }

    /// No older than [`SECRETS_BELIEVED`], except while Secrets Manager does not answer: what was good goes on.
    async fn secrets(&self) -> Result<Arc<Secrets>> {
        let mut kept = self.secrets.lock().await;
        let former = match kept.as_ref() {
            Some((since, secrets)) if since.elapsed() < SECRETS_BELIEVED => return Ok(secrets.clone()),
            Some((_, secrets)) => Some(secrets.clone()),
            None => None,
        };
        let secrets = match (Secrets::fetch(&self.environment, &self.vault).await, former) {
            (Ok(secrets), _) => Arc::new(secrets),
            (Err(error), Some(former)) => {
                tracing::error!(error = format!("{error:#}"), "secrets cannot be read; going on with the former ones");
                former
            }
            (Err(error), None) => return Err(error),
        };
        *kept = Some((Instant::now(), secrets.clone()));
        Ok(secrets)
    }

    fn assemble(&self, secrets: &Secrets) -> Result<Kept> {
        let engine = Arc::new(Engine {
            store: self.store.clone(),
            history: self.store.clone(),
            journal: Arc::new(Streamed),
            clock: Arc::new(SystemClock),
            wall: Arc::new(SystemClock),
            keys: KeyRing::new(secrets.master),
            catalogs: Catalogs::default(),
            subscriptions: roadbook_runtime::webhooks::Subscriptions::default(),
            limits: Limits::default(),
            tally: Tally::default(),
        });
        let router = Arc::new(Router::new(engine.clone(), Arc::new(Direct(engine.clone()))));
        let mut app = App::new(engine, router, secrets.config.clone()).queueing(self.queues.clone());
        if !secrets.config.oidc.is_empty() {
            let fetch: Arc<dyn Fetch> = Arc::new(Documents::new()?);
            app = app.trusting(&fetch);
        }
        let app = Arc::new(app);
        Ok(Kept { api: roadbook_api::router(app.clone()), app })
    }

    /// The ways out, each tenant's credentials lent to it: as of [`BELIEVED`] ago at the latest.
    ///
    /// # Errors
    /// Settings that cannot be used, credentials for a tenant that does not exist, or a store that does not answer.
    pub async fn lending(&self, app: &App) -> Result<&Outside> {
        let outside = self.outside().await?;
        let mut lent = self.lent.lock().await;
        if lent.is_none_or(|since| since.elapsed() >= BELIEVED) {
            accounts::lend(app, outside, &app.tenants.list().await?)?;
            *lent = Some(Instant::now());
        }
        Ok(outside)
    }

    /// The ways out, made when they are first needed.
    async fn outside(&self) -> Result<&Outside> {
        let secrets = self.secrets().await?;
        let config = &secrets.config;
        let make = async || -> Result<Outside> {
            let accounts = Arc::new(Accounts::default());
            let settings = ChannelSettings {
                wecom_base: config.wecom_url.clone(),
                wechat_base: config.miniprogram_url.clone(),
                ..ChannelSettings::default()
            };
            let channel = Arc::new(Channels::new(settings, accounts.clone())?);
            let hooks = Arc::new(Webhooks::new(config.webhooks_allow_http)?);
            Ok(Outside { channel, hooks, accounts })
        };
        self.outside.get_or_try_init(make).await
    }
}
