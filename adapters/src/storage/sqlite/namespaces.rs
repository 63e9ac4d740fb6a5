//! One file for each namespace, in one folder: who switches users switches files.

use super::SqliteStorage;
use super::file_lock::FileLock;
use super::open::{SqliteOpenError, io_error};
use driftless_core::name::Namespace;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a namespace's file starts with: without it, a namespace might have a name that Windows keeps for devices.
const PREFIX: &str = "client-";

/// What a namespace's file ends with.
const SUFFIX: &str = ".db";

/// Stands before an upper-case letter, which is written in lower case behind it: `A` and `a` are two files also where
/// names of files have no case.
const UPPER: char = '+';

/// What SQLite keeps beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

impl SqliteStorage {
    /// Opens the file of a namespace in `folder`, or makes it; the folder too. Two namespaces share nothing: who
    /// switches users stops the client of one and opens the other.
    ///
    /// The file is `client-NAME.db`, with `+` before each upper-case letter, which is written in lower case. A file
    /// that is a link is refused: it might lead out of the folder.
    pub fn open_namespace(folder: impl AsRef<Path>, namespace: &Namespace) -> Result<Self, SqliteOpenError> {
        let folder = folder.as_ref();
        fs::create_dir_all(folder).map_err(|error| io_error(folder, error))?;
        Self::open(own_file(folder, namespace)?)
    }

    /// The namespaces that have a file in `folder`, in order; none if there is no such folder. Other files are passed
    /// over.
    pub fn list_namespaces(folder: impl AsRef<Path>) -> io::Result<Vec<Namespace>> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let namespace = entry.file_name().to_str().and_then(namespace_of);
            if entry.file_type()?.is_file() {
                found.extend(namespace);
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Removes the file of a namespace and with it all that the client of this namespace kept, events that were never
    /// sent among them. Nothing happens if there is none. Refused with [`SqliteOpenError::InUse`] while a client has
    /// it open.
    ///
    /// An empty lock file stays: removing it could let two clients in at once.
    pub fn delete_namespace(folder: impl AsRef<Path>, namespace: &Namespace) -> Result<(), SqliteOpenError> {
        let folder = folder.as_ref();
        let folder = match folder.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found.map_err(|error| io_error(folder, error))?,
        };
        let path = own_file(&folder, namespace)?;
        let beside = BESIDE.map(|suffix| with_suffix(&path, suffix));
        if !path.exists() && !beside.iter().any(|path| path.exists()) {
            return Ok(());
        }
        let lock = FileLock::take(&path).map_err(|error| io_error(&path, error))?;
        let Some(_lock) = lock else {
            return Err(SqliteOpenError::InUse { path });
        };
        // The database first: should the others stay behind, they are nothing without it.
        remove(&path)?;
        beside.iter().try_for_each(|path| remove(path))
    }
}

/// The file of a namespace, which is in the folder itself.
fn own_file(folder: &Path, namespace: &Namespace) -> Result<PathBuf, SqliteOpenError> {
    let path = folder.join(file_name(namespace));
    let linked = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let beside = ["-lock", "-wal", "-shm"].map(|suffix| with_suffix(&path, suffix));
    if let Some(link) = [&path].into_iter().chain(&beside).find(|path| linked(path)) {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "a namespace's file must not be a link");
        return Err(io_error(link, error));
    }
    Ok(path)
}

fn file_name(namespace: &Namespace) -> String {
    let mut name = String::from(PREFIX);
    for letter in namespace.chars() {
        if letter.is_ascii_uppercase() {
            name.push(UPPER);
        }
        name.push(letter.to_ascii_lowercase());
    }
    name + SUFFIX
}

/// The namespace whose file has this name; `None` if it is no namespace's.
fn namespace_of(file: &str) -> Option<Namespace> {
    let encoded = file.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let (mut name, mut upper) = (String::new(), false);
    for letter in encoded.chars() {
        if letter == UPPER {
            upper = true;
            continue;
        }
        name.push(if upper { letter.to_ascii_uppercase() } else { letter });
        upper = false;
    }
    let namespace = Namespace::new(&name).ok()?;
    // Each namespace has one file: another spelling of it is no namespace's.
    (file_name(&namespace) == file).then_some(namespace)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(suffix);
    path.into()
}

