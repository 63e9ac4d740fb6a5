//! JSON text that is known to be valid and is kept as text.

use bytestring::ByteString;
use core::fmt;
use core::ops::Deref;

/// Deepest nesting of arrays and objects in one frame or request body (PROTOCOL.md section 1).
pub const MAX_DEPTH: usize = 128;

/// Why a text is not [`Json`].
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The text does not parse.
    #[error("not valid JSON: {0}")]
    Syntax(serde_json::Error),
}

/// One valid JSON value, kept as the text it came in. Shares the buffer that it was read from. Equal means equal text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json(ByteString);

impl Json {
    /// Checks the syntax of a whole text and keeps it without the white space around it.
    pub fn parse(text: impl Into<ByteString>) -> Result<Self, JsonError> {
        let text = text.into();
        let raw: &serde_json::value::RawValue = serde_json::from_str(&text).map_err(JsonError::Syntax)?;
        let slice = text.slice_ref(raw.get());
        Ok(Self(slice))
    }

    /// Takes a text that its caller has already parsed or made.
    pub(crate) fn trusted(text: ByteString) -> Self {
        debug_assert!(
            serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok(),
            "{text}"
        );
        Self(text)
    }

    /// The text as shared text.
    pub fn text(&self) -> &ByteString {
        &self.0
    }

    /// The same value in a buffer of its own, so that it does not keep a frame alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(ByteString::from(&*self.0))
    }
}

impl Deref for Json {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the brackets of `text` nest deeper than `limit`. Looks at brackets outside strings only, so it also
/// answers for text that turns out not to be JSON.
pub fn depth_exceeds(text: &str, limit: usize) -> bool {
    // Counts that fit a byte are added up many at a time.
    let opening = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| u8::from(matches!(byte, b'[' | b'{')))
            .sum::<u8>()
    };
    let blocks = text.as_bytes().chunks(usize::from(u8::MAX));
    if blocks.map(|block| usize::from(opening(block))).sum::<usize>() <= limit {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}
