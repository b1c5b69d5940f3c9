//! `roadbook users`: what the operator does with people. The operator owns the machine, so unlike a tenant's
//! administrator they may set anybody's password, and give somebody a place in a second tenant.

use crate::admin::{self, choose};
use crate::cli::Place;
use crate::password;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use roadbook_access::{Login, Membership, OrgScope, Role, Status, User, UserChange, password_problem};
use roadbook_app::{App, random};
use roadbook_kernel::{Personal, TenantId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// People of a page when all are listed.
const PAGE: usize = 500;

/// Which tenant.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Of {
    /// Tenant id (`tn_...`); may be left out where there is only one.
    #[arg(long)]
    pub tenant: Option<String>,
}

/// The verbs.
#[derive(Subcommand)]
pub enum Users {
    /// Add a person; the password is asked for, or read from standard input.
    Add {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        of: Of,
        /// What they sign in with: an e-mail address or a name.
        #[arg(long)]
        login: String,
        /// What people call them.
        #[arg(long)]
        name: String,
        /// What they are employed as, such as `dcc_agent`; repeat it for several.
        #[arg(long = "role", required = true)]
        roles: Vec<Role>,
        /// Where in the organisation: `/oem/brand/east/sh/4S001/dcc`. Left out: the whole tenant.
        #[arg(long)]
        org_scope: Option<OrgScope>,
        /// The person has a login already and gets a place in one more tenant; no password is asked for.
        #[arg(long)]
        existing: bool,
    },
    /// List people.
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        of: Of,
    },
    /// Let a person in no longer; their tokens end at once.
    Disable {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        of: Of,
        /// Login or id (`usr_...`).
        person: String,
    },
    /// Let a disabled person in again.
    Enable {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        of: Of,
        /// Login or id (`usr_...`).
        person: String,
    },
    /// Set a person's password, asked for or read from standard input; their tokens end at once.
    Password {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        of: Of,
        /// Login or id (`usr_...`).
        person: String,
    },
}

/// One command, as it goes to the process that serves the folder. `Debug` shows neither login nor password.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Command {
    /// Add a person.
    Add {
        /// What they sign in with.
        login: Personal<String>,
        /// What people call them.
        name: Personal<String>,
        /// What they are employed as.
        roles: Vec<Role>,
        /// Where.
        org_scope: Option<OrgScope>,
        /// `None` for somebody who has a login already.
        password: Option<Personal<String>>,
    },
    /// List people.
    List,
    /// Let a person in, or no longer.
    Status {
        /// Login or id.
        person: Personal<String>,
        /// Which.
        status: Status,
    },
    /// Set a password.
    Password {
        /// Login or id.
        person: Personal<String>,
        /// The new one.
        password: Personal<String>,
    },
}

/// Carries a verb out, here or in the process that serves the folder.
///
/// # Errors
/// What went wrong.
pub fn run(verb: Users) -> Result<()> {
    let status = |person: String, status| Command::Status { person: Personal::new(person), status };
    let (place, of, command) = match verb {
        Users::Add { place, of, login, name, roles, org_scope, existing } => {
            let password = if existing { None } else { Some(password::ask()?) };
            let (login, name) = (Personal::new(login), Personal::new(name));
            (place, of, Command::Add { login, name, roles, org_scope, password })
        }
        Users::List { place, of } => (place, of, Command::List),
        Users::Disable { place, of, person } => (place, of, status(person, Status::Disabled)),
        Users::Enable { place, of, person } => (place, of, status(person, Status::Active)),
        Users::Password { place, of, person } => {
            let password = password::ask()?;
            (place, of, Command::Password { person: Personal::new(person), password })
        }
    };
    admin::run(&place, admin::Command::Users { of, command })
}

/// Carries a command out.
///
/// # Errors
/// What went wrong, for the person who asked.
pub async fn carry_out(app: &App, of: Of, command: Command) -> Result<Value> {
    let tenant = choose(app, of.tenant).await?;
    match command {
        Command::Add { login, name, roles, org_scope, password } => {
            let login: Login = login.reveal().parse().map_err(|error| anyhow::anyhow!("{error}"))?;
            if let Some(role) = roles.iter().find(|role| !role.fits(org_scope.as_ref())) {
                bail!("the role {role} needs --org-scope: a path that names what it looks after");
            }
            let since = app.engine.clock.now();
            let membership = Membership { name, roles, org_scope, status: Status::Active, since };
            let user = match password {
                Some(password) => {
                    check(&password, &login)?;
                    app.people.create(tenant, login, password, membership, random()?, random()?).await?
                }
                None => app.people.users.join(tenant, &login, membership).await?,
            };
            shown(tenant, &user)
        }
        Command::List => list(app, tenant).await,
        Command::Status { person, status } => {
            let id = find(app, tenant, &person).await?.id;
            let to = UserChange { status: Some(status), ..UserChange::default() };
            shown(tenant, &app.people.change(tenant, id, to, None, [0; 16]).await?)
        }
        Command::Password { person, password } => {
            let user = find(app, tenant, &person).await?;
            check(&password, &user.login)?;
            let to = UserChange::default();
            shown(tenant, &app.people.change(tenant, user.id, to, Some(password), random()?).await?)
        }
    }
}

