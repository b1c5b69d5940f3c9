//! What people are employed as, and what follows from it. The table is the whole of it: to add a role, add a row.

use crate::org::OrgScope;
use crate::scope::{Scope, Scopes};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// How much of the organisation a role looks after. It decides which place a person with the role must be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// The whole tenant, or any part of it.
    Tenant,
    /// Part of the organisation: a place must be named, at whatever level.
    Region,
    /// One store: the place must name it.
    Store,
}

/// A text that names no [`Role`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownRole;

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown role; the roles are")?;
        Role::ALL.iter().try_for_each(|role| write!(f, " {role}"))
    }
}

impl std::error::Error for UnknownRole {}

macro_rules! roles {
    ($($name:ident = $code:literal, $zh:literal, $en:literal, $reach:ident, $scopes:expr;)*) => {
        /// One row of the table of roles.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Role {
            $(#[doc = concat!($en, " (", $zh, ").")] $name,)*
        }

        impl Role {
            /// Every role, in the order of the table.
            pub const ALL: &[Role] = &[$(Role::$name),*];

            /// The text form; part of the API.
            pub const fn code(self) -> &'static str {
                match self { $(Role::$name => $code,)* }
            }

            /// What it is called in Chinese.
            pub const fn zh(self) -> &'static str {
                match self { $(Role::$name => $zh,)* }
            }

            /// What it is called in English.
            pub const fn en(self) -> &'static str {
                match self { $(Role::$name => $en,)* }
            }

            /// How much of the organisation it looks after.
            pub const fn reach(self) -> Reach {
                match self { $(Role::$name => Reach::$reach,)* }
            }

            /// What it may do.
            pub const fn scopes(self) -> Scopes {
                match self { $(Role::$name => $scopes,)* }
            }
        }

        impl FromStr for Role {
            type Err = UnknownRole;

            fn from_str(text: &str) -> Result<Self, UnknownRole> {
                match text {
                    $($code => Ok(Role::$name),)*
                    _ => Err(UnknownRole),
                }
            }
        }
    };
}

/// Looking, without changing anything: customers, and what is done with them.
const LOOK: Scopes = Scopes::of(&[Scope::ProfilesRead, Scope::SegmentsRead, Scope::JourneysRead, Scope::TagsRead]);
/// Working with customers one at a time.
const SERVE: Scopes = LOOK.or(Scopes::of(&[Scope::ProfilesWrite]));
/// Everything that can be read.
const READ: Scopes =
    LOOK.or(Scopes::of(&[Scope::EventsRead, Scope::LettersRead, Scope::IntegrationsRead, Scope::AdminRead]));

roles! {
    OemMarketing = "oem_marketing", "OEM 市场", "OEM marketing", Tenant,
        LOOK.or(Scopes::of(&[Scope::SegmentsWrite, Scope::JourneysWrite, Scope::TagsWrite]));
    OemOperations = "oem_operations", "OEM 运营", "OEM operations", Tenant,
        SERVE.or(Scopes::of(&[
            Scope::IdentityWrite, Scope::EventsRead, Scope::LettersRead, Scope::LettersWrite, Scope::ImportsWrite,
        ]));
    OemCallCentre = "oem_call_centre", "OEM 客服", "OEM call centre", Tenant, SERVE;
    RegionalManager = "regional_manager", "大区经理", "Regional manager", Region, LOOK;
    StoreManager = "store_manager", "店总", "Store manager", Store, SERVE;
    StoreMarketing = "store_marketing", "店端市场", "Store marketing", Store, LOOK;
    DccAgent = "dcc_agent", "DCC 专员", "DCC agent", Store, SERVE;
    SalesConsultant = "sales_consultant", "销售顾问", "Sales consultant", Store, SERVE;
    ServiceAdvisor = "service_advisor", "服务顾问", "Service advisor", Store, SERVE;
    DataAdmin = "data_admin", "数据/IT 管理员", "Data and IT administrator", Tenant,
        READ.or(Scopes::of(&[
            Scope::IdentityWrite, Scope::SegmentsWrite, Scope::TagsWrite, Scope::LettersWrite, Scope::ImportsWrite,
            Scope::IntegrationsWrite,
        ]));
    ComplianceOfficer = "compliance_officer", "合规官", "Compliance officer", Tenant,
        READ.or(Scopes::of(&[Scope::ProfilesWrite]));
    Auditor = "auditor", "审计员", "Auditor", Tenant, READ;
    TenantAdmin = "tenant_admin", "租户管理员", "Tenant administrator", Tenant, Scopes::ALL;
}

