//! What an administrator asks by invoking the function. IAM says who may; no HTTP leads here.

use crate::product::Product;
use lambda_runtime::Error;
use roadbook_access::KeyKind;
use roadbook_app::App;
use serde::Deserialize;
use serde_json::{Value, json};

/// One command.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Create a tenant and its first two keys. The answer is the only place where they are shown.
    CreateTenant {
        /// What people call it.
        name: String,
    },
    /// List tenants.
    ListTenants,
}

/// Carries a command out.
///
/// # Errors
/// What went wrong, for the person who asked.
pub async fn carry_out(product: &Product, command: Command) -> Result<Value, Error> {
    let app = product.app().await?.app;
    match command {
        Command::CreateTenant { name } => create_tenant(&app, &name).await,
        Command::ListTenants => Ok(json!(app.tenants.list().await?)),
    }
}

async fn create_tenant(app: &App, name: &str) -> Result<Value, Error> {
    if name.trim().is_empty() {
        return Err("a tenant needs a name".into());
    }
    let now = app.engine.clock.now();
    let tenant = app.tenants.create(name, random()?, now).await?;
    let admin = app.access.create(tenant.id, KeyKind::Secret, "admin", random()?, now).await?;
    let write = app.access.create(tenant.id, KeyKind::Write, "write", random()?, now).await?;
    Ok(json!({ "tenant": tenant.id, "name": name, "admin_key": admin.text, "write_key": write.text }))
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("no randomness: {error}"))?;
    Ok(bytes)
}
