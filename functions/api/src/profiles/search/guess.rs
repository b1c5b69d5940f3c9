//! What was said at the desk, and nobody said what it is: a number of ours, a car, or an identifier of any kind.

use crate::api::Api;
use crate::failure::Failure;
use crate::profiles::data_scope::may_see;
use crate::profiles::lookup::by_identifier;
use crate::secret::Secret;
use roadbook_customer::{Customer, vehicle};
use roadbook_identity::{Identifier, Kind, TenantKeys};
use roadbook_kernel::CustomerId;
use roadbook_runtime::{live, people_of_car};
use std::collections::BTreeMap;

/// Everybody it could mean, eldest first. A text that can be several things is looked up as each of them: a phone
/// number may also be somebody's userId.
pub(super) async fn find(api: &Api, secret: &Secret, said: &str) -> Result<Vec<Customer>, Failure> {
    let (tenant, keys) = (secret.tenant(), secret.keys(api));
    let mut found = BTreeMap::new();
    if let Ok(id) = said.parse::<CustomerId>() {
        note(api, secret, id, &mut found).await?;
    }
    if let Some((car, _)) = vehicle(&keys, said) {
        for person in people_of_car(api.engine(), tenant, car).await? {
            note(api, secret, person.customer, &mut found).await?;
        }
    }
    for identifier in identifiers(api, &keys, said) {
        if let Some(customer) = by_identifier(api, secret, &identifier).await? {
            found.insert(customer.id, customer);
        }
    }
    Ok(found.into_values().collect())
}

async fn note(
    api: &Api,
    secret: &Secret,
    id: CustomerId,
    found: &mut BTreeMap<CustomerId, Customer>,
) -> Result<(), Failure> {
    let row = live(api.engine(), secret.tenant(), id).await?;
    if let Some(row) = row.filter(|row| may_see(&secret.0, &row.state)) {
        found.insert(row.state.id, row.state);
    }
    Ok(())
}

/// The identifiers that a text could be: of a kind with a scope, one for each app and corp of the settings.
fn identifiers(api: &Api, keys: &TenantKeys, said: &str) -> Vec<Identifier> {
    let config = &api.app.config;
    let mut found = Vec::new();
    for kind in Kind::ALL {
        let scopes: Vec<&str> = match kind {
            Kind::Openid => config.miniprograms.iter().map(|app| app.appid.as_str()).collect(),
            Kind::ExternalUserid => config.corps.iter().map(|corp| corp.corp.as_str()).collect(),
            Kind::UserId
            | Kind::CrmId
            | Kind::DmsId
            | Kind::Unionid
            | Kind::Phone
            | Kind::Email
            | Kind::Device
            | Kind::AnonymousId => vec![""],
        };
        // What cannot be of a kind is not looked up as one.
        found.extend(scopes.into_iter().filter_map(|scope| keys.identifier(kind, scope, said).ok()));
    }
    found
}