impl Role {
    /// What several roles may do together.
    pub fn scopes_of(roles: &[Role]) -> Scopes {
        roles.iter().fold(Scopes::NONE, |all, role| all.or(role.scopes()))
    }

    /// Whether somebody at this place can have the role: a role of a store needs a place that names the store.
    pub fn fits(self, place: Option<&OrgScope>) -> bool {
        match self.reach() {
            Reach::Tenant => true,
            Reach::Region => place.is_some(),
            Reach::Store => place.is_some_and(|place| place.store().is_some()),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads stored documents too: `Cow<str>` from an owned value and from a borrowed one.
    #[test]
    fn codes_read_back_and_a_store_role_needs_a_store() {
        for role in Role::ALL {
            assert_eq!(role.code().parse(), Ok(*role));
            assert_eq!(serde_json::from_value::<Role>(serde_json::json!(role.code())).unwrap(), *role);
            assert!(Scopes::ALL.covers(role.scopes()) && role.scopes() != Scopes::NONE);
        }
        let (store, region): (OrgScope, OrgScope) =
            ("/oem/brand/east/sh/4S001".parse().unwrap(), "/oem/brand/east".parse().unwrap());
        assert!(Role::DccAgent.fits(Some(&store)) && !Role::DccAgent.fits(Some(&region)));
        assert!(!Role::DccAgent.fits(None) && !Role::RegionalManager.fits(None) && Role::Auditor.fits(None));
        assert!("root".parse::<Role>().is_err());
    }

    /// Who may write anything is not who checks it.
    #[test]
    fn an_auditor_changes_nothing_and_only_the_tenants_administrator_makes_keys() {
        let writes = |scope: &Scope| scope.name().ends_with(":write");
        assert_eq!(Role::Auditor.scopes().iter().filter(writes).count(), 0);
        let makers: Vec<_> = Role::ALL.iter().filter(|role| role.scopes().allows(Scope::AdminWrite)).collect();
        assert_eq!(makers, [&Role::TenantAdmin]);
    }

    fn table() -> String {
        let mut out =
            String::from("| role | 中文 | English | place it needs | scopes |\n| --- | --- | --- | --- | --- |\n");
        for role in Role::ALL {
            let place = match role.reach() {
                Reach::Tenant => "none",
                Reach::Region => "any",
                Reach::Store => "a store",
            };
            let scopes = if role.scopes() == Scopes::ALL { "all".to_owned() } else { role.scopes().to_string() };
            out += &format!("| `{role}` | {} | {} | {place} | {scopes} |\n", role.zh(), role.en());
        }
        out
    }

    /// The page shows this table. Run with `ROADBOOK_BLESS=1` to write it anew.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the one switch of a test that can also write the page")]
    fn the_page_shows_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (head, rest) = page.split_once("<!-- roles -->\n").expect("a mark where the table begins");
        let (shown, tail) = rest.split_once("<!-- /roles -->").expect("a mark where the table ends");
        if std::env::var("ROADBOOK_BLESS").is_ok_and(|bless| bless == "1") {
            std::fs::write(path, format!("{head}<!-- roles -->\n{}<!-- /roles -->{tail}", table())).unwrap();
        } else {
            assert_eq!(shown, table(), "run this test once with ROADBOOK_BLESS=1");
        }
    }
}
