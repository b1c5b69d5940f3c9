//! A stack on AWS, as its own functions describe it: their environment names the tables and the secrets, so nothing here is
//! guessed from names, and no ARN is put together.

use anyhow::{Context, Result, bail};
use roadbook_app::read_master;
use roadbook_aws::{Account, Dynamo, Function, Functions, Settings, Sqs, Vault};

/// The function that may run while everything else stands still: it writes only what turns have intended already.
const CARRIER: &str = "relay";

/// A stack that was found.
pub struct Stack {
    /// Its name.
    pub name: String,
    /// Its functions, by name.
    pub members: Vec<Function>,
    account: Account,
}

impl Stack {
    /// Finds a stack in the account and region of the environment.
    ///
    /// # Errors
    /// There is none, or AWS does not answer.
    pub async fn find(name: &str) -> Result<Self> {
        let account = Account::new(&Settings::default()).await;
        if account.region().is_none() {
            bail!("no region is set; say AWS_REGION, or AWS_PROFILE with a profile that has one");
        }
        let members = account.functions().of_stack(name).await?;
        if members.is_empty() {
            let region = account.region().unwrap_or_default();
            bail!("no function of a stack {name} is in {region}; is it the right region, account and name?");
        }
        Ok(Self { name: name.to_owned(), members, account })
    }

    /// Its functions on Lambda.
    pub fn functions(&self) -> Functions {
        self.account.functions()
    }

    /// The secrets of its account.
    pub fn vault(&self) -> Vault {
        self.account.vault()
    }

    /// The queues of its account.
    pub fn queues(&self) -> Sqs {
        self.account.queues()
    }

    /// Its tables.
    ///
    /// # Errors
    /// Functions that do not agree on what they are called.
    pub fn dynamo(&self) -> Result<Dynamo> {
        Ok(Dynamo::new(&self.account.dynamo(), self.told("ROADBOOK_TABLES")?))
    }

    /// What the environment of every function says.
    ///
    /// # Errors
    /// It says nothing, or different things: a deployment is under way or has failed.
    pub fn told(&self, variable: &str) -> Result<&str> {
        let mut told = self.members.iter().filter_map(|function| function.environment.get(variable));
        let first = told.next().with_context(|| format!("no function of {} has {variable}", self.name))?;
        if told.any(|other| other != first) {
            bail!("the functions of {} do not agree on {variable}; let the deployment end first", self.name);
        }
        Ok(first)
    }

    /// The function of a role.
    ///
    /// # Errors
    /// There is none.
    pub fn role(&self, role: &str) -> Result<&Function> {
        let found = self.members.iter().find(|function| is(function, role));
        found.with_context(|| format!("{} has no function of the role {role}", self.name))
    }

    /// The functions that accept, decide or send: what must stand still before the tables do.
    pub fn workers(&self) -> impl Iterator<Item = &Function> {
        self.members.iter().filter(|function| !is(function, CARRIER))
    }

    /// Those of [`Stack::workers`] that may run.
    ///
    /// # Errors
    /// AWS does not answer.
    pub async fn running(&self) -> Result<Vec<String>> {
        let (functions, mut running) = (self.functions(), Vec::new());
        for function in self.workers() {
            if functions.reserved(&function.name).await? != Some(0) {
                running.push(function.name.clone());
            }
        }
        Ok(running)
    }

    /// Refuses unless it stands still.
    ///
    /// # Errors
    /// It is being served.
    pub async fn must_stand_still(&self, why: &str) -> Result<()> {
        let running = self.running().await?;
        if !running.is_empty() {
            let (name, running) = (&self.name, running.join(", "));
            bail!("{name} is being served ({running}), and {why}. First: roadbook-ops stop --stack {name}");
        }
        Ok(())
    }

    /// Its master key.
    ///
    /// # Errors
    /// It is not there, or is none.
    pub async fn master(&self) -> Result<[u8; 32]> {
        let id = self.told("ROADBOOK_MASTER_KEY_ARN")?;
        let held = self.vault().read(id).await?;
        let held = held.with_context(|| format!("the master key of {} is not there; restore its secret", self.name))?;
        read_master(&held.text).with_context(|| {
            format!("what is in the secret of {}'s master key is no key: restore the version that was", self.name)
        })
    }
}

/// Whether a function has a role.
pub fn is(function: &Function, role: &str) -> bool {
    function.environment.get("ROADBOOK_ROLE").is_some_and(|of| of == role)
}
