//! Lets each tenant send with the credentials that are its own, and with no others.

use crate::product::Outside;
use anyhow::Result;
use roadbook_app::{App, Tenant};
use roadbook_channels::{CorpAccount, MiniProgramAccount, Secret};

/// Lends them.
///
/// # Errors
/// Credentials for a tenant that does not exist.
pub fn lend(app: &App, outside: &Outside, tenants: &[Tenant]) -> Result<()> {
    let lent = app.config.lent(tenants)?;
    for (tenant, corp) in lent.corps {
        let agentid = u64::try_from(corp.agent).unwrap_or(0);
        let secret = Secret::new(corp.secret.clone());
        outside.accounts.set_corp(tenant, CorpAccount { corp: corp.corp.clone(), agentid, secret });
    }
    for (tenant, mini) in lent.miniprograms {
        let secret = Secret::new(mini.secret.clone());
        outside.accounts.set_mini_program(tenant, MiniProgramAccount { appid: mini.appid.clone(), secret });
    }
    Ok(())
}
