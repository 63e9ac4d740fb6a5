//! The files of mutants: a header of `key: value` lines, then a unified diff.

use crate::check::Invariant;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The keys of a header; `also` may be left out or come again.
const KEYS: [&str; 6] = ["mutant", "bug", "invariant", "also", "profile", "seeds"];

/// A bug, as its file tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// Its name: that of the file, without the extension.
    pub name: String,
    /// What the programmer did and what comes of it.
    pub bug: String,
    /// The guarantee that has to fail.
    pub invariant: Invariant,
    /// Other guarantees that may fail first, each with the reason why that is as good.
    pub also: Vec<(Invariant, String)>,
    /// The profile from which the seeds are drawn.
    pub profile: String,
    /// The seeds, in order; the first that fails decides.
    pub seeds: Range<u64>,
    /// Where the patch is.
    pub file: PathBuf,
}

/// What is wrong with a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A line that is neither `key: value` nor the rest of one.
    #[error("the line `{0}` is not `key: value`")]
    Line(String),
    /// An unknown key, or one that came already.
    #[error("the key `{0}` is unknown or there twice")]
    Key(String),
    /// A key that is missing.
    #[error("there is no `{0}:`")]
    Missing(&'static str),
    /// Not a name of an invariant.
    #[error("there is no invariant `{0}`")]
    Invariant(String),
    /// Not `from..to`.
    #[error("`{0}` are no seeds; write `0..1000`")]
    Seeds(String),
    /// An `also` without a reason.
    #[error("`also: {0}` gives no reason; write `also: invariant - reason`")]
    Reason(String),
    /// The header names another mutant than the file.
    #[error("the header names `{0}`")]
    Name(String),
}

impl Mutant {
    /// Reads the header of a patch.
    pub fn read(file: &Path, text: &str) -> Result<Self, HeaderError> {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut header = Header::read(text)?;
        let named = header.take("mutant")?;
        if named != name {
            return Err(HeaderError::Name(named));
        }
        let also = header.also.drain(..).map(|also| read_also(&also));
        Ok(Self {
            also: also.collect::<Result<_, _>>()?,
            name,
            bug: header.take("bug")?,
            invariant: invariant(&header.take("invariant")?)?,
            profile: header.take("profile")?,
            seeds: seeds(&header.take("seeds")?)?,
            file: file.to_owned(),
        })
    }

    /// All mutants of a folder, by name.
    ///
    /// # Errors
    ///
    /// A sentence with the file that cannot be read or understood.
    pub fn all(folder: &Path) -> Result<Vec<Self>, String> {
        let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "patch"));
        files.sort();
        let read = |file: &PathBuf| {
            let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            Self::read(file, &text).map_err(|error| format!("{}: {error}", file.display()))
        };
        files.iter().map(read).collect()
    }

    /// Whether the failure of this guarantee is the one that was wanted.
    pub fn accepts(&self, invariant: &str) -> bool {
        let also = self.also.iter().map(|(also, _)| *also);
        [self.invariant]
            .into_iter()
            .chain(also)
            .any(|accepted| accepted.name() == invariant)
    }
}

/// The lines before the diff.
struct Header {
    values: BTreeMap<String, String>,
    also: Vec<String>,
}

impl Header {
    fn read(text: &str) -> Result<Self, HeaderError> {
        let mut values: Vec<(String, String)> = Vec::new();
        for line in text.lines().take_while(|line| !line.starts_with("diff ")) {
            if line.trim().is_empty() {
                continue;
            }
            match (line.strip_prefix("  "), values.last_mut(), line.split_once(": ")) {
                (Some(rest), Some((_, value)), _) => {
                    value.push(' ');
                    value.push_str(rest.trim());
                }
                (None, _, Some((key, value))) => values.push((key.into(), value.trim().into())),
                _ => return Err(HeaderError::Line(line.into())),
            }
        }
        let (also, single): (Vec<_>, Vec<_>) = values.into_iter().partition(|(key, _)| key == "also");
        let mut header = Self {
            values: BTreeMap::new(),
            also: also.into_iter().map(|(_, value)| value).collect(),
        };
        for (key, value) in single {
            if !KEYS.contains(&&*key) || header.values.insert(key.clone(), value).is_some() {
                return Err(HeaderError::Key(key));
            }
        }
        Ok(header)
    }

    fn take(&mut self, key: &'static str) -> Result<String, HeaderError> {
        self.values.remove(key).ok_or(HeaderError::Missing(key))
    }
}

fn invariant(name: &str) -> Result<Invariant, HeaderError> {
    let known = Invariant::ALL.iter().find(|known| known.name() == name);
    known.copied().ok_or_else(|| HeaderError::Invariant(name.into()))
}

fn read_also(text: &str) -> Result<(Invariant, String), HeaderError> {
    let (name, reason) = text.split_once(" - ").ok_or_else(|| HeaderError::Reason(text.into()))?;
    Ok((invariant(name)?, reason.into()))
}

fn seeds(text: &str) -> Result<Range<u64>, HeaderError> {
    let range = text.split_once("..").and_then(|(from, to)| {
        let (from, to) = (from.parse().ok()?, to.parse().ok()?);
        (from < to).then_some(from..to)
    });
    range.ok_or_else(|| HeaderError::Seeds(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Profile;

    const GOOD: &str = "mutant: late\nbug: something is late,\n  and a reviewer misses it.\ninvariant: liveness\n\
                        also: writer_order - it overtakes\nprofile: swarm\nseeds: 0..50\n\ndiff --git a/x b/x\nkey: no\n";

    fn read(text: &str) -> Result<Mutant, HeaderError> {
        Mutant::read(Path::new("mutants/late.patch"), text)
    }

    #[test]
    fn a_header_is_read_up_to_the_diff() {
        let mutant = read(GOOD).unwrap();
        assert_eq!(mutant.bug, "something is late, and a reviewer misses it.");
        assert_eq!((mutant.invariant, mutant.seeds.clone()), (Invariant::Liveness, 0..50));
        assert!(mutant.accepts("liveness") && mutant.accepts("writer_order") && !mutant.accepts("panic"));
    }

    #[test]
    fn a_header_that_says_too_little_or_too_much_is_refused() {
        let change = |from: &str, to: &str| read(&GOOD.replacen(from, to, 1)).unwrap_err();
        assert_eq!(change("profile: swarm\n", ""), HeaderError::Missing("profile"));
        assert_eq!(change("profile", "profil"), HeaderError::Key("profil".into()));
        assert_eq!(
            change("profile: swarm", "seeds: 1..2"),
            HeaderError::Key("seeds".into())
        );
        assert_eq!(change("0..50", "50..0"), HeaderError::Seeds("50..0".into()));
        assert_eq!(change(": liveness", ": life"), HeaderError::Invariant("life".into()));
        assert_eq!(
            change("mutant: late", "mutant: early"),
            HeaderError::Name("early".into())
        );
        assert!(matches!(change(" - ", " "), HeaderError::Reason(_)));
        assert!(matches!(change("profile: ", "profile "), HeaderError::Line(_)));
    }

    #[test]
    fn every_mutant_of_the_gate_has_a_header_and_a_profile() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutants");
        let mutants = Mutant::all(&folder).unwrap();
        assert!(mutants.len() >= 15);
        for mutant in mutants {
            assert!(Profile::named(&mutant.profile).is_some(), "{}", mutant.name);
        }
    }
}
