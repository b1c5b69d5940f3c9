//! What an administrator asks by invoking the function. IAM says who may; no HTTP leads here.

use crate::product::Product;
use lambda_runtime::Error;
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
        Command::CreateTenant { name } => Ok(json!(app.create_tenant(&name).await?)),
        Command::ListTenants => Ok(json!(app.tenants.list().await?)),
    }
}
