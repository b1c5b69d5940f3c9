//! The product as one function has it: clients and secrets for the life of the process, everything that another process
//! may change for ten seconds.

use crate::environment::Environment;
use crate::provider::ProviderDocuments;
use crate::secrets::Secrets;
use anyhow::Result;
use aws_sdk_dynamodb::Client;
use roadbook_access::Fetch;
use roadbook_app::App;
use roadbook_aws::{Dynamo, Settings, connect};
use roadbook_channels::{Accounts, Channels, Settings as ChannelSettings, Webhooks};
use roadbook_runtime::{Catalogs, Direct, Engine, KeyRing, Limits, Router, Streamed, SystemClock, Tally};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OnceCell};

/// For how long this process believes what it remembers: keys, people, published definitions, what endpoints ask for.
/// Others change these without telling it, so a key that was revoked elsewhere proves something for so long here, and
/// a definition that was published elsewhere is not known for so long.
const BELIEVED: Duration = Duration::from_secs(10);

/// What a process has.
pub struct Product {
    /// What the environment says.
    pub environment: Environment,
    /// Both tables.
    pub store: Arc<Dynamo>,
    client: Client,
    secrets: OnceCell<Secrets>,
    kept: Mutex<Option<(Instant, Kept)>>,
    outside: OnceCell<Outside>,
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
        let client = connect(&Settings::default()).await;
        let store = Arc::new(Dynamo::new(&client, &environment.tables));
        let (secrets, outside) = (OnceCell::new(), OnceCell::new());
        Self { environment, store, client, secrets, kept: Mutex::new(None), outside }
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
        let fresh = self.assemble(self.secrets().await?)?;
        *kept = Some((Instant::now(), fresh.clone()));
        Ok(fresh)
    }

    async fn secrets(&self) -> Result<&Secrets> {
        self.secrets.get_or_try_init(|| Secrets::fetch(&self.environment, &self.client)).await
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
        let mut app = App::new(engine, router, secrets.config.clone());
        if !secrets.config.oidc.is_empty() {
            let fetch: Arc<dyn Fetch> = Arc::new(ProviderDocuments::new()?);
            app = app.trusting(&fetch);
        }
        let app = Arc::new(app);
        Ok(Kept { api: roadbook_api::router(app.clone()), app })
    }

    /// The ways out, made when they are first needed.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub async fn outside(&self) -> Result<&Outside> {
        let config = &self.secrets().await?.config;
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
