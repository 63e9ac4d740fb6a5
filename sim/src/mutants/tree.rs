//! The copy of the workspace to which mutants are applied.

use super::patch::Mutant;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The packages that the simulator consists of.
const PACKAGES: [&str; 2] = ["core", "sim"];
/// Folders of packages that are no part of them.
const LEFT_OUT: [&str; 2] = ["target", "no-std"];

/// The copy, and the target folder that all mutants share.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    workspace: PathBuf,
    folder: PathBuf,
}

impl Tree {
    pub(super) fn new(workspace: &Path) -> Self {
        let workspace = workspace.canonicalize().unwrap_or_else(|_| workspace.to_owned());
        Self {
            folder: workspace.join("target").join("mutation"),
            workspace,
        }
    }

    fn copy(&self) -> PathBuf {
        self.folder.join("tree")
    }

    /// Makes the copy what the workspace is. Files that are the same already are not touched, so that what is built
    /// of them stays.
    pub(super) fn refresh(&self) -> io::Result<()> {
        let copy = self.copy();
        fs::create_dir_all(&copy)?;
        write_if_other(&copy.join("Cargo.toml"), self.manifest()?.as_bytes())?;
        write_if_other(&copy.join("Cargo.lock"), &fs::read(self.workspace.join("Cargo.lock"))?)?;
        for package in PACKAGES {
            mirror(&self.workspace.join(package), &copy.join(package))?;
        }
        Ok(())
    }

    /// The workspace's manifest, with the packages that are copied as its only members.
    fn manifest(&self) -> io::Result<String> {
        let text = fs::read_to_string(self.workspace.join("Cargo.toml"))?;
        let members = format!("members = {PACKAGES:?}");
        let line = |line: &str| {
            if line.starts_with("members = ") {
                members.clone()
            } else {
                line.to_owned()
            }
        };
        Ok(text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n")
    }

    /// Applies a mutant to the copy.
    pub(super) fn apply(&self, mutant: &Mutant) -> Result<(), String> {
        run(git_apply(&self.copy()).arg(&mutant.file)).map(|_| ())
    }

    /// Builds the copy, and gives back where the program was put under a name of its own.
    pub(super) fn build(&self, name: &str) -> Result<PathBuf, String> {
        let target = self.folder.join("target");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--profile", "mutants", "--package", "driftless-sim"]);
        build.args(["--bin", "driftless-sim"]);
        build.current_dir(self.copy()).env("CARGO_TARGET_DIR", &target);
        // What was compiled for the last mutant is of use to the next.
        build.env_remove("CARGO_INCREMENTAL");
        run(&mut build)?;
        let programs = self.folder.join("programs");
        let program = programs.join(name);
        let kept = fs::create_dir_all(&programs)
            .and_then(|()| fs::copy(target.join("mutants").join("driftless-sim"), &program));
        kept.map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(program)
    }
}

/// `git apply` in a folder, whether that is inside a repository or not: inside one, git would take the paths to be those
/// of the repository.
fn git_apply(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("apply").current_dir(folder).env_remove("GIT_DIR");
    git.env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder));
    git
}

/// Runs a command to its end; an error is what it said.
fn run(command: &mut Command) -> Result<Output, String> {
    let output = command
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", command.get_program().display(), said.trim()))
}

/// Makes the folder `to` hold what `from` holds.
fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let mut kept = BTreeSet::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if LEFT_OUT.iter().any(|left_out| *left_out == name) {
                continue;
            }
            mirror(&path, &to.join(&name))?;
        } else {
            write_if_other(&to.join(&name), &fs::read(&path)?)?;
        }
        kept.insert(name);
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if kept.contains(&entry.file_name()) {
            continue;
        }
        if entry.path().is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn write_if_other(file: &Path, content: &[u8]) -> io::Result<()> {
    if fs::read(file).is_ok_and(|there| there == content) {
        return Ok(());
    }
    fs::write(file, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patch_fits_core_as_it_is() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let workspace = package.parent().unwrap();
        for mutant in Mutant::all(&package.join("mutants")).unwrap() {
            let fits = run(git_apply(workspace).arg("--check").arg(&mutant.file));
            assert!(fits.is_ok(), "{}: {fits:?}", mutant.name);
        }
    }
}
