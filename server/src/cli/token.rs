//! Where a command gets its token from, without showing it.

use super::Failure;
use std::fmt;
use std::fs;
use std::path::PathBuf;

/// The flags for a token.
#[derive(clap::Args)]
pub(crate) struct TokenArgs {
    /// The token that a client has to show. Flags can be seen by every user of the machine (`ps`): prefer the environment
    /// variable or --token-file
    #[arg(
        long,
        env = "DRIFTLESS_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        conflicts_with = "token_file"
    )]
    token: Option<String>,

    /// A file that holds the token; white space around it is ignored
    #[arg(long, env = "DRIFTLESS_TOKEN_FILE", value_name = "PATH")]
    token_file: Option<PathBuf>,
}

impl TokenArgs {
    /// The token, if there is one.
    pub(crate) fn read(&self) -> Result<Option<String>, Failure> {
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => token.trim().to_owned(),
            (None, Some(path)) => fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("cannot read --token-file {}: {error}", path.display())))?
                .trim()
                .to_owned(),
            (None, None) => return Ok(None),
        };
        if token.is_empty() {
            return Err(Failure::usage("the token is empty: leave it out, or give one"));
        }
        Ok(Some(token))
    }
}

/// Without the secret.
impl fmt::Debug for TokenArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenArgs")
            .field("token", &self.token.as_ref().map(|_| ".."))
            .field("token_file", &self.token_file)
            .finish()
    }
}
