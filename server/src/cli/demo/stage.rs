//! What the audience sees: lines in the colour of who speaks, at a pace that can be read.

use driftless_core::event::Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Time to read a line.
const LINE: Duration = Duration::from_millis(350);

/// Time to take in a scene.
const SCENE: Duration = Duration::from_millis(900);

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    Anna,
    Ben,
    Server,
}

/// Where the demonstration is shown.
#[derive(Debug)]
pub(super) struct Stage {
    paced: bool,
    coloured: bool,
}

impl Stage {
    /// With or without pauses; in colour on a terminal or where `CLICOLOR_FORCE` is set, unless `NO_COLOR` is
    /// (<https://no-color.org>, <https://bixense.com/clicolors>).
    pub(super) fn new(paced: bool) -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let coloured = (io::stdout().is_terminal() || is_set("CLICOLOR_FORCE")) && !is_set("NO_COLOR");
        Self { paced, coloured }
    }

    /// A heading.
    pub(super) async fn scene(&self, title: &str) {
        self.pause(SCENE).await;
        let title = self.style("1", title);
        show(&format!("\n{title}\n"));
        self.pause(LINE).await;
    }

    /// Somebody does or sees something.
    pub(super) async fn say(&self, voice: Voice, text: &str) {
        let name = self.style(voice.colour(), &format!("{:<7}", voice.name()));
        show(&format!("  {name} {text}\n"));
        self.pause(LINE).await;
    }

    /// A remark.
    pub(super) async fn aside(&self, text: &str) {
        let text = self.style("2", text);
        show(&format!("          {text}\n"));
        self.pause(LINE).await;
    }

    /// What Anna and Ben have, side by side.
    pub(super) async fn compare(&self, anna: &[(String, Json)], ben: &[(String, Json)]) {
        let (anna, ben) = (by_id(anna), by_id(ben));
        let ids: BTreeSet<&str> = anna.keys().chain(ben.keys()).copied().collect();
        let cell = |side: &BTreeMap<&str, &Json>, id: &str| {
            let data = side.get(id);
            data.map_or_else(String::new, |data| format!("{id:<6} {data}"))
        };
        let rows: Vec<(String, String)> = ids.into_iter().map(|id| (cell(&anna, id), cell(&ben, id))).collect();
        let width = rows
            .iter()
            .map(|(left, _)| left.chars().count())
            .max()
            .unwrap_or(0)
            .max(24);
        let head = self.style(Voice::Anna.colour(), &format!("{:<width$}", "Anna sees"));
        let mut table = format!("\n    {head}  {}\n", self.style(Voice::Ben.colour(), "Ben sees"));
        for (left, right) in rows {
            let mark = if left == right { "" } else { "≠" };
            let _ = writeln!(table, "    {left:<width$}  {right:<width$}  {}", self.style("33", mark));
        }
        show(&table);
        self.pause(SCENE).await;
    }

    async fn pause(&self, time: Duration) {
        if self.paced {
            tokio::time::sleep(time).await;
        }
    }

    fn style(&self, code: &str, text: &str) -> String {
        if self.coloured && !text.is_empty() {
            return format!("\x1b[{code}m{text}\x1b[0m");
        }
        text.to_owned()
    }
}

impl Voice {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Anna => "Anna",
            Self::Ben => "Ben",
            Self::Server => "server",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Anna => "1;36",
            Self::Ben => "1;35",
            Self::Server => "1;33",
        }
    }
}

fn by_id(tasks: &[(String, Json)]) -> BTreeMap<&str, &Json> {
    tasks.iter().map(|(id, data)| (&**id, data)).collect()
}

/// A closed stdout ends the show for the audience, not for the actors.
fn show(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
