//! Who may connect.

use driftless_core::server::{AuthRefusal, Credentials, Grant, Rights};
use std::fmt;
use std::sync::Arc;

/// Called once with the decision about credentials, on any thread. Must not block.
pub type Decision = Box<dyn FnOnce(Result<Grant, AuthRefusal>) + Send>;

/// Decides about credentials, for WebSocket connections and HTTP requests alike.
pub trait Authenticator: Send + Sync + 'static {
    /// Decides, now or later. Must not block; an answer that never comes is ended by the connection's timeout.
    fn authenticate(&self, credentials: Credentials, decide: Decision);
}

/// Lets everyone in with all rights.
#[derive(Clone, Debug, Default)]
pub struct Open;

impl Authenticator for Open {
    fn authenticate(&self, _: Credentials, decide: Decision) {
        decide(Ok(all_rights("anyone")));
    }
}

/// Lets in, with all rights, whoever shows one secret token.
#[derive(Clone)]
pub struct StaticToken(Arc<str>);

impl StaticToken {
    /// The token that is asked for; `None` if it is empty.
    pub fn new(token: &str) -> Option<Self> {
        (!token.is_empty()).then(|| Self(token.into()))
    }
}

impl Authenticator for StaticToken {
    fn authenticate(&self, credentials: Credentials, decide: Decision) {
        decide(match credentials.token {
            Some(shown) if same(shown.as_bytes(), self.0.as_bytes()) => Ok(all_rights("token")),
            Some(_) => Err(AuthRefusal::Refused("The token is not valid".into())),
            None => Err(AuthRefusal::Refused("A token is required".into())),
        });
    }
}

/// Without the secret: it must not reach a log.
impl fmt::Debug for StaticToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaticToken(..)")
    }
}

fn all_rights(subject: &str) -> Grant {
    Grant {
        subject: subject.into(),
        rights: Arc::new(Rights::all()),
        valid_for: None,
    }
}

/// Compares in a time that depends on the length of what was shown alone, so that nobody finds a secret by timing.
fn same(shown: &[u8], secret: &[u8]) -> bool {
    let difference = shown.iter().enumerate().fold(0u8, |difference, (index, byte)| {
        // `black_box` keeps the compiler from leaving the loop at the first difference.
        std::hint::black_box(difference | (byte ^ secret[index % secret.len()]))
    });
    (difference == 0) & (shown.len() == secret.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use driftless_core::name::Namespace;
    use std::sync::Mutex;

    fn decision(token: Option<&str>) -> Result<Grant, AuthRefusal> {
        let slot = Arc::new(Mutex::new(None));
        let decide = {
            let slot = slot.clone();
            Box::new(move |result| *slot.lock().unwrap() = Some(result))
        };
        let credentials = Credentials {
            namespace: Namespace::default(),
            token: token.map(Into::into),
            fields: Vec::new(),
        };
        StaticToken::new("secret").unwrap().authenticate(credentials, decide);
        slot.lock().unwrap().take().unwrap()
    }

    #[test]
    fn only_the_whole_token_is_let_in() {
        assert!(decision(Some("secret")).is_ok());
        for wrong in ["", "s", "secre", "secreT", "secretsecret", "secret "] {
            assert!(decision(Some(wrong)).is_err(), "{wrong:?}");
        }
        assert!(decision(None).is_err());
    }

    #[test]
    fn an_empty_token_is_not_one() {
        assert!(StaticToken::new("").is_none());
    }

    #[test]
    fn the_token_does_not_show_in_debug_output() {
        assert!(!format!("{:?}", StaticToken::new("secret").unwrap()).contains("secret"));
    }
}
