//! Who may call: tokens and web pages.

use crate::support::http::{get, post, send};
use crate::support::{Server, Setup, socket};

const TOKEN: &str = "correct horse battery staple";
const FOREIGN: (&str, &str) = ("Origin", "https://evil.example");
const LOCAL: (&str, &str) = ("Origin", "http://localhost:5173");

fn with_token() -> Server {
    Server::with(Setup {
        token: Some(TOKEN),
        ..Setup::default()
    })
}

#[test]
fn with_a_token_everything_but_health_asks_for_it() {
    let server = with_token();
    for target in [
        "/api/repositories",
        "/api/events/users",
        "/api/events/users/e",
        "/metrics",
    ] {
        let refused = get(server.address, target);
        refused.assert_error(401, "not_authenticated", "token is required");
        assert_eq!(refused.header("WWW-Authenticate"), Some("Bearer"));
        let wrong = [("Authorization", "Bearer wrong")];
        send(server.address, "GET", target, &wrong, b"").assert_error(401, "auth_failed", "not valid");
        let other_scheme = [("Authorization", "Basic Y29ycmVjdA==")];
        assert_eq!(send(server.address, "GET", target, &other_scheme, b"").status, 401);
    }
    assert_eq!(
        post(server.address, "/api/events/users", r#"{"eventId":"e"}"#).status,
        401
    );
    for target in ["/api/health", "/healthz", "/readyz", "/"] {
        assert_eq!(get(server.address, target).status, 200, "{target}");
    }
    let bearer = format!("bearer {TOKEN}");
    let right = [("Authorization", bearer.as_str())];
    let pushed = send(
        server.address,
        "POST",
        "/api/events/users",
        &right,
        br#"{"eventId":"e"}"#,
    );
    assert_eq!(pushed.status, 201);
    assert_eq!(send(server.address, "GET", "/metrics", &right, b"").status, 200);
}

#[test]
fn the_token_of_a_handshake_lets_a_socket_in() {
    let server = with_token();
    let bearer = format!("Bearer {TOKEN}");
    let mut inside = socket::open_with(server.address, "/sync", &[("Authorization", &bearer)]);
    socket::say(&mut inside, r#"{"type":"auth"}"#);
    assert_eq!(socket::hear(&mut inside)["type"], "auth_success");
    let mut outside = socket::open_with(server.address, "/sync", &[("Authorization", "Bearer wrong")]);
    socket::say(&mut outside, r#"{"type":"auth"}"#);
    assert_eq!(socket::hear(&mut outside)["code"], "auth_failed");
    assert_eq!(socket::close_code(&mut outside), 4401);
}

#[test]
fn with_a_token_any_page_may_call() {
    let server = with_token();
    let answer = send(server.address, "GET", "/api/health", &[FOREIGN], b"");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"));
    let refused = send(server.address, "GET", "/api/repositories", &[FOREIGN], b"");
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("Access-Control-Allow-Origin"), Some("*"));
    socket::open_with(server.address, "/sync", &[FOREIGN]);
}

#[test]
fn without_a_token_only_pages_of_this_machine_may_call() {
    let server = Server::start();
    for (method, target) in [
        ("GET", "/api/health"),
        ("POST", "/api/events/users"),
        ("GET", "/"),
        ("GET", "/nowhere"),
    ] {
        let refused = send(server.address, method, target, &[FOREIGN], br#"{"eventId":"e"}"#);
        refused.assert_error(403, "forbidden", "origin");
        assert_eq!(refused.header("Access-Control-Allow-Origin"), None);
    }
    for path in ["/sync", "/", "/sync/tenant"] {
        assert_eq!(socket::refused(server.address, path, &[FOREIGN]), 403);
        socket::open_with(server.address, path, &[LOCAL]);
    }
    assert_eq!(get(server.address, "/api/repositories").json()["count"], 0);
    let answer = send(server.address, "GET", "/api/health", &[LOCAL], b"");
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(LOCAL.1));
    assert_eq!(answer.header("Vary"), Some("Origin"));
}

#[test]
fn configuration_lets_other_pages_call() {
    let allowing = |origin: &str| {
        Server::with(Setup {
            allow_origin: vec![origin.to_owned()],
            ..Setup::default()
        })
    };
    let server = allowing("https://evil.example");
    let answer = send(server.address, "GET", "/api/health", &[FOREIGN], b"");
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(FOREIGN.1));
    assert_eq!(
        send(server.address, "GET", "/", &[("Origin", "https://other.example")], b"").status,
        403
    );
    let server = allowing("*");
    let answer = send(server.address, "GET", "/api/health", &[FOREIGN], b"");
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"));
    socket::open_with(server.address, "/sync", &[FOREIGN]);
}

#[test]
fn a_name_that_somebody_else_points_at_this_machine_is_refused() {
    let server = Server::start();
    let rebound = [("Host", "evil.example:8080")];
    send(server.address, "GET", "/api/repositories", &rebound, b"").assert_error(403, "forbidden", "names");
    assert_eq!(
        send(server.address, "GET", "/", &[("Host", "localhost")], b"").status,
        200
    );
}

#[test]
fn a_preflight_is_answered_on_every_path() {
    for server in [Server::start(), with_token()] {
        for target in ["/api/events/users", "/api/health", "/nowhere", "/sync", "/metrics"] {
            let asked = [
                LOCAL,
                ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", "authorization, x-custom"),
            ];
            let answer = send(server.address, "OPTIONS", target, &asked, b"");
            assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{target}");
            let allowed = answer.header("Access-Control-Allow-Origin").unwrap();
            assert!(allowed == "*" || allowed == LOCAL.1);
            assert_eq!(
                answer.header("Access-Control-Allow-Headers"),
                Some("authorization, x-custom")
            );
            assert!(answer.header("Access-Control-Allow-Methods").unwrap().contains("POST"));
        }
    }
}

#[test]
fn a_preflight_of_a_refused_page_is_answered_without_permission() {
    let server = Server::start();
    let asked = [FOREIGN, ("Access-Control-Request-Method", "POST")];
    let answer = send(server.address, "OPTIONS", "/api/events/users", &asked, b"");
    assert_eq!(answer.status, 200);
    for permission in ["Access-Control-Allow-Origin", "Access-Control-Allow-Methods"] {
        assert_eq!(answer.header(permission), None);
    }
}
