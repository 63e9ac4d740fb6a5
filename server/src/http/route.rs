//! What a request is for, read from its path.

use super::answer::Refused;
use driftless_core::event::{EventId, RecordId};
use driftless_core::name::{Namespace, RepositoryName};
use driftless_core::wire::ErrorCode;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// What a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/`: a WebSocket, or a word to a person who looks.
    Root,
    /// `/sync` and `/sync/{namespace}`: a WebSocket.
    Sync(Namespace),
    /// `/healthz`.
    Alive,
    /// `/readyz`.
    Ready,
    /// `/metrics`.
    Metrics,
    /// `/api/health`.
    Health,
    /// The rest of `/api`, or `/api/ns/{namespace}`.
    Api(Namespace, Api),
}

/// A request to a namespace's logs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Api {
    /// `GET /repositories`.
    Repositories,
    /// `GET /events/{repository}`.
    Events(RepositoryName),
    /// `GET /events/{repository}/{eventId}`.
    Event(RepositoryName, EventId),
    /// `GET /events/{repository}/byDataId/{dataId}`.
    Newest(RepositoryName, RecordId),
    /// `POST /events/{repository}`.
    Push(RepositoryName),
    /// `POST /events/{repository}/batch`.
    PushBatch(RepositoryName),
}

const READ: &str = "GET, HEAD, OPTIONS";
const READ_AND_PUSH: &str = "GET, HEAD, POST, OPTIONS";

impl Route {
    /// Reads the method and the path. Segments are separated before they are decoded, so that a name may hold a slash.
    pub(super) fn read(method: &Method, path: &str) -> Result<Self, Refused> {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let route = match segments[..] {
            [""] => Self::Root,
            ["sync"] => Self::Sync(Namespace::default()),
            ["sync", namespace] => Self::Sync(self::namespace(namespace)?),
            ["healthz"] => Self::Alive,
            ["readyz"] => Self::Ready,
            ["metrics"] => Self::Metrics,
            ["api", "ns", namespace, ref rest @ ..] => return api(method, self::namespace(namespace)?, rest),
            ["api", ref rest @ ..] => return api(method, Namespace::default(), rest),
            _ => return Err(Refused::no_endpoint()),
        };
        only_read(method, route)
    }
}

fn api(method: &Method, namespace: Namespace, segments: &[&str]) -> Result<Route, Refused> {
    let api = match *segments {
        ["health"] => return only_read(method, Route::Health),
        ["repositories"] => Api::Repositories,
        ["events", repository] => match *method {
            Method::GET | Method::HEAD => Api::Events(self::repository(repository)?),
            Method::POST => Api::Push(self::repository(repository)?),
            _ => return Err(Refused::method(READ_AND_PUSH)),
        },
        ["events", repository, "batch"] if *method == Method::POST => Api::PushBatch(self::repository(repository)?),
        ["events", repository, id] => Api::Event(self::repository(repository)?, event_id(id)?),
        ["events", repository, "byDataId", id] => Api::Newest(self::repository(repository)?, record_id(id)?),
        _ => return Err(Refused::no_endpoint()),
    };
    match api {
        Api::Push(_) | Api::PushBatch(_) => Ok(Route::Api(namespace, api)),
        _ => only_read(method, Route::Api(namespace, api)),
    }
}

fn only_read(method: &Method, route: Route) -> Result<Route, Refused> {
    if matches!(*method, Method::GET | Method::HEAD) {
        Ok(route)
    } else {
        Err(Refused::method(READ))
    }
}

fn namespace(segment: &str) -> Result<Namespace, Refused> {
    Namespace::new(&decoded(segment)?).map_err(|error| Refused::bad(error.to_string()))
}

fn repository(segment: &str) -> Result<RepositoryName, Refused> {
    RepositoryName::new(&decoded(segment)?)
        .map_err(|error| Refused::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRepository, error.to_string()))
}

fn event_id(segment: &str) -> Result<EventId, Refused> {
    EventId::new(&*decoded(segment)?).map_err(|error| Refused::bad(error.to_string()))
}

fn record_id(segment: &str) -> Result<RecordId, Refused> {
    RecordId::new(&*decoded(segment)?).map_err(|error| Refused::bad(error.to_string()))
}

fn decoded(segment: &str) -> Result<Cow<'_, str>, Refused> {
    percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| Refused::bad("the path is not UTF-8 once it is percent-decoded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Result<Route, Refused> {
        Route::read(&Method::GET, path)
    }

    fn name(text: &str) -> RepositoryName {
        RepositoryName::new(text).unwrap()
    }

    #[test]
    fn names_and_ids_are_percent_decoded_after_the_path_is_split() {
        let api = Api::Event(name("a/b ä"), EventId::new("1/2+3").unwrap());
        assert_eq!(
            get("/api/events/a%2Fb%20%C3%A4/1%2F2+3"),
            Ok(Route::Api(Namespace::default(), api))
        );
        assert_eq!(get("/api/events/%FF").unwrap_err().status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_namespace_stands_in_front_of_everything() {
        let tenant = Namespace::new("t-1").unwrap();
        assert_eq!(get("/sync/t-1"), Ok(Route::Sync(tenant.clone())));
        assert_eq!(
            get("/api/ns/t-1/repositories"),
            Ok(Route::Api(tenant, Api::Repositories))
        );
        assert_eq!(get("/api/ns/t-1/health"), Ok(Route::Health));
        assert_eq!(get("/api/ns/a%20b/health").unwrap_err().status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn words_of_the_api_may_be_names_too() {
        assert_eq!(
            get("/api/events/batch"),
            Ok(Route::Api(Namespace::default(), Api::Events(name("batch"))))
        );
        let api = Api::Event(name("users"), EventId::new("batch").unwrap());
        assert_eq!(
            get("/api/events/users/batch"),
            Ok(Route::Api(Namespace::default(), api))
        );
        let api = Api::Newest(name("users"), RecordId::new("alice").unwrap());
        assert_eq!(
            get("/api/events/users/byDataId/alice"),
            Ok(Route::Api(Namespace::default(), api))
        );
    }

    #[test]
    fn another_method_is_told_from_another_path() {
        assert_eq!(
            Route::read(&Method::PUT, "/api/events/users"),
            Err(Refused::method(READ_AND_PUSH))
        );
        assert_eq!(Route::read(&Method::POST, "/api/health"), Err(Refused::method(READ)));
        assert_eq!(
            Route::read(&Method::POST, "/api/events/users/one"),
            Err(Refused::method(READ))
        );
        for path in [
            "/api",
            "/api/events",
            "/api/events/a/b/c",
            "/apis",
            "/sync/a/b",
            "/api/health/",
        ] {
            assert_eq!(get(path), Err(Refused::no_endpoint()), "{path}");
        }
        assert_eq!(get("/api/events/").unwrap_err().status, StatusCode::BAD_REQUEST);
    }
}
