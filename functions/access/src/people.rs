//! Signing in, and believing tokens.

use crate::authority::{Authority, Bearer, Proven};
use crate::buckets::Buckets;
use crate::login::Login;
use crate::passwords::Passwords;
use crate::roles::Role;
use crate::scope::Scopes;
use crate::tenant::tenant_key;
use crate::token::{Denied, Issued, OWN_ISSUER, OwnClaims, Presented, Provider, ProviderSettings, Signer};
use crate::token::{Vouched, Wanted};
use crate::users::{Membership, Status, User, UserChange, Users, UsersError};
use roadbook_kernel::{Moment, Personal, TenantId, UserId};
use roadbook_runtime::ports::{Fault, Fetch, Store};
use std::net::IpAddr;
use std::sync::Arc;

/// Failed logins of one login, and in which time they are forgiven: one per minute.
const LOGIN_FAILURES: u32 = 10;
/// Failed logins of one peer: many people may sit behind one address.
const PEER_FAILURES: u32 = 60;
const FAILURES_WINDOW_MS: i64 = 10 * 60_000;
/// Logins and peers remembered for it.
const FAILURES_KEYS: usize = 50_000;

/// Somebody who wants to sign in.
pub struct Attempt<'a> {
    /// What they call themselves.
    pub login: &'a str,
    /// Their password.
    pub password: Personal<String>,
    /// The tenant they want, where they belong to several.
    pub tenant: Option<TenantId>,
    /// Where the request came from.
    pub peer: Option<IpAddr>,
    /// Bits the caller drew: the token's name.
    pub random: [u8; 16],
}

/// Somebody who wants another password for themselves.
pub struct OwnPassword {
    /// The tenant they have signed in to.
    pub tenant: TenantId,
    /// The password they have.
    pub old: Personal<String>,
    /// The one they want. What it must be like: [`crate::password_problem`].
    pub new: Personal<String>,
    /// Bits the caller drew, for the hash.
    pub salt: [u8; 16],
    /// Bits the caller drew: the name of the new token.
    pub random: [u8; 16],
}

/// What became of it.
pub enum SignedIn {
    /// A token.
    Done(Session),
    /// The password was right; they belong to several tenants and have named none.
    Choose(Vec<TenantId>),
    /// Unknown login, wrong password, disabled, or not of this tenant: nobody is told which.
    Wrong,
    /// Too many failures; seconds until the next attempt is looked at.
    TooMany(i64),
}

/// A person who has signed in.
pub struct Session {
    /// The token. Shown to the person and to nobody else.
    pub token: String,
    /// Seconds it holds.
    pub expires_in_s: i64,
    /// To which tenant.
    pub tenant: TenantId,
    /// Who.
    pub user: UserId,
    /// What they are called there.
    pub name: Personal<String>,
}

/// The people of an installation, and the providers that vouch for others.
pub struct People {
    store: Arc<dyn Store>,
    /// Those who are kept here.
    pub users: Users,
    passwords: Passwords,
    signer: Signer,
    providers: Vec<Provider>,
    login_failures: Buckets<[u8; 32]>,
    peer_failures: Buckets<IpAddr>,
}

impl People {
    /// People kept in a store, whose tokens are signed under a secret of the installation.
    pub fn new(store: Arc<dyn Store>, secret: &[u8; 32]) -> Self {
        Self {
            users: Users::new(store.clone()),
            store,
            passwords: Passwords::new(),
            signer: Signer::derive(secret),
            providers: Vec::new(),
            login_failures: Buckets::new(LOGIN_FAILURES, FAILURES_WINDOW_MS, FAILURES_KEYS),
            peer_failures: Buckets::new(PEER_FAILURES, FAILURES_WINDOW_MS, FAILURES_KEYS),
        }
    }

