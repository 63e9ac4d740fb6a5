//! Records as values of an application's type.

use crate::storage::QueryRow;
use driftless_core::event::{Json, RecordId, Sequence};
use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};
use serde_json::value::RawValue;
use std::ops::Deref;

use crate::client::ClientError;

/// A record as a value of an application's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<V> {
    /// The record's id.
    pub id: RecordId,
    /// The value.
    pub value: V,
    /// Whether a change of it waits for the server.
    pub pending: bool,
    /// Whether the server refused a change of it for good, which nobody has dismissed yet. The value does not show that
    /// change.
    pub rejected: bool,
    /// The place in the log up to which it is folded; `None` while an own un-acked change is on top.
    pub sequence: Option<Sequence>,
}

/// What a query has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results<V> {
    /// The records, in the order that was asked for.
    pub items: Vec<Item<V>>,
    /// Records that were asked for and are no values of the type, because somebody wrote something else. They are left
    /// out of the items instead of hiding all others.
    pub unreadable: Vec<Unreadable>,
}

/// A record that is no value of the repository's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The record's id.
    pub id: RecordId,
    /// What does not fit.
    pub message: String,
}

impl<V> Deref for Results<V> {
    type Target = [Item<V>];

    fn deref(&self) -> &[Item<V>] {
        &self.items
    }
}

impl<V> IntoIterator for Results<V> {
    type Item = Item<V>;
    type IntoIter = std::vec::IntoIter<Item<V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

/// How a record's data becomes a value; `None` is a deleted record.
pub(super) type Read<V> = fn(Option<&Json>) -> Result<V, String>;

/// A value, which a deleted record has none of.
pub(super) fn value<T: DeserializeOwned>(data: Option<&Json>) -> Result<T, String> {
    let data = data.ok_or("it is deleted")?;
    serde_json::from_str(data).map_err(|error| error.to_string())
}

/// A value, or `None` for a deleted record.
pub(super) fn value_or_deleted<T: DeserializeOwned>(data: Option<&Json>) -> Result<Option<T>, String> {
    data.map(|data| value(Some(data))).transpose()
}

pub(super) fn item<V>(row: QueryRow, read: Read<V>) -> Result<Item<V>, Unreadable> {
    match read(row.visible.data.as_ref()) {
        Ok(value) => Ok(Item {
            id: row.record,
            value,
            pending: row.pending,
            rejected: row.rejected,
            sequence: row.visible.sequence,
        }),
        Err(message) => Err(Unreadable {
            id: row.record,
            message,
        }),
    }
}

pub(super) fn results<V>(rows: Vec<QueryRow>, read: Read<V>) -> Results<V> {
    let (mut items, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match item(row, read) {
            Ok(item) => items.push(item),
            Err(one) => unreadable.push(one),
        }
    }
    Results { items, unreadable }
}

/// A value as JSON.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Json, ClientError> {
    let text = serde_json::to_string(value).map_err(|error| ClientError::Encode(error.to_string()))?;
    Json::parse(text).map_err(|error| ClientError::Encode(error.to_string()))
}

/// The id that data carries in its field `id`: a text, or a number's JSON text (PROTOCOL.md section 3).
pub(super) fn id_of(data: &Json) -> Result<RecordId, ClientError> {
    #[derive(serde::Deserialize)]
    struct WithId<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
    }
    let found: WithId<'_> = serde_json::from_str(data).map_err(|_| ClientError::NoId)?;
    let text = found.id.get();
    let id = match text.as_bytes().first() {
        Some(b'"') => {
            let mut reader = serde_json::Deserializer::from_str(text);
            String::deserialize(&mut reader).map_err(|_| ClientError::NoId)?
        }
        Some(b'-' | b'0'..=b'9') => text.to_owned(),
        _ => return Err(ClientError::NoId),
    };
    Ok(RecordId::new(id)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_a_text_or_a_number() {
        let id = |text: &'static str| id_of(&Json::parse(text).unwrap()).map(|id| id.to_string());
        assert_eq!(id(r#"{"a":1,"id":"x\n"}"#), Ok("x\n".to_owned()));
        assert_eq!(
            id(r#"{"id":12345678901234567890}"#),
            Ok("12345678901234567890".to_owned())
        );
        for without in ["3", "{}", r#"{"id":null}"#, r#"{"id":[1]}"#, r#"{"id":true}"#] {
            assert_eq!(id(without), Err(ClientError::NoId), "{without}");
        }
        assert!(matches!(id(r#"{"id":""}"#), Err(ClientError::Record(_))));
    }
}
