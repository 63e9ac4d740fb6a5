//! `cargo xtask picture`: runs the demonstration and draws what it prints, for the README.

use crate::{say, tools};
use std::fmt::Write;
use std::process::{Command, ExitCode};

const FILE: &str = "docs/demo.svg";
const FONT_SIZE: usize = 14;
const LINE_HEIGHT: usize = 19;
const MARGIN: usize = 20;
/// Width of a column in hundredths of a pixel: that of the usual monospace fonts at [`FONT_SIZE`].
const COLUMN_WIDTH: usize = 843;

/// Runs the demonstration without pauses and writes the picture.
pub(crate) fn run() -> ExitCode {
    match draw() {
        Ok(()) => {
            say(&format!("xtask: wrote {FILE}\n"));
            ExitCode::SUCCESS
        }
        Err(problem) => {
            say(&format!("xtask: no picture: {problem}\n"));
            ExitCode::FAILURE
        }
    }
}

fn draw() -> Result<(), String> {
    let mut command = Command::new(tools::cargo());
    command.args(["run", "--quiet", "--bin", "driftless", "--", "demo", "--fast"]);
    command.env("CLICOLOR_FORCE", "1").current_dir(tools::workspace_root());
    let output = command
        .output()
        .map_err(|error| format!("cargo did not start: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let path = tools::workspace_root().join(FILE);
    std::fs::write(&path, svg(text.trim_matches('\n'))).map_err(|error| format!("{}: {error}", path.display()))
}

/// Draws lines of terminal output.
fn svg(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let columns = lines.iter().map(|line| plain_width(line)).max().unwrap_or(0);
    let width = columns * COLUMN_WIDTH / 100 + 2 * MARGIN;
    let height = lines.len() * LINE_HEIGHT + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"{FONT_SIZE}\" fill=\"#d4d4d4\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1c1f26\"/>\n"
    );
    for (index, line) in lines.iter().enumerate() {
        let y = MARGIN + (index + 1) * LINE_HEIGHT - 5;
        let spans = spans(line);
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{y}\" xml:space=\"preserve\">{spans}</text>"
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Columns that a line takes without its colour codes.
fn plain_width(line: &str) -> usize {
    parts(line).map(|(_, text)| text.chars().count()).sum()
}

/// The line's text in spans of one style each.
fn spans(line: &str) -> String {
    let mut svg = String::new();
    for (codes, text) in parts(line).filter(|(_, text)| !text.is_empty()) {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
        let _ = write!(svg, "<tspan{}>{escaped}</tspan>", style(codes));
    }
    svg
}

/// A line cut at its colour codes: each piece with the codes in front of it.
fn parts(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split("\u{1b}[").enumerate().map(|(index, piece)| match index {
        0 => ("", piece),
        _ => piece.split_once('m').unwrap_or(("", piece)),
    })
}

/// The attributes for a list of colour codes (ECMA-48, SGR).
fn style(codes: &str) -> String {
    codes
        .split(';')
        .map(|code| match code {
            "1" => " font-weight=\"bold\"",
            "2" => " fill=\"#8b93a1\"",
            "31" => " fill=\"#ff7b72\"",
            "32" => " fill=\"#7ee787\"",
            "33" => " fill=\"#e3b341\"",
            "35" => " fill=\"#d2a8ff\"",
            "36" => " fill=\"#79c0ff\"",
            _ => "",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_spans_and_text_is_escaped() {
        assert_eq!(
            spans("a\u{1b}[1;36m<b>\u{1b}[0m&"),
            "<tspan>a</tspan><tspan font-weight=\"bold\" fill=\"#79c0ff\">&lt;b></tspan><tspan>&amp;</tspan>"
        );
        assert_eq!(plain_width("a\u{1b}[1;36mbc\u{1b}[0m"), 3);
    }
}
