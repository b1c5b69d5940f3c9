//! What stands in a path or a query, read once and answered with a problem where it cannot be.

use crate::failure::Failure;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use std::collections::BTreeMap;
use std::str::FromStr;

/// The one parameter of a path, as text.
pub(crate) struct PathText(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        // What is no UTF-8 names nothing here.
        let path: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        path.map(|Path(text)| Self(text)).map_err(|_| Failure::not_found("resource"))
    }
}

/// The one parameter of a path, as an id of ours. A text that is none is answered like an id nobody has.
pub(crate) struct PathId<T>(pub(crate) T);

/// An id of ours and the text behind it: `/v1/things/{id}/parts/{key}`.
pub(crate) struct PathIdText<T>(pub(crate) T, pub(crate) String);

/// What an id names, in an error.
pub(crate) trait Named: FromStr + Send {
    const NAME: &'static str;
}

macro_rules! named {
    ($($id:ty = $name:literal;)*) => {$(
        impl Named for $id {
            const NAME: &'static str = $name;
        }
    )*};
}

named! {
    roadbook_kernel::CustomerId = "profile";
    roadbook_kernel::SegmentId = "segment";
    roadbook_kernel::JourneyId = "journey";
    roadbook_kernel::DeadLetterId = "dead letter";
    roadbook_kernel::SendKey = "send";
    roadbook_kernel::UserId = "user";
    roadbook_kernel::JobId = "job";
    roadbook_kernel::EndpointId = "webhook endpoint";
    roadbook_kernel::ConflictId = "conflict";
    roadbook_kernel::ReviewId = "review";
}

impl<T: Named, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let not_found = || Failure::not_found(T::NAME);
        let PathText(text) = PathText::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        text.parse().map(Self).map_err(|_| not_found())
    }
}

impl<T: Named, S: Send + Sync> FromRequestParts<S> for PathIdText<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let not_found = || Failure::not_found(T::NAME);
        let path: Result<Path<(String, String)>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Path((id, text)) = path.map_err(|_| not_found())?;
        id.parse().map(|id| Self(id, text)).map_err(|_| not_found())
    }
}

/// The parameters of a query. Of a parameter that is given twice the last counts; those nobody asks for are passed over.
pub(crate) struct Params(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Self::read(&parts.uri)
    }
}

impl Params {
    fn read(uri: &Uri) -> Result<Self, Failure> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Failure::invalid("malformed_query", "", "the query is not `name=value&name=value`"))?;
        Ok(Self(pairs.into_iter().collect()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn required(&self, name: &'static str) -> Result<&str, Failure> {
        let missing = || Failure::invalid("missing_parameter", "", format!("the query parameter `{name}` is missing"));
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    }
}
