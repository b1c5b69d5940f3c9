//! Every path of this door, with the right it takes. To add one: a line here, a row in the table of `tests/`, which is
//! held against [`ROUTES`], and its words in `openapi/`.

use crate::api::Api;
use crate::definitions::{self, journeys, members, preview, segments};
use crate::failure::Failure;
use crate::ingest::Door;
pub use crate::metrics::RouteClass;
use crate::secret::Required;
use crate::{
    consents, debugger, explain, idempotency, identity, imports, ingest, jobs, keys, letters, limit, me, openapi, ops,
    password, profiles, sends, sign_in, tags, trace, users, webhooks,
};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use axum::{Extension, Router};
use roadbook_access::Scope;
use roadbook_app::App;
use roadbook_customer::Call;
use roadbook_kernel::{JourneyId, SegmentId};
use std::convert::Infallible;
use std::sync::Arc;

/// One path and method of the API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouteInfo {
    /// Lower case: `get`.
    pub method: &'static str,
    /// The pattern, parameters in braces.
    pub path: &'static str,
    /// What is needed to call it.
    pub class: RouteClass,
    /// The right it takes; `None` where none is needed, or whatever was proven is enough.
    pub scope: Option<Scope>,
}

macro_rules! routes {
    (
        ingestion { $($taken:literal => $door:expr;)* }
        browser { $($browser_method:ident $browser:literal => $browser_handler:expr;)* }
        ops { $($ops_method:ident $ops:literal => $ops_handler:expr;)* }
        public { $($public_method:ident $public:literal => $public_handler:expr;)* }
        any { $($any_method:ident $any:literal => $any_handler:expr;)* }
        secret { $($method:ident $path:literal $scope:ident => $handler:expr;)* }
    ) => {
        /// Every path and method, for documents and for the tests that must leave none out.
        pub const ROUTES: &[RouteInfo] = &[
            $(RouteInfo { method: "post", path: $taken, class: RouteClass::Ingestion, scope: None },)*
            $(RouteInfo { method: stringify!($browser_method), path: $browser, class: RouteClass::Browser, scope: None },)*
            $(RouteInfo { method: stringify!($ops_method), path: $ops, class: RouteClass::Ops, scope: None },)*
            $(RouteInfo { method: stringify!($public_method), path: $public, class: RouteClass::Public, scope: None },)*
            $(RouteInfo { method: stringify!($any_method), path: $any, class: RouteClass::Secret, scope: None },)*
            $(RouteInfo { method: stringify!($method), path: $path, class: RouteClass::Secret, scope: Some(Scope::$scope) },)*
        ];

        /// The doors that take events, with and without a slash at the end. Nothing stands in front of the handler:
        /// a middleware would cost every event.
        fn ingestion(router: Router<Arc<Api>>) -> Router<Arc<Api>> {
            router$(
                .route($taken, post(|State(api), request: Request| ingest::take(api, $door, request)).options(ingest::preflight))
                .route(concat!($taken, "/"), post(|State(api), request: Request| ingest::take(api, $door, request)).options(ingest::preflight))
            )*
        }

        fn open(router: Router<Arc<Api>>) -> Router<Arc<Api>> {
            router
                $(.route($browser, $browser_method($browser_handler).options(ingest::preflight)))*
                $(.route($ops, $ops_method($ops_handler)))*
        }

        fn public(api: Arc<Api>) -> Router<Arc<Api>> {
            Router::new()
                $(.route($public, $public_method($public_handler)))*
                .route_layer(from_fn_with_state(api, trace::around_public))
        }

        /// The last layer is the outermost: a request is named, then its key is proven and counted.
        fn secret(api: Arc<Api>) -> Router<Arc<Api>> {
            Router::new()
                $(.route($any, guarded(&api, None, $any_method($any_handler))))*
                $(.route($path, guarded(&api, Some(Scope::$scope), $method($handler))))*
                .route_layer(from_fn_with_state(api.clone(), limit::around))
                .route_layer(from_fn_with_state(api, trace::around))
        }
    };
}

