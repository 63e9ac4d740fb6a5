//! A recorded run as one page: a space-time diagram that a person can go through step by step.
//!
//! The page is one file that loads nothing: styles, scripts and the run itself are inside. It opens at the failure.

mod setup;

use crate::recording::Recording;
use crate::scenario::Scenario;
use crate::shrink;
use serde::Serialize;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
/// In the order in which they need each other.
const SCRIPTS: [&str; 5] = [
    include_str!("model.js"),
    include_str!("dom.js"),
    include_str!("diagram.js"),
    include_str!("panel.js"),
    include_str!("controls.js"),
];

/// What the page's scripts are given.
#[derive(Serialize)]
struct Data<'a> {
    title: &'a str,
    run: &'a Recording,
    incidents: Vec<String>,
    setup: Vec<(&'static str, String)>,
    command: String,
}

/// The page of a recorded run.
pub fn page(recording: &Recording) -> String {
    let Scenario { seed, incidents, .. } = &recording.scenario;
    let data = Data {
        title: "A simulated run of Driftless",
        run: recording,
        incidents: incidents.iter().map(ToString::to_string).collect(),
        setup: setup::lines(&recording.scenario),
        command: shrink::command(&recording.scenario),
    };
    // Names for keys alone, into memory: this cannot fail.
    let data = serde_json::to_string(&data).unwrap_or_default();
    let title = match &recording.failure {
        Some(broken) => format!("seed {seed}: {}", broken.invariant),
        None => format!("seed {seed}"),
    };
    // The run goes in last: a text in it may look like a place in the template.
    PAGE.replacen("{{title}}", &title, 1)
        .replacen("{{style}}", STYLE, 1)
        .replacen("{{script}}", &SCRIPTS.join("\n"), 1)
        .replacen("{{data}}", &inside_script(&data), 1)
}

/// JSON that may stand in a script element: what could end the element, or the line for old readers, is escaped. All
/// of these stand in strings alone, where an escape means the same.
fn inside_script(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for char in json.chars() {
        match char {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            char => text.push(char),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::tests::recording;
    use serde_json::Value;

    fn data_of(page: &str) -> Value {
        let (_, rest) = page
            .split_once("<script type=\"application/json\" id=\"run\">")
            .unwrap();
        let (json, _) = rest.split_once("</script>").unwrap();
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_run_inside_the_page_is_the_run_that_was_recorded() {
        let recording = recording();
        let data = data_of(&page(&recording));
        assert_eq!(data["run"], serde_json::to_value(&recording).unwrap());
        assert_eq!(data["incidents"][0], "at 5ms: client 0 writes 0/a");
        let changes = data["run"]["steps"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|step| step["changes"].as_array());
        let record = changes.flatten().find(|change| change["is"] == "record").unwrap();
        assert_eq!(
            record["data"], "{\"text\":\"</script><b>&\"}",
            "what looks like markup comes through"
        );
    }

    #[test]
    fn nothing_in_a_record_ends_the_script_that_it_stands_in() {
        let page = page(&recording());
        // The template's own two, and no other.
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("<b>&"));
        assert_eq!(inside_script("\"a\u{2028}<!--\""), "\"a\\u2028\\u003c!--\"");
    }

    #[test]
    fn the_page_loads_nothing() {
        let page = page(&recording());
        for outside in [
            "src=",
            "href=",
            "@import",
            "url(",
            "fetch(",
            "XMLHttpRequest",
            "import(",
            "WebSocket(",
        ] {
            assert!(!page.contains(outside), "{outside}");
        }
        // The one address is the name of a namespace.
        assert_eq!(page.matches("http://").count() + page.matches("https://").count(), 1);
        assert!(page.contains("default-src 'none'") && page.contains("http://www.w3.org/2000/svg"));
        assert!(!page.contains("{{"), "every place of the template is filled");
        assert!(!page.contains("innerHTML"), "texts never become markup");
    }
}
