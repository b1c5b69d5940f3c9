//! Whose the credentials in the settings are.

use crate::config::{Config, Corp, MiniProgram};
use crate::tenants::Tenant;
use roadbook_kernel::TenantId;

/// The credentials in the settings with the tenant that may send with each.
pub struct Lent<'c> {
    /// WeCom apps.
    pub corps: Vec<(TenantId, &'c Corp)>,
    /// Mini-programs.
    pub miniprograms: Vec<(TenantId, &'c MiniProgram)>,
}

/// Credentials of nobody. Names the account, never its secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoOwner {
    /// What stands as `tenant` is no id.
    #[error("the settings of {account}: `{named}` is no tenant id")]
    Malformed {
        /// The corp or appid.
        account: String,
        /// What stands there.
        named: String,
    },
    /// Nobody has that id.
    #[error("the settings of {account}: there is no tenant {tenant}")]
    Unknown {
        /// The corp or appid.
        account: String,
        /// The id.
        tenant: TenantId,
    },
}

impl Config {
    /// Lets each tenant send with the credentials that are its own, and with no others. What names nobody is the first
    /// tenant's; before there is one, nobody's.
    ///
    /// # Errors
    /// Credentials for a tenant that does not exist.
    pub fn lent(&self, tenants: &[Tenant]) -> Result<Lent<'_>, NoOwner> {
        let mut lent = Lent { corps: Vec::new(), miniprograms: Vec::new() };
        for corp in &self.corps {
            lent.corps.extend(owner(tenants, corp.tenant.as_deref(), &corp.corp)?.map(|tenant| (tenant, corp)));
        }
        for app in &self.miniprograms {
            lent.miniprograms.extend(owner(tenants, app.tenant.as_deref(), &app.appid)?.map(|tenant| (tenant, app)));
        }
        Ok(lent)
    }
}

fn owner(tenants: &[Tenant], named: Option<&str>, account: &str) -> Result<Option<TenantId>, NoOwner> {
    let Some(named) = named else { return Ok(tenants.first().map(|tenant| tenant.id)) };
    let account = account.to_owned();
    let Ok(tenant) = named.parse() else { return Err(NoOwner::Malformed { account, named: named.to_owned() }) };
    let known = tenants.iter().any(|one| one.id == tenant);
    if known { Ok(Some(tenant)) } else { Err(NoOwner::Unknown { account, tenant }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::Moment;

    fn corp(tenant: Option<&str>) -> Config {
        let corp = Corp { corp: "ww1".into(), agent: 1, secret: "planted".into(), tenant: tenant.map(str::to_owned) };
        Config { corps: vec![corp], ..Config::default() }
    }

    #[test]
    fn credentials_are_lent_to_whom_they_name_and_to_nobody_else() {
        let ids = [1, 2].map(TenantId::from_u128);
        let tenants = ids.map(|id| Tenant { id, name: "test".into(), created_at: Moment::from_millis(0) });
        let lent = |named: Option<&str>, tenants: &[Tenant]| {
            let config = corp(named);
            let lent =
                config.lent(tenants).map(|lent| lent.corps.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>());
            lent.map_err(|error| error.to_string())
        };
        assert_eq!(lent(Some(&ids[1].to_string()), &tenants), Ok(vec![ids[1]]));
        assert_eq!((lent(None, &tenants), lent(None, &[])), (Ok(vec![ids[0]]), Ok(vec![])));
        for wrong in ["tn_x", &TenantId::from_u128(3).to_string()] {
            let told = lent(Some(wrong), &tenants).unwrap_err();
            assert!(told.contains("ww1") && told.contains(wrong) && !told.contains("planted"), "{told}");
        }
    }
}
