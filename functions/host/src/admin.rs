//! What an administrator does with tenants, keys and people. While the folder is being served, the serving process does it:
//! the command goes to it through a socket in the folder that only its owner can open.

use crate::assemble::{self, Host};
use crate::cli::Place;
use crate::{config, people, socket};
use anyhow::{Context, Result, bail};
use roadbook_access::KeyKind;
use roadbook_app::{App, random};
use roadbook_kernel::TenantId;
use roadbook_runtime::SystemClock;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// One command.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Create a tenant and its first two keys.
    CreateTenant {
        /// What people call it.
        name: String,
    },
    /// List tenants.
    ListTenants,
    /// Create a key.
    CreateKey {
        /// Which tenant; `None` where there is only one.
        tenant: Option<String>,
        /// Write or secret.
        kind: KeyKind,
        /// What people call it.
        name: String,
    },
    /// List keys.
    ListKeys {
        /// Which tenant.
        tenant: Option<String>,
    },
    /// Revoke a key.
    RevokeKey {
        /// Which tenant.
        tenant: Option<String>,
        /// Id of the key.
        id: String,
    },
    /// Something with people.
    Users {
        /// Of which tenant.
        of: people::Of,
        /// What.
        command: people::Command,
    },
}

/// Carries a command out, here or in the process that serves the folder, and prints the answer.
///
/// # Errors
/// What went wrong.
pub fn run(place: &Place, command: Command) -> Result<()> {
    let config = config::load(place, None)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let answer = match assemble::open(&place.data, &config) {
        Ok(opened) => {
            let host = assemble::assemble(&opened, config, Arc::new(SystemClock))?;
            runtime.block_on(carry_out(&host.app, command))?
        }
        Err(error) if assemble::is_in_use(&error) => runtime.block_on(socket::ask(&place.data, &command))?,
        Err(error) => return Err(error),
    };
    println!("{}", serde_json::to_string_pretty(&answer)?);
    Ok(())
}

/// Carries a command out.
///
/// # Errors
/// What went wrong, for the person who asked.
pub async fn carry_out(app: &App, command: Command) -> Result<Value> {
    let now = app.engine.clock.now();
    match command {
        Command::CreateTenant { name } => Ok(json!(app.create_tenant(&name).await?)),
        Command::ListTenants => Ok(json!(app.tenants.list().await?)),
        Command::CreateKey { tenant, kind, name } => {
            let tenant = choose(app, tenant).await?;
            let made = app.access.create(tenant, kind, &name, random()?, now).await?;
            Ok(json!({ "id": made.key.id, "tenant": tenant, "kind": kind, "key": made.text }))
        }
        Command::ListKeys { tenant } => Ok(json!(app.access.list(choose(app, tenant).await?).await?)),
        Command::RevokeKey { tenant, id } => {
            let tenant = choose(app, tenant).await?;
            if !app.access.revoke(tenant, &id, now).await? {
                bail!("tenant {tenant} has no key {id}; `roadbook keys list` shows its keys");
            }
            Ok(json!({ "id": id, "revoked": true }))
        }
        Command::Users { of, command } => people::carry_out(app, of, command).await,
    }
}

/// The tenant a command is about.
///
/// # Errors
/// No such tenant, or several and none named.
pub async fn choose(app: &App, tenant: Option<String>) -> Result<TenantId> {
    let tenants = app.tenants.list().await?;
    match (tenant, &tenants[..]) {
        (Some(text), _) => {
            let id: TenantId = text.parse().with_context(|| format!("`{text}` is not a tenant id"))?;
            let known = tenants.iter().any(|tenant| tenant.id == id);
            known.then_some(id).with_context(|| format!("there is no tenant {id}; `roadbook tenants list` shows them"))
        }
        (None, [only]) => Ok(only.id),
        (None, []) => bail!("there is no tenant yet; `roadbook tenants create NAME` makes one"),
        (None, _) => bail!("there are several tenants; name one with --tenant"),
    }
}

/// The tenant of a folder on its first start, with its keys; `None` where there is one already.
///
/// # Errors
/// A fault of the store.
pub async fn first_tenant(host: &Host) -> Result<Option<Value>> {
    if !host.app.tenants.list().await?.is_empty() {
        return Ok(None);
    }
    Ok(Some(json!(host.app.create_tenant("default").await?)))
}