    /// The same, with providers that vouch for more people. Issuers must differ from each other and from ours.
    #[must_use]
    pub fn trusting(mut self, providers: Vec<ProviderSettings>, fetch: &Arc<dyn Fetch>) -> Self {
        self.providers = providers.into_iter().map(|settings| Provider::new(settings, fetch.clone())).collect();
        self
    }

    /// A new person of a tenant, with a salt and an id from bits the caller drew. What their password must be like:
    /// [`crate::password_problem`].
    ///
    /// # Errors
    /// The login is in use, or the store failed.
    pub async fn create(
        &self,
        tenant: TenantId,
        login: Login,
        password: Personal<String>,
        membership: Membership,
        salt: [u8; 16],
        random: [u8; 16],
    ) -> Result<User, UsersError> {
        let hash = self.passwords.hash(password, salt).await?;
        self.users.create(tenant, login, Personal::new(hash), membership, random).await
    }

    /// Changes what a person is within a tenant, and their password where one is given: every token ends then.
    ///
    /// # Errors
    /// The tenant has no such person, or the store failed.
    pub async fn change(
        &self,
        tenant: TenantId,
        id: UserId,
        to: UserChange,
        password: Option<Personal<String>>,
        salt: [u8; 16],
    ) -> Result<User, UsersError> {
        let hash = match password {
            Some(password) => Some(Personal::new(self.passwords.hash(password, salt).await?)),
            None => None,
        };
        self.users.change(tenant, id, to, hash).await
    }

    /// Changes the password of somebody who knows it: every token ends, and they get a new one. A wrong old password
    /// counts as a failed login, because it is a guess as well.
    ///
    /// # Errors
    /// A fault of the store, or too many passwords to hash at once.
    pub async fn change_own_password(&self, user: &User, change: OwnPassword, now: Moment) -> Result<SignedIn, Fault> {
        let login_key = user.login.hash();
        if let Err(empty) = self.login_failures.take(&login_key, now) {
            return Ok(SignedIn::TooMany(empty.retry_after_s));
        }
        let known = user.password.clone();
        if !self.passwords.matches(change.old, Some(known.reveal().clone())).await? {
            return Ok(SignedIn::Wrong);
        }
        self.login_failures.give_back(&login_key);
        let hash = Personal::new(self.passwords.hash(change.new, change.salt).await?);
        match self.users.replace_password(user.id, &known, hash).await {
            Ok(user) => self.admit(&user, Some(change.tenant), change.random, now),
            Err(UsersError::Fault(fault)) => Err(fault),
            // Somebody else has set another one meanwhile, or the person is gone.
            Err(UsersError::NoSuchUser | UsersError::LoginTaken | UsersError::AlreadyThere) => Ok(SignedIn::Wrong),
        }
    }

    /// Signs somebody in. A failure is counted against the login, whether anybody has it or not, and against the peer;
    /// it is counted before the password is looked at, so that many attempts at once gain nothing.
    ///
    /// # Errors
    /// A fault of the store, or too many who want to sign in at once.
    pub async fn sign_in(&self, attempt: Attempt<'_>, now: Moment) -> Result<SignedIn, Fault> {
        let Ok(login) = attempt.login.parse::<Login>() else { return Ok(SignedIn::Wrong) };
        let (login_key, peer_key) = (login.hash(), attempt.peer.map(network));
        if let Some(peer) = &peer_key
            && let Err(empty) = self.peer_failures.take(peer, now)
        {
            return Ok(SignedIn::TooMany(empty.retry_after_s));
        }
        if let Err(empty) = self.login_failures.take(&login_key, now) {
            return Ok(SignedIn::TooMany(empty.retry_after_s));
        }
        let user = self.users.by_login(&login).await?;
        let hash = user.as_ref().map(|user| user.password.reveal().clone());
        if !self.passwords.matches(attempt.password, hash).await? {
            return Ok(SignedIn::Wrong);
        }
        let signed_in = match user {
            Some(user) => self.admit(&user, attempt.tenant, attempt.random, now)?,
            None => SignedIn::Wrong,
        };
        if !matches!(signed_in, SignedIn::Wrong) {
            self.login_failures.give_back(&login_key);
            if let Some(peer) = &peer_key {
                self.peer_failures.give_back(peer);
            }
        }
        Ok(signed_in)
    }