fn check(password: &Personal<String>, login: &Login) -> Result<()> {
    match password_problem(password.reveal(), login.reveal()) {
        Some(problem) => bail!("{problem}; nothing was changed"),
        None => Ok(()),
    }
}

async fn list(app: &App, tenant: TenantId) -> Result<Value> {
    let mut all = Vec::new();
    let mut after: Option<UserId> = None;
    loop {
        let page = app.people.users.list(tenant, after, PAGE).await?;
        all.extend(page.iter().map(|user| shown(tenant, user)).collect::<Result<Vec<_>>>()?);
        after = page.last().map(|user| user.id);
        if page.len() < PAGE {
            return Ok(Value::Array(all));
        }
    }
}

async fn find(app: &App, tenant: TenantId, person: &Personal<String>) -> Result<Arc<User>> {
    let user = match person.reveal().parse::<UserId>() {
        Ok(id) => app.people.users.get(id).await?,
        Err(_) => {
            let login: Login = person.reveal().parse().map_err(|error| anyhow::anyhow!("{error}"))?;
            app.people.users.by_login(&login).await?
        }
    };
    let user = user.filter(|user| user.memberships.contains_key(&tenant));
    user.with_context(|| format!("tenant {tenant} has no such person; `roadbook users list` shows them"))
}

fn shown(tenant: TenantId, user: &User) -> Result<Value> {
    let membership = user.memberships.get(&tenant).context("they belong to another tenant")?;
    Ok(json!({
        "id": user.id,
        "login": user.login.reveal(),
        "name": membership.name.reveal(),
        "roles": membership.roles,
        "org_scope": membership.org_scope,
        "status": membership.status,
        "tenant": tenant,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over a real folder, as the process that serves it does.
    #[tokio::test]
    async fn an_operator_adds_lists_disables_and_sets_passwords() {
        let folder = tempfile::tempdir().unwrap();
        let config = roadbook_app::Config::default();
        let opened = crate::assemble::open(folder.path(), &config).unwrap();
        let clock = Arc::new(roadbook_runtime::SystemClock);
        let host = crate::assemble::assemble(&opened, config, clock).unwrap();
        let app = &host.app;
        for name in ["one", "two"] {
            app.create_tenant(name).await.unwrap();
        }
        let tenants = app.tenants.list().await.unwrap();
        let of = |number: usize| Of { tenant: Some(tenants[number].id.to_string()) };
        let personal = |text: &str| Personal::new(text.to_owned());
        let add = |password: Option<&str>| Command::Add {
            login: personal("Test.Person@example.com"),
            name: personal("Test Person"),
            roles: vec![Role::DccAgent],
            org_scope: Some("/oem/brand/east/sh/4S001".parse().unwrap()),
            password: password.map(personal),
        };
        assert!(carry_out(app, Of { tenant: None }, Command::List).await.is_err(), "there are two tenants");
        assert!(carry_out(app, of(0), add(Some("short"))).await.is_err());
        assert!(carry_out(app, of(0), add(None)).await.is_err(), "nobody has the login yet");
        let made = carry_out(app, of(0), add(Some("a good password"))).await.unwrap();
        assert!(carry_out(app, of(1), add(Some("a good password"))).await.is_err(), "the login is in use");
        carry_out(app, of(1), add(None)).await.unwrap();
        let listed = carry_out(app, of(1), Command::List).await.unwrap();
        assert_eq!((&listed[0]["id"], &listed[0]["login"]), (&made["id"], &json!("test.person@example.com")));

        let id = personal(made["id"].as_str().unwrap());
        let command = Command::Status { person: id.clone(), status: Status::Disabled };
        assert_eq!(carry_out(app, of(0), command).await.unwrap()["status"], "disabled");
        let listed = carry_out(app, of(1), Command::List).await.unwrap();
        assert_eq!(listed[0]["status"], "active", "the other tenant is not concerned");
        let login = personal("TEST.PERSON@example.com");
        let command = Command::Password { person: login, password: personal("another password") };
        carry_out(app, of(1), command).await.unwrap();
        let attempt = roadbook_access::Attempt {
            login: "test.person@example.com",
            password: personal("another password"),
            tenant: None,
            peer: None,
            random: [1; 16],
        };
        let signed_in = app.people.sign_in(attempt, app.engine.wall.now()).await.unwrap();
        assert!(matches!(signed_in, roadbook_access::SignedIn::Done(session) if session.tenant == tenants[1].id));
    }

    /// The socket carries it, and nothing that prints a command shows who or what.
    #[test]
    fn a_command_reads_back_and_prints_no_secret() {
        let command = Command::Password {
            person: Personal::new("test.person@example.com".into()),
            password: Personal::new("planted password".into()),
        };
        let shown = format!("{command:?}");
        assert!(!shown.contains("planted") && !shown.contains("person@"), "{shown}");
        let wire = serde_json::to_string(&command).unwrap();
        match serde_json::from_str(&wire).unwrap() {
            Command::Password { password, .. } => assert_eq!(password.reveal(), "planted password"),
            Command::Add { .. } | Command::List | Command::Status { .. } => panic!("another command"),
        }
    }
}
