//! One file per page: what it asks the API, and what its template gets.

pub(crate) mod customer;
pub(crate) mod home;
pub(crate) mod identity;
pub(crate) mod journeys;
pub(crate) mod letters;
pub(crate) mod live;
pub(crate) mod merge;
pub(crate) mod names;
pub(crate) mod password;
pub(crate) mod search;
pub(crate) mod segments;
pub(crate) mod sign_in;
pub(crate) mod timeline;
pub(crate) mod why;
