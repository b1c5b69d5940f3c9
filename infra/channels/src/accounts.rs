//! Credentials by tenant. There is no look-up without a tenant: two tenants that name the same corporation hold
//! separate secrets and separate tokens.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use roadbook_kernel::TenantId;
use serde::Deserialize;

use crate::secret::Secret;

/// A tenant's app inside a WeCom corporation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CorpAccount {
    /// Corp id (企业 ID).
    pub corp: String,
    /// The app's number (agentid).
    pub agentid: u64,
    /// The app's secret.
    pub secret: Secret,
}

/// A tenant's mini-program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MiniProgramAccount {
    /// App id of the mini-program.
    pub appid: String,
    /// The mini-program's secret.
    pub secret: Secret,
}

/// Every tenant's accounts. Tenants may be added while sends are under way.
#[derive(Debug, Default)]
pub struct Accounts {
    corps: RwLock<HashMap<(TenantId, String), CorpAccount>>,
    mini_programs: RwLock<HashMap<(TenantId, String), MiniProgramAccount>>,
}

impl Accounts {
    /// Adds or replaces a tenant's app in a corporation. A replaced secret is used from the next token on.
    pub fn set_corp(&self, tenant: TenantId, account: CorpAccount) {
        let mut corps = self.corps.write().unwrap_or_else(PoisonError::into_inner);
        corps.insert((tenant, account.corp.clone()), account);
    }

    /// Adds or replaces a tenant's mini-program.
    pub fn set_mini_program(&self, tenant: TenantId, account: MiniProgramAccount) {
        let mut mini_programs = self.mini_programs.write().unwrap_or_else(PoisonError::into_inner);
        mini_programs.insert((tenant, account.appid.clone()), account);
    }

    pub(crate) fn corp(&self, tenant: TenantId, corp: &str) -> Option<CorpAccount> {
        let corps = self.corps.read().unwrap_or_else(PoisonError::into_inner);
        corps.get(&(tenant, corp.to_owned())).cloned()
    }

    pub(crate) fn mini_program(&self, tenant: TenantId, appid: &str) -> Option<MiniProgramAccount> {
        let mini_programs = self.mini_programs.read().unwrap_or_else(PoisonError::into_inner);
        mini_programs.get(&(tenant, appid.to_owned())).cloned()
    }
}
