//! Where names may lead: checked on the very addresses that are connected to, so a name that resolves to another
//! address the second time (DNS rebinding) gains nothing.

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use roadbook_runtime::webhooks::is_public;
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The system's resolver, without the addresses that are nobody's business.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guarded {
    pub(super) anywhere: bool,
}

/// A name leads to no address that may be called.
#[derive(Debug)]
struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name leads to no public address")
    }
}

impl Error for NotPublic {}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let anywhere = self.anywhere;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> =
                found.into_iter().filter(|address| anywhere || is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(Box::new(NotPublic) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether the host is written as an address that may not be called: those are not resolved.
pub(super) fn is_literal_inside(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok_and(|address| !is_public(address))
}

/// Whether a call failed because of this file.
pub(super) fn is_refusal(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused() {
        let name = || "localhost".parse::<Name>().unwrap();
        let refused = Guarded { anywhere: false }.resolve(name()).await.err().unwrap();
        assert!(refused.is::<NotPublic>(), "{refused}");
        assert!(Guarded { anywhere: true }.resolve(name()).await.is_ok());
    }
}
