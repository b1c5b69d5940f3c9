//! Every page of the console. To add one: a line here, a file in `views/`, a template, its texts in both languages.

use crate::shell::{self, Pages};
use crate::views::{
    customer, home, identity, journeys, letters, live, merge, password, search, segments, sign_in, timeline, why,
};
use crate::{assets, posted};
use axum::Router;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use std::sync::Arc;

/// One path and method of the console.
#[derive(Clone, Copy, Debug)]
pub struct PageInfo {
    /// Lower case: `get`.
    pub method: &'static str,
    /// The pattern below `/console`, parameters in braces.
    pub path: &'static str,
    /// Whether only a signed-in person gets there.
    pub signed_in: bool,
}

macro_rules! pages {
    (
        open { $($open_method:ident $open:literal => $open_handler:expr;)* }
        signed_in { $($method:ident $path:literal => $handler:expr;)* }
    ) => {
        /// Every page, for the tests that must leave none out.
        pub const PAGES: &[PageInfo] = &[
            $(PageInfo { method: stringify!($open_method), path: $open, signed_in: false },)*
            $(PageInfo { method: stringify!($method), path: $path, signed_in: true },)*
        ];

        fn console() -> Router<Arc<Pages>> {
            Router::new()
                $(.route($open, $open_method($open_handler)))*
                $(.route($path, $method($handler)))*
        }
    };
}

pages! {
    open {
        get "/assets/{name}" => assets::asset;
        get "/sign-in" => sign_in::form;
        post "/sign-in" => sign_in::enter;
    }
    signed_in {
        post "/sign-out" => sign_in::leave;
        get "/password" => password::form;
        post "/password" => password::change;
        get "/" => home::home;
        post "/search" => search::search;
        get "/customers" => search::browse;
        get "/customers/{id}" => customer::customer;
        get "/customers/{id}/timeline" => timeline::timeline;
        get "/customers/{id}/why/{what}/{which}" => why::why;
        get "/segments" => segments::list;
        get "/segments/{id}" => segments::one;
        get "/journeys" => journeys::list;
        get "/journeys/{id}" => journeys::one;
        get "/journeys/{id}/nodes/{node}" => journeys::node;
        get "/letters" => letters::list;
        get "/letters/{id}" => letters::one;
        post "/letters/{id}/fix" => letters::fix;
        post "/letters/{id}/replay" => letters::replay;
        get "/identity" => identity::open;
        post "/identity/conflicts/{id}/dismiss" => identity::dismiss;
        post "/identity/reviews/{id}/resolve" => identity::resolve;
        post "/identity/merge/preview" => merge::preview;
        post "/identity/merge" => merge::merge;
        post "/identity/unmerge" => merge::unmerge;
        get "/live" => live::live;
        get "/live/stream" => live::stream;
    }
}

/// The console in front of an API: `/` leads to `/console`, and everything else is below it.
///
/// # Errors
/// A table of texts or a template that cannot be read. Both are part of the program, so that is a broken build.
pub fn router(api: Router) -> Result<Router, String> {
    let pages = Arc::new(Pages::new(api)?);
    let console =
        console().fallback(home::nothing_here).layer(posted::limit()).layer(from_fn(shell::around)).with_state(pages);
    Ok(Router::new().route("/", get(to_console)).route("/console/", get(to_console)).nest("/console", console))
}

async fn to_console() -> Response {
    Redirect::temporary("/console").into_response()
}