    fn admit(&self, user: &User, wanted: Option<TenantId>, random: [u8; 16], now: Moment) -> Result<SignedIn, Fault> {
        let open = |membership: &Membership| membership.status == Status::Active;
        let mut choices = user
            .memberships
            .iter()
            .filter(|(tenant, membership)| open(membership) && wanted.is_none_or(|wanted| wanted == **tenant));
        let (tenant, membership) = match (choices.next(), choices.next()) {
            (None, _) => return Ok(SignedIn::Wrong),
            (Some(only), None) => only,
            (Some(first), Some(second)) => {
                let all = [first, second].into_iter().chain(choices).map(|(tenant, _)| *tenant).collect();
                return Ok(SignedIn::Choose(all));
            }
        };
        let Issued { text, expires_in_s } = self.signer.issue(
            Wanted {
                user: user.id,
                tenant: *tenant,
                roles: membership.roles.iter().map(|role| role.code().to_owned()).collect(),
                org_scope: membership.org_scope.as_ref().map(ToString::to_string),
                scope: membership.scopes().to_string(),
                generation: user.generation,
                jti: format!("{:032x}", u128::from_be_bytes(random)),
            },
            now,
        )?;
        let name = membership.name.clone();
        Ok(SignedIn::Done(Session { token: text, expires_in_s, tenant: *tenant, user: user.id, name }))
    }

    /// The authority a token proves; `None` where it proves nothing, for whatever reason.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn verify(&self, text: &str, now: Moment) -> Result<Option<Authority>, Fault> {
        let Ok(token) = Presented::read(text) else { return Ok(None) };
        let proven = if token.issuer == OWN_ISSUER {
            match self.signer.verify(&token, now) {
                Ok(claims) => self.still(claims).await?,
                Err(Denied) => None,
            }
        } else {
            match self.providers.iter().find(|provider| provider.issuer() == token.issuer) {
                Some(provider) => provider.verify(&token, now).await.ok().map(vouched),
                None => None,
            }
        };
        let Some(proven) = proven else { return Ok(None) };
        if self.store.load(&tenant_key(proven.tenant)).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(Authority::of(proven)))
    }

    /// What one of our own tokens proves now: the person may have been disabled or got a new password since. Roles and
    /// place are those of today; the token can only narrow what they allow.
    async fn still(&self, claims: OwnClaims) -> Result<Option<Proven>, Fault> {
        let Ok(granted) = claims.scope.parse::<Scopes>() else { return Ok(None) };
        let Some(user) = self.users.get(claims.sub).await? else { return Ok(None) };
        let Some(membership) = user.memberships.get(&claims.tid) else { return Ok(None) };
        if user.generation != claims.generation || membership.status != Status::Active {
            return Ok(None);
        }
        Ok(Some(Proven {
            tenant: claims.tid,
            source: user.id.to_string(),
            name: membership.name.reveal().clone(),
            bearer: Bearer::User,
            scopes: membership.scopes().and(granted),
            roles: membership.roles.clone(),
            place: membership.org_scope.clone(),
            until: None,
        }))
    }
}

fn vouched(vouched: Vouched) -> Proven {
    let Vouched { tenant, id, name, roles, place } = vouched;
    Proven {
        tenant,
        source: id.to_string(),
        name,
        bearer: Bearer::User,
        scopes: Role::scopes_of(&roles),
        roles,
        place,
        until: None,
    }
}

/// What counts as one peer: an IPv4 address, or the /64 network that one IPv6 customer is given.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6([a, b, c, d, 0, 0, 0, 0].into())
        }
    }
}

#[cfg(test)]
mod tests;