routes! {
    ingestion {
        "/v1/batch" => Door::Batch;
        "/v1/b" => Door::Batch;
        "/v1/import" => Door::Batch;
        "/v1/identify" => Door::Single(Call::Identify);
        "/v1/i" => Door::Single(Call::Identify);
        "/v1/track" => Door::Single(Call::Track);
        "/v1/t" => Door::Single(Call::Track);
        "/v1/page" => Door::Single(Call::Page);
        "/v1/p" => Door::Single(Call::Page);
        "/v1/screen" => Door::Single(Call::Screen);
        "/v1/s" => Door::Single(Call::Screen);
        "/v1/group" => Door::Single(Call::Group);
        "/v1/g" => Door::Single(Call::Group);
        "/v1/alias" => Door::Single(Call::Alias);
        "/v1/a" => Door::Single(Call::Alias);
    }
    browser {
        get "/v1/projects/{write_key}/settings" => ingest::settings;
        post "/v1/m" => ingest::measurements;
    }
    ops {
        get "/healthz" => ops::health;
        get "/readyz" => ops::ready;
        get "/metrics" => ops::metrics;
        get "/v1/openapi.json" => openapi::openapi;
    }
    public {
        post "/v1/auth/token" => sign_in::sign_in;
    }
    any {
        get "/v1/me" => me::me;
        post "/v1/me/password" => password::change;
    }
    secret {
        get "/v1/profiles" ProfilesRead => profiles::search;
        get "/v1/profiles/lookup" ProfilesRead => profiles::lookup;
        get "/v1/profiles/{id}" ProfilesRead => profiles::get;
        get "/v1/profiles/{id}/timeline" ProfilesRead => profiles::timeline;
        get "/v1/profiles/{id}/consents" ProfilesRead => consents::list;
        get "/v1/profiles/{id}/stages" ProfilesRead => profiles::stages;
        get "/v1/profiles/{id}/explain/segments/{seg}" ProfilesRead => explain::segment;
        get "/v1/profiles/{id}/explain/sends/{snd}" ProfilesRead => explain::send;
        get "/v1/profiles/{id}/explain/journeys/{jrn}" ProfilesRead => explain::journey;
        post "/v1/profiles/{id}/consents" ProfilesWrite => consents::note;
        put "/v1/profiles/{id}/tags/{key}" ProfilesWrite => tags::manual::set;
        delete "/v1/profiles/{id}/tags/{key}" ProfilesWrite => tags::manual::clear;
        post "/v1/profiles/{id}/identifiers/unbind" IdentityWrite => identity::unbind;
        get "/v1/identity/conflicts" IdentityWrite => identity::conflicts::list;
        post "/v1/identity/conflicts/{id}/dismiss" IdentityWrite => identity::conflicts::dismiss;
        post "/v1/identity/merge" IdentityWrite => identity::merge;
        post "/v1/identity/merge/preview" IdentityWrite => identity::preview;
        post "/v1/identity/unmerge" IdentityWrite => identity::unmerge;
        get "/v1/identity/policy" IdentityWrite => identity::policy::get;
        put "/v1/identity/policy" IdentityWrite => identity::policy::put;
        get "/v1/identity/reviews" IdentityWrite => identity::reviews::list;
        post "/v1/identity/reviews/{id}/resolve" IdentityWrite => identity::reviews::resolve;
        get "/v1/segments" SegmentsRead => definitions::list::<SegmentId>;
        post "/v1/segments" SegmentsWrite => definitions::create::<SegmentId>;
        post "/v1/segments/preview" SegmentsRead => preview::preview;
        get "/v1/segments/{id}" SegmentsRead => definitions::get::<SegmentId>;
        put "/v1/segments/{id}" SegmentsWrite => definitions::edit::<SegmentId>;
        delete "/v1/segments/{id}" SegmentsWrite => definitions::archive::<SegmentId>;
        post "/v1/segments/{id}/publish" SegmentsWrite => definitions::publish::<SegmentId>;
        get "/v1/segments/{id}/stats" SegmentsRead => segments::stats;
        get "/v1/segments/{id}/members" SegmentsRead => members::of_segment;
        get "/v1/journeys" JourneysRead => definitions::list::<JourneyId>;
        post "/v1/journeys" JourneysWrite => definitions::create::<JourneyId>;
        get "/v1/journeys/{id}" JourneysRead => definitions::get::<JourneyId>;
        put "/v1/journeys/{id}" JourneysWrite => definitions::edit::<JourneyId>;
        delete "/v1/journeys/{id}" JourneysWrite => definitions::archive::<JourneyId>;
        post "/v1/journeys/{id}/publish" JourneysWrite => definitions::publish::<JourneyId>;
        post "/v1/journeys/{id}/pause" JourneysWrite => journeys::pause;
        post "/v1/journeys/{id}/resume" JourneysWrite => journeys::resume;
        get "/v1/journeys/{id}/stats" JourneysRead => journeys::stats;
        get "/v1/journeys/{id}/diagram" JourneysRead => journeys::diagram;
        get "/v1/journeys/{id}/members" JourneysRead => members::of_journey;
        get "/v1/tag-definitions" TagsRead => tags::list;
        post "/v1/tag-definitions" TagsWrite => tags::create;
        post "/v1/tag-definitions/load-builtin" TagsWrite => tags::load_builtin;
        get "/v1/tag-definitions/{key}" TagsRead => tags::get;
        put "/v1/tag-definitions/{key}" TagsWrite => tags::edit;
        delete "/v1/tag-definitions/{key}" TagsWrite => tags::delete;
        get "/v1/dead-letters" LettersRead => letters::list;
        get "/v1/dead-letters/{id}" LettersRead => letters::get;
        put "/v1/dead-letters/{id}" LettersWrite => letters::correct;
        post "/v1/dead-letters/replay" LettersWrite => letters::replay_many;
        post "/v1/dead-letters/{id}/replay" LettersWrite => letters::replay;
        post "/v1/imports" ImportsWrite => imports::create;
        get "/v1/jobs" ImportsWrite => jobs::list;
        get "/v1/jobs/{id}" ImportsWrite => jobs::get;
        get "/v1/events/debug" EventsRead => debugger::events;
        get "/v1/sends/stats" JourneysRead => sends::stats;
        get "/v1/webhook-endpoints" IntegrationsRead => webhooks::list;
        post "/v1/webhook-endpoints" IntegrationsWrite => webhooks::create;
        get "/v1/webhook-endpoints/{id}" IntegrationsRead => webhooks::get;
        patch "/v1/webhook-endpoints/{id}" IntegrationsWrite => webhooks::change;
        delete "/v1/webhook-endpoints/{id}" IntegrationsWrite => webhooks::remove;
        post "/v1/webhook-endpoints/{id}/secret/rotate" IntegrationsWrite => webhooks::rotate;
        post "/v1/webhook-endpoints/{id}/enable" IntegrationsWrite => webhooks::enable;
        get "/v1/webhook-endpoints/{id}/attempts" IntegrationsRead => webhooks::attempts;
        post "/v1/webhook-endpoints/{id}/replay" IntegrationsWrite => webhooks::replay;
        get "/v1/api-keys" AdminRead => keys::list;
        post "/v1/api-keys" AdminWrite => keys::create;
        delete "/v1/api-keys/{id}" AdminWrite => keys::revoke;
        get "/v1/users" AdminRead => users::list;
        post "/v1/users" AdminWrite => users::create;
        get "/v1/users/{id}" AdminRead => users::get;
        patch "/v1/users/{id}" AdminWrite => users::change;
        delete "/v1/users/{id}" AdminWrite => users::remove;
    }
}

/// A handler behind the right it takes, and behind the answers that are kept for repeated requests.
fn guarded(api: &Arc<Api>, scope: Option<Scope>, handler: MethodRouter<Arc<Api>>) -> MethodRouter<Arc<Api>> {
    handler
        .layer::<_, Infallible>(from_fn_with_state(api.clone(), idempotency::around))
        .layer(Extension(Required(scope)))
}

/// The router of the API.
pub fn router(app: Arc<App>) -> Router {
    let api = Arc::new(Api::new(app));
    ingestion(open(Router::new()))
        .merge(public(api.clone()))
        .merge(secret(api.clone()))
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown)
        .with_state(api)
}

async fn unknown(State(api): State<Arc<Api>>) -> Response {
    api.metrics.answered(RouteClass::Unknown, StatusCode::NOT_FOUND);
    Failure::new(StatusCode::NOT_FOUND, "unknown_path", "there is nothing at this path").into_response()
}

async fn wrong_method(State(api): State<Arc<Api>>) -> Response {
    api.metrics.answered(RouteClass::Unknown, StatusCode::METHOD_NOT_ALLOWED);
    let detail = "this path has no such method; `Allow` names those it has";
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response()
}
