//! A line of stdout.

use driftless_core::event::Json;

/// A JSON object on one line, written field by field.
#[derive(Debug)]
pub(super) struct Line(String);

impl Line {
    /// A line with its `event`.
    pub(super) fn event(name: &str) -> Self {
        Self::object().text("event", name)
    }

    /// An object without fields.
    pub(super) fn object() -> Self {
        Self("{".to_owned())
    }

    /// A string.
    pub(super) fn text(self, name: &str, value: &str) -> Self {
        let value = quoted(value);
        self.raw(name, &value)
    }

    /// A string, or null.
    pub(super) fn optional_text(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// A list of strings.
    pub(super) fn texts<'a>(self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: Vec<String> = values.into_iter().map(quoted).collect();
        self.raw(name, &format!("[{}]", values.join(",")))
    }

    /// A number, or null.
    pub(super) fn number(self, name: &str, value: Option<u64>) -> Self {
        let value = value.map_or_else(|| "null".to_owned(), |value| value.to_string());
        self.raw(name, &value)
    }

    pub(super) fn flag(self, name: &str, value: bool) -> Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    /// JSON as it came, or null.
    pub(super) fn json(self, name: &str, value: Option<&Json>) -> Self {
        match value {
            // Between its tokens JSON may have line breaks; a line may not. Inside strings they are always escaped.
            Some(json) if json.contains(['\n', '\r']) => self.raw(name, &json.replace(['\n', '\r'], " ")),
            Some(json) => self.raw(name, json),
            None => self.raw(name, "null"),
        }
    }

    /// The `request` of the line that this one answers, if it had one.
    pub(super) fn request(self, request: Option<&Json>) -> Self {
        match request {
            Some(_) => self.json("request", request),
            None => self,
        }
    }

    /// JSON that is on one line.
    pub(super) fn raw(mut self, name: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    /// The finished object, without the line break.
    pub(super) fn build(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_on_one_line() {
        let data = Json::parse("{\n \"a\": \"x\\ny\",\r\n \"n\": 1.0}").unwrap();
        let line = Line::event("changed")
            .text("id", "a\n\"b\"")
            .json("data", Some(&data))
            .json("none", None)
            .number("sequence", Some(7))
            .flag("pending", false)
            .texts("ids", ["a", "b"])
            .optional_text("code", None)
            .request(Some(&Json::parse("[1]").unwrap()))
            .build();
        let expected = concat!(
            r#"{"event":"changed","id":"a\n\"b\"","data":{  "a": "x\ny",   "n": 1.0},"none":null,"sequence":7,"#,
            r#""pending":false,"ids":["a","b"],"code":null,"request":[1]}"#
        );
        assert_eq!(line, expected);
        assert_eq!(Line::object().build(), "{}");
    }
}