fn remove(path: &Path) -> Result<(), SqliteOpenError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Storage;
    use driftless_core::client::{Cursor, StorageChange, StorageReply, StorageRequest, Transaction};
    use driftless_core::event::Sequence;
    use driftless_core::name::RepositoryName;
    use tempfile::TempDir;

    fn namespace(name: &str) -> Namespace {
        Namespace::new(name).unwrap()
    }

    fn files(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn write(storage: &mut SqliteStorage, after: u64) {
        let cursor = Cursor {
            after: Sequence::new(after),
            ..Cursor::default()
        };
        let repository = RepositoryName::new("r").unwrap();
        let changes = vec![StorageChange::Cursor { repository, cursor }];
        storage
            .request(StorageRequest::Commit(Transaction { changes }))
            .unwrap();
    }

    fn read(storage: &mut SqliteStorage) -> u64 {
        let repositories = vec![RepositoryName::new("r").unwrap()];
        match storage.request(StorageRequest::Open { repositories }).unwrap() {
            StorageReply::Opened(opened) => opened.repositories[0].cursor.after.get(),
            other => panic!("Open was answered with {other:?}"),
        }
    }

    #[test]
    fn each_namespace_has_data_of_its_own() {
        let parent = TempDir::new().unwrap();
        let folder = parent.path().join("users").join("data");
        let names = ["a", "A", "aA", "Aa", "con", "-", "_9", &"Z".repeat(64)];
        for (after, name) in (1..).zip(names) {
            write(
                &mut SqliteStorage::open_namespace(&folder, &namespace(name)).unwrap(),
                after,
            );
        }
        for (after, name) in (1..).zip(names) {
            assert_eq!(
                read(&mut SqliteStorage::open_namespace(&folder, &namespace(name)).unwrap()),
                after,
                "{name}"
            );
        }
        let mut expected = names.map(namespace).to_vec();
        expected.sort();
        assert_eq!(SqliteStorage::list_namespaces(&folder).unwrap(), expected);
        // Also where names of files have no case.
        let mut lower: Vec<_> = files(&folder).iter().map(|name| name.to_lowercase()).collect();
        lower.dedup();
        assert_eq!(lower.len(), files(&folder).len());
        assert_eq!(files(parent.path()), ["users"]);
    }

    #[test]
    fn a_deleted_namespace_is_gone_and_no_other() {
        let folder = TempDir::new().unwrap();
        for name in ["a", "A", "b"] {
            write(
                &mut SqliteStorage::open_namespace(folder.path(), &namespace(name)).unwrap(),
                7,
            );
        }
        fs::write(folder.path().join("client-+a.db-wal"), "left by a crash").unwrap();
        SqliteStorage::delete_namespace(folder.path(), &namespace("A")).unwrap();
        assert_eq!(
            files(folder.path()),
            [
                "client-+a.db-lock",
                "client-a.db",
                "client-a.db-lock",
                "client-b.db",
                "client-b.db-lock"
            ]
        );
        let listed = SqliteStorage::list_namespaces(folder.path()).unwrap();
        assert_eq!(listed, [namespace("a"), namespace("b")]);
        let open = |name| SqliteStorage::open_namespace(folder.path(), &namespace(name)).unwrap();
        assert_eq!((read(&mut open("A")), read(&mut open("a"))), (0, 7));
    }

    #[test]
    fn a_namespace_in_use_is_not_deleted() {
        let folder = TempDir::new().unwrap();
        let mut open = SqliteStorage::open_namespace(folder.path(), &namespace("a")).unwrap();
        write(&mut open, 7);
        let error = SqliteStorage::delete_namespace(folder.path(), &namespace("a")).unwrap_err();
        assert!(matches!(error, SqliteOpenError::InUse { .. }), "{error}");
        let error = SqliteStorage::open_namespace(folder.path(), &namespace("a")).unwrap_err();
        assert!(matches!(error, SqliteOpenError::InUse { .. }), "{error}");
        assert_eq!(read(&mut open), 7);
        drop(open);
        SqliteStorage::delete_namespace(folder.path(), &namespace("a")).unwrap();
        assert_eq!(SqliteStorage::list_namespaces(folder.path()).unwrap(), []);
    }

    #[test]
    fn what_is_not_there_is_neither_listed_nor_made_by_deleting() {
        let parent = TempDir::new().unwrap();
        let folder = parent.path().join("none");
        SqliteStorage::delete_namespace(&folder, &namespace("a")).unwrap();
        assert_eq!(SqliteStorage::list_namespaces(&folder).unwrap(), []);
        SqliteStorage::delete_namespace(parent.path(), &namespace("a")).unwrap();
        assert_eq!(files(parent.path()), [""; 0]);
    }

    #[test]
    fn other_files_are_no_namespaces() {
        let folder = TempDir::new().unwrap();
        let others = [
            "client-A.db",
            "client-++a.db",
            "client-a+.db",
            "client-+1.db",
            "client-.db",
            "client-a.db-wal",
            "a.db",
            "client-a b.db",
            "client-ä.db",
            "client-+é.db",
            "client-a.DB",
            "notes.txt",
        ];
        for name in others {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("client-folder.db")).unwrap();
        assert_eq!(SqliteStorage::list_namespaces(folder.path()).unwrap(), []);
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for name in [
            "",
            ".",
            "..",
            "../a",
            "a/b",
            "a\\b",
            "/etc/passwd",
            "C:a",
            "a.b",
            "a\0",
            "a ",
            "ä",
            "+a",
        ] {
            Namespace::new(name).unwrap_err();
        }
        let long = "a".repeat(65);
        assert!(Namespace::new(&long).unwrap_err().to_string().contains("64"));
    }

    #[cfg(unix)]
    #[test]
    fn no_link_leads_out_of_the_folder() {
        let parent = TempDir::new().unwrap();
        let folder = parent.path().join("users");
        fs::create_dir(&folder).unwrap();
        let outside = parent.path().join("outside.db");
        write(&mut SqliteStorage::open(&outside).unwrap(), 7);
        for link in ["client-a.db", "client-a.db-lock", "client-a.db-wal", "client-a.db-shm"] {
            std::os::unix::fs::symlink(&outside, folder.join(link)).unwrap();
            let error = SqliteStorage::open_namespace(&folder, &namespace("a")).unwrap_err();
            assert!(error.to_string().contains("must not be a link"), "{error}");
            SqliteStorage::delete_namespace(&folder, &namespace("a")).unwrap_err();
            assert_eq!(SqliteStorage::list_namespaces(&folder).unwrap(), []);
            fs::remove_file(folder.join(link)).unwrap();
        }
        assert_eq!(read(&mut SqliteStorage::open(&outside).unwrap()), 7);
    }
}
