//! Error codes and close codes (PROTOCOL.md section 5).

use core::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $retryable:literal;)*) => {
        /// What went wrong, in a word that programs read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Whether the same request may succeed later (for `auth_failed`: with other credentials).
            pub const fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }

            /// The code with this word; `None` for one that this version does not know.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

error_codes! {
    /// The frame is not a message: not JSON, not an object, a missing or mistyped field, nested too deep.
    BadMessage = "bad_message", false;
    /// The message's `type` is not one that a client sends.
    UnknownType = "unknown_type", false;
    /// The repository's name is not allowed.
    InvalidRepository = "invalid_repository", false;
    /// An event has no usable envelope.
    InvalidEvent = "invalid_event", false;
    /// An event is over the size limit.
    EventTooLarge = "event_too_large", false;
    /// A batch has more events than the limit.
    BatchTooLarge = "batch_too_large", false;
    /// The event id is taken by another event.
    EventIdConflict = "event_id_conflict", false;
    /// The credentials do not allow it.
    Forbidden = "forbidden", false;
    /// The credentials are not accepted; others may be.
    AuthFailed = "auth_failed", true;
    /// The request needs an `auth` first.
    NotAuthenticated = "not_authenticated", true;
    /// The credentials have expired; a new `auth` is needed.
    TokenExpired = "token_expired", true;
    /// Too much at once; try again later.
    RateLimited = "rate_limited", true;
    /// The store cannot be reached or cannot write.
    StoreUnavailable = "store_unavailable", true;
    /// The server failed.
    Internal = "internal", true;
    /// The server is stopping.
    ShuttingDown = "shutting_down", true;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a connection was closed: an RFC 6455 status code (section 7.4) or one of the protocol's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// All is well.
    pub const NORMAL: Self = Self(1000);
    /// The peer is going away.
    pub const GOING_AWAY: Self = Self(1001);
    /// A frame is over the size limit.
    pub const TOO_BIG: Self = Self(1009);
    /// The server failed.
    pub const INTERNAL: Self = Self(1011);
    /// The server is stopping; connect again.
    pub const RESTART: Self = Self(1012);
    /// The store is unavailable; try again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// The peer broke the protocol.
    pub const PROTOCOL_MISUSE: Self = Self(4400);
    /// The credentials were refused, have expired or never came.
    pub const UNAUTHENTICATED: Self = Self(4401);
    /// The connection is not allowed.
    pub const FORBIDDEN: Self = Self(4403);
    /// No sign of life after a `ping`.
    pub const HEARTBEAT_MISSED: Self = Self(4408);
    /// Too many requests for too long.
    pub const RATE_LIMITED: Self = Self(4429);
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
