//! What a line of stdin asks for.

use driftless_core::event::{Json, RecordId};
use driftless_core::name::RepositoryName;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A line of stdin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Input {
    /// What comes back on the answer.
    pub(super) request: Option<Json>,
    /// What is asked for, or a sentence on what is wrong with it.
    pub(super) op: Result<Op, String>,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Op {
    Upsert(RepositoryName, RecordId, Json),
    Delete(RepositoryName, RecordId),
    Get(RepositoryName, RecordId),
    Query(RepositoryName),
    Status,
    Flush,
    Token(String),
    Stop,
    /// No line: stdin has ended.
    End,
}

/// The fields of a line, each still any JSON: a wrong one shall not hide the others.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    op: Option<&'a RawValue>,
    #[serde(borrow)]
    repository: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    token: Option<&'a RawValue>,
    #[serde(borrow)]
    request: Option<&'a RawValue>,
}

impl Input {
    /// Reads a line.
    pub(super) fn read(line: &str) -> Self {
        if !line.trim_ascii_start().starts_with('{') {
            return Self::wrong("not a JSON object".to_owned());
        }
        match serde_json::from_str::<Fields<'_>>(line) {
            Ok(fields) => Self {
                request: fields.request.and_then(json),
                op: fields.op(),
            },
            Err(error) => Self::wrong(format!("not a JSON object: {error}")),
        }
    }

    /// A line that cannot be read.
    pub(super) fn wrong(message: String) -> Self {
        Self {
            request: None,
            op: Err(message),
        }
    }
}

impl Fields<'_> {
    fn op(&self) -> Result<Op, String> {
        Ok(match &*text(self.op, "op")? {
            "upsert" => Op::Upsert(self.repository()?, self.id()?, self.data()?),
            "delete" => Op::Delete(self.repository()?, self.id()?),
            "get" => Op::Get(self.repository()?, self.id()?),
            "query" => Op::Query(self.repository()?),
            "status" => Op::Status,
            "flush" => Op::Flush,
            "token" => Op::Token(text(self.token, "token")?),
            "stop" => Op::Stop,
            other => return Err(format!("there is no op `{other}`")),
        })
    }

    fn repository(&self) -> Result<RepositoryName, String> {
        RepositoryName::new(&text(self.repository, "repository")?).map_err(|error| format!("`repository`: {error}"))
    }

    fn id(&self) -> Result<RecordId, String> {
        RecordId::new(text(self.id, "id")?).map_err(|error| format!("`id`: {error}"))
    }

    fn data(&self) -> Result<Json, String> {
        self.data.and_then(json).ok_or_else(|| "`data` is missing".to_owned())
    }
}

fn text(field: Option<&RawValue>, name: &str) -> Result<String, String> {
    let field = field.ok_or_else(|| format!("`{name}` is missing"))?;
    serde_json::from_str(field.get()).map_err(|_| format!("`{name}` is not a string"))
}

fn json(field: &RawValue) -> Option<Json> {
    Json::parse(field.get().to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(line: &str) -> Result<Op, String> {
        Input::read(line).op
    }

    #[test]
    fn a_line_is_read_whatever_the_order_of_its_fields() {
        let name = RepositoryName::new("users").unwrap();
        let id = RecordId::new("alice").unwrap();
        let data = Json::parse(r#"{"n":1e400}"#).unwrap();
        let upsert = r#"{"data":{"n":1e400},"id":"alice","x":1,"repository":"users","op":"upsert"}"#;
        assert_eq!(op(upsert), Ok(Op::Upsert(name.clone(), id.clone(), data)));
        assert_eq!(
            op(r#"{"op":"delete","repository":"users","id":"alice"}"#),
            Ok(Op::Delete(name.clone(), id.clone()))
        );
        assert_eq!(
            op(r#"{"op":"get","repository":"users","id":"\u0061lice"}"#),
            Ok(Op::Get(name.clone(), id))
        );
        assert_eq!(op(r#"{"op":"query","repository":"users"}"#), Ok(Op::Query(name)));
        assert_eq!(op(r#"{"op":"token","token":"t"}"#), Ok(Op::Token("t".to_owned())));
        for (line, expected) in [("status", Op::Status), ("flush", Op::Flush), ("stop", Op::Stop)] {
            assert_eq!(op(&format!(r#"{{"op":"{line}"}}"#)), Ok(expected));
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said_and_its_request_kept() {
        let wrong = |line: &str| op(line).unwrap_err();
        assert!(wrong("").starts_with("not a JSON object"));
        assert!(wrong("[1]").starts_with("not a JSON object"));
        assert_eq!(wrong("{}"), "`op` is missing");
        assert_eq!(wrong(r#"{"op":1}"#), "`op` is not a string");
        assert_eq!(wrong(r#"{"op":"dance"}"#), "there is no op `dance`");
        assert_eq!(wrong(r#"{"op":"get","repository":"users"}"#), "`id` is missing");
        assert_eq!(
            wrong(r#"{"op":"get","repository":"users","id":""}"#),
            "`id`: an id is not empty"
        );
        assert!(wrong(r#"{"op":"query","repository":"_x"}"#).starts_with("`repository`: "));
        assert_eq!(
            wrong(r#"{"op":"upsert","repository":"users","id":"a"}"#),
            "`data` is missing"
        );
        let input = Input::read(r#"{"op":"dance","request":{"n":7}}"#);
        assert_eq!(input.request, Some(Json::parse(r#"{"n":7}"#).unwrap()));
    }
}
