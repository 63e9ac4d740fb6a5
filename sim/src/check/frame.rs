//! What a frame says, as far as the checks look at it. A reader of its own: nothing here comes from the code under test.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A frame of the server's.
#[derive(Deserialize)]
pub(super) struct ServerFrame<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) repository: Option<Cow<'a, str>>,
    #[serde(default, rename = "afterSequence")]
    pub(super) after: Option<u64>,
    #[serde(default, rename = "lastSequence")]
    pub(super) last: Option<u64>,
    #[serde(borrow, default)]
    pub(super) events: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "ref")]
    pub(super) reference: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "eventIds")]
    pub(super) event_ids: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) repositories: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) sequences: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) protocol: Option<u64>,
    #[serde(default)]
    pub(super) retryable: Option<bool>,
    #[serde(borrow, default)]
    pub(super) code: Option<Cow<'a, str>>,
}

/// A frame of a client's.
#[derive(Deserialize)]
pub(super) struct ClientFrame<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) repository: Option<Cow<'a, str>>,
    #[serde(default, rename = "afterSequence")]
    pub(super) after: Option<u64>,
    #[serde(borrow, default)]
    pub(super) since: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) event: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) events: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "ref")]
    pub(super) reference: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) repositories: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) epoch: Option<Cow<'a, str>>,
}

/// Where a `subscribe` starts a stream.
#[derive(Deserialize)]
pub(super) struct Start<'a> {
    #[serde(default, rename = "afterSequence")]
    pub(super) after: u64,
    #[serde(borrow, default)]
    pub(super) seen: Option<(u64, Text<'a>)>,
}

/// A string that borrows where it can.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'a> ServerFrame<'a> {
    pub(super) fn read(frame: &'a str) -> Option<Self> {
        serde_json::from_str(frame).ok()
    }
}

impl<'a> ClientFrame<'a> {
    pub(super) fn read(frame: &'a str) -> Option<Self> {
        serde_json::from_str(frame).ok()
    }

    /// The events of a push.
    pub(super) fn pushed(&self) -> Vec<&'a RawValue> {
        match (&*self.kind, self.event, self.events) {
            ("push_event", Some(event), _) => vec![event],
            ("push_events_batch", _, Some(events)) => serde_json::from_str(events.get()).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// The repositories of a `subscribe`.
    pub(super) fn starts(&self) -> BTreeMap<Text<'a>, Start<'a>> {
        let text = self.repositories.map_or("{}", RawValue::get);
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// A list of ids.
pub(super) fn ids(list: Option<&RawValue>) -> Vec<Text<'_>> {
    list.and_then(|list| serde_json::from_str(list.get()).ok())
        .unwrap_or_default()
}

/// Lists of ids by repository.
pub(super) fn ids_by_repository(lists: Option<&RawValue>) -> Vec<(Text<'_>, Vec<Text<'_>>)> {
    let lists = lists.and_then(|lists| serde_json::from_str::<Pairs<'_, Vec<Text<'_>>>>(lists.get()).ok());
    lists.map(|lists| lists.0).unwrap_or_default()
}

/// Sequences by id by repository.
pub(super) fn sequences(object: Option<&RawValue>) -> Vec<(Text<'_>, Pairs<'_, u64>)> {
    let object = object.and_then(|object| serde_json::from_str::<Pairs<'_, Pairs<'_, u64>>>(object.get()).ok());
    object.map(|object| object.0).unwrap_or_default()
}

/// The text between the brackets of a list.
pub(super) fn inside(list: &RawValue) -> &str {
    let list = list.get();
    list.strip_prefix('[')
        .and_then(|list| list.strip_suffix(']'))
        .unwrap_or(list)
}

/// The members of an object, in order.
pub(super) struct Pairs<'a, T>(pub(super) Vec<(Text<'a>, T)>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Pairs<'a, T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<'a, T>(std::marker::PhantomData<(&'a (), T)>);
        impl<'de: 'a, 'a, T: Deserialize<'de>> serde::de::Visitor<'de> for Members<'a, T> {
            type Value = Pairs<'a, T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry::<Text<'de>, T>()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_names_ids_and_sequences() {
        let frame = r#"{"type":"ack","eventIds":["a","b"],"repositories":{"notes":["a","b"]},"sequences":{"notes":{"a":1,"b":2}}}"#;
        let frame = ServerFrame::read(frame).unwrap();
        assert_eq!(
            ids(frame.event_ids).iter().map(|id| &*id.0).collect::<Vec<_>>(),
            ["a", "b"]
        );
        let lists = ids_by_repository(frame.repositories);
        assert_eq!((&*lists[0].0.0, lists[0].1.len()), ("notes", 2));
        let sequences = sequences(frame.sequences);
        let pairs: Vec<_> = sequences[0]
            .1
            .0
            .iter()
            .map(|(id, sequence)| (&*id.0, *sequence))
            .collect();
        assert_eq!(pairs, [("a", 1), ("b", 2)]);
    }

    #[test]
    fn a_subscription_names_positions() {
        let frame = r#"{"type":"subscribe","ref":3,"epoch":"e","repositories":{"notes":{"afterSequence":4,"seen":[4,"x\u0041"]},"x":{"afterSequence":0}}}"#;
        let frame = ClientFrame::read(frame).unwrap();
        let starts = frame.starts();
        let start = starts.iter().next().unwrap();
        assert_eq!((&*start.0.0, start.1.after), ("notes", 4));
        let seen = start.1.seen.as_ref().unwrap();
        assert_eq!((seen.0, &*seen.1.0), (4, "xA"));
        assert_eq!(starts.len(), 2);
    }

    #[test]
    fn a_push_is_a_list_of_events() {
        let one = ClientFrame::read(r#"{"type":"push_event","repository":"notes","event":{"eventId":"a"}}"#).unwrap();
        assert_eq!(one.pushed()[0].get(), r#"{"eventId":"a"}"#);
        let two = r#"{"type":"push_events_batch","repository":"notes","events":[{"eventId":"a"},{"eventId":"b"}]}"#;
        assert_eq!(ClientFrame::read(two).unwrap().pushed().len(), 2);
        assert_eq!(
            inside(
                ServerFrame::read(r#"{"type":"events","events":[1,2]}"#)
                    .unwrap()
                    .events
                    .unwrap()
            ),
            "1,2"
        );
    }
}
